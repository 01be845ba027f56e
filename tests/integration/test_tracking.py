"""The real command line with W&B's real client: whatever its server does, the records are the same."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from prunelab.records.frame import load, same
from prunelab.records.from_csv import load_csv
from prunelab.records.from_wandb_files import run_files
from prunelab.results.frames import checked
from prunelab.results.frames import points as points_of
from prunelab.results.pareto import front
from tests.tracking.loopback import KEY, Loopback

REPOSITORY = Path(__file__).parents[2]
SMALL = ["run", "name=t", "dataset=digits", "trainer.length=20it", "trainer.evaluate_every=10it", "hardware=cpu", "sparsity.levels=2"]
NOBODY = {"WANDB_BASE_URL": "http://127.0.0.1:9", "WANDB_API_KEY": KEY, "WANDB_ERROR_REPORTING": "false"}


def prunelab(home: Path, *arguments: str, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command, from outside the repository."""
    home.mkdir(parents=True, exist_ok=True)
    known = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    done = subprocess.run(
        [sys.executable, "-m", "prunelab.cli", *arguments],
        capture_output=True, text=True, check=False, cwd=home,
        env={**known, "PRUNELAB_HOME": str(home), "PYTHONPATH": str(REPOSITORY), **environment},
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done


def records(home: Path) -> pd.DataFrame:
    """Its records, but for the command line, which says how they are tracked."""
    return load(home / "records", "t").assign(overrides="")


def warnings_of(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Lines that say something of W&B."""
    return [line for line in (done.stdout + done.stderr).splitlines() if "wandb" in line.lower() or "W&B" in line]


@pytest.fixture(scope="module")
def untracked(tmp_path_factory):
    """The study without tracking: its records, and the seconds it took."""
    home = tmp_path_factory.mktemp("untracked")
    started = time.monotonic()
    prunelab(home, *SMALL, "tracking=none")
    assert not (home / "wandb").exists()
    return records(home), time.monotonic() - started


def test_offline_then_sent_then_read_back(untracked, tmp_path):
    frame, _ = untracked
    assert warnings_of(prunelab(tmp_path, *SMALL, "tracking.artifacts=masks")) == []
    assert same(frame, records(tmp_path)) == []
    with Loopback() as server:
        said = prunelab(tmp_path, "track", "sync", "t", "--dry-run", **server.environment).stdout
        assert "6 runs" in said
        assert "6 not sent yet" in said
        assert server.requests == []
        assert "sent 6 runs" in prunelab(tmp_path, "track", "sync", "t", **server.environment).stdout
        jobs = sorted(run["jobType"] for run in server.runs.values())
        assert jobs == ["prune", "prune", "summary", "train", "train", "train"]
        requests = len(server.requests)
        assert "0 not sent yet" in prunelab(tmp_path, "track", "sync", "t", **server.environment).stdout
        assert len(server.requests) == requests
        prunelab(tmp_path, "report", "wandb:me/prunelab/t", "--output", "report", **server.environment)
    assert "study 'x'" in prunelab(tmp_path, "track", "sync", "x", code=2).stderr
    prunelab(tmp_path, "report", "t", "--output", "of_records")
    prunelab(tmp_path, "report", str(tmp_path / "wandb"), "--output", "of_files")
    ways = [tmp_path / folder for folder in ("of_records", "report", "of_files")]
    points = [(way / "points.csv").read_text().splitlines() for way in ways]
    assert points[0] == points[1] == points[2]
    tables = [(way / "tables.md").read_text().splitlines() for way in ways]
    assert len(tables[0]) > 10
    assert [own[1:] for own in tables] == [tables[0][1:]] * 3  # but for the heading: each is called after its source
    fronts = [front(points_of(checked(load_csv(way / "points.csv"))), ("compression_ratio", "test_top1")) for way in ways]
    assert len(fronts[0]) >= 1
    assert all(fronts[0].equals(other) for other in fronts[1:])


def test_live_while_it_runs(untracked, tmp_path):
    frame, _ = untracked
    with Loopback() as server:
        done = prunelab(tmp_path, *SMALL, "tracking.mode=online", "tracking.patience=120", **server.environment)
        assert warnings_of(done) == []
        assert same(frame, records(tmp_path)) == []
        assert sorted(run["state"] for run in server.runs.values()) == ["finished"] * 4
        assert "0 not sent yet" in prunelab(tmp_path, "track", "sync", "t", **server.environment).stdout


def test_unreachable_from_the_start(untracked, tmp_path):
    frame, seconds = untracked
    started = time.monotonic()
    done = prunelab(tmp_path, *SMALL, "tracking.mode=online", "tracking.patience=1", **NOBODY)
    assert time.monotonic() - started < 3 * seconds + 30
    assert same(frame, records(tmp_path)) == []
    (said,) = [line for line in warnings_of(done) if "failed" in line]
    assert "kept offline" in said
    assert "track sync" in said
    assert len(warnings_of(done)) == 1, warnings_of(done)
    with Loopback() as server:  # nothing is lost
        assert "sent 4 runs" in prunelab(tmp_path, "track", "sync", "t", **server.environment).stdout
    failed = prunelab(tmp_path, "track", "sync", "t", **NOBODY)
    assert "0 not sent yet" in failed.stdout


def test_dying_in_the_middle(untracked, tmp_path):
    frame, seconds = untracked
    with Loopback(dies_after=7) as server:
        started = time.monotonic()
        done = prunelab(tmp_path, *SMALL, "tracking.mode=online", "tracking.patience=2", **server.environment)
        took = time.monotonic() - started
    assert took < 3 * seconds + 30
    assert same(frame, records(tmp_path)) == []
    assert len(warnings_of(done)) == 1, warnings_of(done)
    assert "kept offline" in warnings_of(done)[0]
    with Loopback() as server:
        assert "are left" not in prunelab(tmp_path, "track", "sync", "t", **server.environment).stdout
    assert run_files(tmp_path / "wandb")


def test_a_sweep_file_whose_commands_run(tmp_path):
    from wandb.sdk.launch.sweeps.utils import create_sweep_command, create_sweep_command_args

    path = tmp_path / "sweep.yaml"
    said = prunelab(tmp_path, "track", "sweep", "experiment=rewinding_mnist5k", "optimizer.lr=1e-3,0.01", "--output", str(path)).stdout
    assert "6 combinations of schedule, optimizer.lr" in said
    found = yaml.safe_load(path.read_text())
    assert found["parameters"] == {
        "schedule": {"values": ["lottery", "lr_rewinding", "fine_tuning"]},
        "optimizer.lr": {"values": [0.001, 0.01]},
    }
    assert (found["method"], found["project"], found["name"]) == ("grid", "prunelab", "rewinding_mnist5k")
    arguments = {"args": {"schedule": {"value": "fine_tuning"}, "optimizer.lr": {"value": 0.01}}}
    replaced = create_sweep_command_args(arguments)["args_no_hyphens"]
    words = [word for part in create_sweep_command(found["command"]) for word in (replaced if part == "${args_no_hyphens}" else [part])]
    assert words[:3] == ["${env}", "${program}", "run"]  # /usr/bin/env prunelab run
    composed = yaml.safe_load(prunelab(tmp_path, *words[2:], "--cfg", "job").stdout)
    assert composed["schedule"]["retraining"] == "fine_tuning"
    assert (composed["optimizer"]["lr"], composed["tracking"]["mode"]) == (0.01, "online")
    plan = prunelab(tmp_path, *words[2:], "--plan").stdout  # one job, not the experiment's three
    assert "jobs" not in plan
    assert "distinct stages" in plan


def test_a_job_of_an_agent(tmp_path):
    parameters = tmp_path / "parameters.yaml"
    parameters.write_text("optimizer.lr:\n  value: 0.01\n")
    with Loopback() as server:
        agent = {"WANDB_SWEEP_ID": "sw33p", "WANDB_RUN_ID": "agentrun", "WANDB_SWEEP_PARAM_PATH": str(parameters)}
        online = ["tracking.mode=online", "tracking.patience=120", "optimizer.lr=0.01"]
        prunelab(tmp_path, *SMALL, *online, **server.environment, **agent)
        run = server.runs["prunelab", "agentrun"]
        assert (run["jobType"], run["state"], run["sweepName"]) == ("summary", "finished", "sw33p")
        assert '"validation_top1"' in run["summaryMetrics"]
        assert len(server.runs) == 4
        assert [other["sweepName"] for other in server.runs.values() if other is not run and other.get("sweepName")] == []


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["dataset=digits"], "nothing to sweep over"),
        (["tracking=none", "seeds=[0],[1]"], "needs tracking=wandb"),
        (["optimizer.lr=interval(1e-4,1e-2)"], "no end of choices for a grid"),
        (["optimzer.lr=1,2"], "optimzer"),
    ],
)
def test_what_cannot_be_swept_is_said(overrides, said, monkeypatch, tmp_path):
    from click.testing import CliRunner

    from prunelab.cli import main

    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["track", "sweep", *overrides])
    assert done.exit_code == 2, done.output
    assert said in done.output + (done.stderr or "")
    assert list(tmp_path.iterdir()) == []
