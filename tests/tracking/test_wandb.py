"""W&B: what is logged is read back by W&B's own tool, whole; what fails never fails a study."""

from __future__ import annotations

import json
import subprocess
import warnings
from pathlib import Path

import pytest

from prunelab.records.from_wandb_files import load_wandb_files
from prunelab.records.mirror import config_of, row_of
from prunelab.records.schema import AXES, Record
from prunelab.tracking.tracker import Digest, Line, Sheet, Stored
from prunelab.tracking.wandb_tracker import WandbTracker

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

RECORD = Record(
    study="s", model="lenet", dataset="digits", criterion="magnitude", schedule="iterative", seed=3, level=2, variant="12ab",
    overrides="a=1", stage_key="ef" * 32, sparsity=0.36, compression_ratio=1.5, test_top1=1 / 3, test_loss=float("inf"),
    parameters=12345, diverged=True, layer_density={"z.weight": 0.5, "a.weight": 0.25},
    curve={"step": [10.0, 20.0], "validation_loss": [0.2, 0.1]},
)  # fmt: skip

BARE = Record(**{axis: getattr(RECORD, axis) for axis in AXES})  # what is known before anything is measured


def inspected(folder: Path, name: str, *options: str) -> str:
    """What W&B's own inspector says of the run `name`."""
    from wandb.util import get_core_path

    (path,) = (folder / "wandb").glob(f"offline-run-*-{name}/*.wandb")
    command = [get_core_path(), "leet", "inspect", "--json", "--no-observability", *options, "--run-file", str(path), str(path.parent)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def rows_of(folder: Path, name: str, kind: str) -> list[dict]:
    rows = [json.loads(line) for line in inspected(folder, name).splitlines()]
    return [row[kind] for row in rows if row["type"] == kind]


def started(tracker, **more):
    options = {"run_id": "abc123", "group": "s", "job_type": "train", "config": config_of(BARE, {"seeds": [0]}), "tags": ["lenet"]}
    return tracker.start("name", **{**options, **more})


@pytest.fixture(scope="module")
def logged(tmp_path_factory):
    """A point, and its artifacts, in an offline run."""
    folder = tmp_path_factory.mktemp("logged")
    tracker = WandbTracker(directory=folder, artifacts="all")
    files = {kind: folder / f"{kind}.safetensors" for kind in ("mask", "checkpoint")}
    for kind, path in files.items():
        path.write_bytes(kind.encode())
    mask, checkpoint = (Stored(kind=kind, key=f"{kind:0<40}", path=path) for kind, path in files.items())
    run = started(tracker)
    for step in (10, 20):
        run.log(step, {"validation_loss": step / 100})
    run.finish(RECORD, uses=[mask], leaves=[checkpoint])
    assert run.id == "abc123"
    return folder


def test_the_whole_record_is_in_config_and_summary(logged):
    found = json.loads(inspected(logged, "abc123", "--summary"))
    assert (found["tags"], found["state"], found["config"]["settings"]) == (["lenet"], "finished", {"seeds": [0]})
    row = row_of(found["config"], found["summary"])
    assert list(row["layer_density"]) == ["z.weight", "a.weight"]  # in order of the network
    row["test_loss"] = float(row["test_loss"])  # W&B writes what is not finite as text
    assert Record(**row) == RECORD


def test_axes_are_config_and_measures_are_summary(logged):
    found = json.loads(inspected(logged, "abc123", "--summary"))
    assert {"seed", "level", "criterion", "study"} <= found["config"].keys()
    assert not {"sparsity", "test_top1"} & found["config"].keys()
    assert (found["summary"]["sparsity"], found["summary"]["test_top1"]) == (0.36, 1 / 3)
    assert sum(found["summary"]["layers/density"]["values"]) == 2
    (run,) = rows_of(logged, "abc123", "run")[:1]
    assert (run["run_group"], run["job_type"], run["run_id"]) == ("s", "train", "abc123")


def test_curves_and_measures_have_their_own_x(logged):
    history = [row["item"] for row in rows_of(logged, "abc123", "history")]
    curve = [(row["curve/step"], row["curve/validation_loss"]) for row in history if "curve/step" in row]
    assert curve == [(10, 0.1), (20, 0.2)]
    assert [row["test_top1"] for row in history if "sparsity" in row] == [1 / 3]
    metrics = rows_of(logged, "abc123", "metric")
    x = {row.get("name") or row.get("glob_name"): row.get("step_metric") for row in metrics}
    assert (x["test_top1"], x["compression_ratio"], x["curve/*"]) == ("sparsity", "sparsity", "curve/step")


def test_artifacts_have_their_lineage(logged):
    found = {row["name"]: row for row in rows_of(logged, "abc123", "artifact")}
    assert found.keys() == {"mask-mask000000000000", "checkpoint-checkpoint000000"}
    assert found["mask-mask000000000000"]["use_after_commit"]
    assert not found["checkpoint-checkpoint000000"].get("use_after_commit")


def test_what_is_wanted():
    wanted = {artifacts: [kind for kind in ("mask", "checkpoint") if WandbTracker(directory=Path(), artifacts=artifacts).wants(kind)]
              for artifacts in ("none", "masks", "all")}  # fmt: skip
    assert wanted == {"none": [], "masks": ["mask"], "all": ["mask", "checkpoint"]}


DIGEST = Digest(
    study="s",
    numbers={"networks": 4, "validation_top1": 0.5},
    sheets={"pareto": Sheet(columns=["method", "compression_ratio", "test_top1"], rows=[["a", 2.0, 0.9], ["b", 4.0, None]],
                            x="compression_ratio", y="test_top1")},
    lines={"quality": Line(x="sparsity", y="test_top1", series={"a": ([0.0, 0.5], [0.9, 0.8])})},
)  # fmt: skip


def test_the_summary_run_has_table_plots_and_numbers(tmp_path):
    tracker = WandbTracker(directory=tmp_path)
    tracker.summarise(lambda: pytest.fail("nothing is new"), news=False)
    assert not (tmp_path / "wandb").exists()
    tracker.summarise(lambda: DIGEST, news=True)
    (folder,) = (tmp_path / "wandb").glob("offline-run-*")
    found = json.loads(inspected(tmp_path, folder.name.rpartition("-")[2], "--summary"))
    assert (found["name"], found["config"]["study"]) == ("s-summary", "s")
    assert (found["summary"]["networks"], found["summary"]["validation_top1"]) == (4, 0.5)
    assert found["summary"]["pareto"]["nrows"] == 2
    (table,) = folder.glob("files/media/table/pareto_[0-9]*.table.json")
    assert json.loads(table.read_text())["data"] == [["a", 2.0, 0.9], ["b", 4.0, None]]
    assert {"pareto_plot", "quality"} <= {path.name.rpartition("_table")[0] for path in folder.glob("files/media/table/*")}


def test_a_job_of_an_agent_sums_up_into_the_agents_run(tmp_path, monkeypatch):
    parameters = tmp_path / "parameters.yaml"
    parameters.write_text("wandb_version: 1\npruning/criterion:\n  value: lamp\n")
    for name, value in {"RUN_ID": "agentrun", "SWEEP_ID": "sw33p", "SWEEP_PARAM_PATH": str(parameters)}.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    tracker = WandbTracker(directory=tmp_path)
    started(tracker).finish(RECORD)  # a point keeps its own identity
    tracker.summarise(lambda: DIGEST, news=False)  # the agent waits, news or not
    assert "sw33p" not in inspected(tmp_path, "abc123")
    assert json.loads(inspected(tmp_path, "agentrun", "--summary"))["config"] == {"pruning/criterion": "lamp", "study": "s"}
    assert rows_of(tmp_path, "agentrun", "run")[0]["sweep_id"] == "sw33p"


def _silent(tracker, run):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run.log(2, {"x": 1.0})
        run.finish(RECORD)
        tracker.flush()


def test_a_failing_start_is_one_warning(tmp_path, monkeypatch):
    import wandb

    def fail(**_):
        raise RuntimeError("no server")

    monkeypatch.setattr(wandb, "init", fail)
    tracker = WandbTracker(directory=tmp_path)
    run = started(tracker)
    with pytest.warns(UserWarning, match="tracking is off from here on") as caught:
        tracker.flush()
    assert len([w for w in caught if "W&B" in str(w.message)]) == 1
    _silent(tracker, run)
    assert started(tracker).id is None


def test_failing_in_the_middle_is_one_warning(tmp_path, monkeypatch):
    tracker = WandbTracker(directory=tmp_path)
    run = started(tracker)
    live = run._live

    def fail(*_, **__):
        raise OSError("disk gone")

    monkeypatch.setattr(live, "log", fail)
    run.log(1, {"x": 1.0})
    with pytest.warns(UserWarning, match="disk gone"):
        tracker.say()
    _silent(tracker, run)
    monkeypatch.undo()
    live.finish()


def test_no_key_is_one_warning_and_the_rest_is_kept(tmp_path, monkeypatch):
    for name in ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setattr("prunelab.tracking.wandb_settings._host", lambda: "http://127.0.0.1:9")
    tracker = WandbTracker(directory=tmp_path, mode="online")
    started(tracker).finish(RECORD)
    with pytest.warns(UserWarning, match="no API key for http://127.0.0.1:9"):
        tracker.flush()
    assert row_of(*(json.loads(inspected(tmp_path, "abc123", "--summary"))[part] for part in ("config", "summary")))["sparsity"] == 0.36


def test_patience_is_checked():
    with pytest.raises(ValueError, match="patience = 0"):
        WandbTracker(directory=Path(), patience=0)


def test_a_run_that_had_to_be_begun_again_says_its_id(tmp_path, monkeypatch):
    begin = WandbTracker._init

    def unreachable(tracker, *arguments):
        if tracker.mode == "online":
            raise ConnectionError("refused")
        return begin(tracker, *arguments)

    monkeypatch.setattr(WandbTracker, "_init", unreachable)
    tracker = WandbTracker(directory=tmp_path, mode="online")
    run = started(tracker)
    with pytest.warns(UserWarning, match="kept offline"):
        tracker.flush()
    assert run.id == "abc123-again"
    run.finish(RECORD)
    tracker.flush()
    assert load_wandb_files(tmp_path)["wandb_id"].tolist() == ["abc123-again"]
