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
    history = inspected(path)
    assert '"validation_loss"' in history
    for value in ("0.1", "0.2"):
        assert value in history
    summary = json.loads(inspected(path, "--summary"))
    text = json.dumps(summary)
    assert "0.93" in text
    assert "study" in text


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
