"""W&B: what is logged is read back by W&B's own tool; what fails never fails a study."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from prunelab.tracking.wandb_tracker import WandbTracker

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def inspected(run_folder: Path, *options: str) -> str:
    tool = shutil.which("wandb") or str(Path(sys.executable).parent / "wandb")
    found = subprocess.run([tool, "leet", "inspect", "--json", *options, str(run_folder)], capture_output=True, text=True, check=True)
    return found.stdout


def _start(tracker):
    return tracker.start("name", run_id="abc123", group="study", job_type="train", config={"level": 3}, tags=["lenet"])


def test_offline_run_is_what_was_logged(tmp_path):
    run = _start(WandbTracker(directory=tmp_path))
    for step in (10, 20):
        run.log(step, {"validation_loss": step / 100})
    run.finish({"test_top1": 0.93})
    assert run.id == "abc123"
    (folder,) = (tmp_path / "wandb").glob("offline-run-*-abc123")
    (path,) = folder.glob("*.wandb")
    rows = [json.loads(line) for line in inspected(path).splitlines()]
    (started,) = [row["run"] for row in rows if row["type"] == "run"]
    assert (started["run_group"], started["job_type"], started["run_id"]) == ("study", "train", "abc123")
    history = [row["history"] for row in rows if row["type"] == "history"]
    assert [(point["item"]["step"], point["item"]["validation_loss"]) for point in history] == [(10, 0.1), (20, 0.2)]
    ended = json.loads(inspected(path, "--summary"))
    assert (ended["config"], ended["tags"], ended["summary"]["test_top1"], ended["state"]) == ({"level": 3}, ["lenet"], 0.93, "finished")


def test_a_failing_start_is_one_warning(tmp_path, monkeypatch):
    import wandb

    def fail(**_):
        raise RuntimeError("no server")

    monkeypatch.setattr(wandb, "init", fail)
    tracker = WandbTracker(directory=tmp_path)
    with pytest.warns(UserWarning, match="W&B failed and is off") as caught:
        run = _start(tracker)
    assert len([w for w in caught if "W&B" in str(w.message)]) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run.log(1, {"x": 1.0})
        run.finish({})
        assert _start(tracker).id is None


def test_failing_in_the_middle_is_one_warning(tmp_path, monkeypatch):
    run = _start(WandbTracker(directory=tmp_path))

    def fail(*_, **__):
        raise OSError("disk gone")

    monkeypatch.setattr(run._run, "log", fail)
    with pytest.warns(UserWarning, match="disk gone"):
        run.log(1, {"x": 1.0})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run.log(2, {"x": 1.0})
        run.finish({})
    monkeypatch.undo()
    run._run.finish()
