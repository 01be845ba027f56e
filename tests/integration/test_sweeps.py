"""Sweeps by the real command line: launchers, company, faults. Everything ends with the records of an undisturbed sweep."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from prunelab.records.frame import load, same
from prunelab.store.plans import read_jobs
from prunelab.store.store import Store
from tests.integration.test_cli import command, prunelab

SWEEP = ["run", "-m", "name=small", "dataset=digits", "trainer=quick", "sparsity.levels=2", "tracking=none", "hardware=cpu",
         "hardware.threads=1", "schedule=lottery,one_shot", "seeds=[0],[1]"]  # fmt: skip
SECONDS = 300.0  # far more than anything here takes on a machine that is not busy
FAULTY = "pruning.criterion._target_=tests.integration.faulty.Faulty"


def start(home: Path, *arguments: str) -> subprocess.Popen[str]:
    line, environment = command(home, *arguments)
    return subprocess.Popen(line, env=environment, cwd=home.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def folder(path: Path) -> Path:
    home = path / "home"
    home.mkdir(parents=True)
    return home


def frame(home: Path):
    return load(home / "records", "small").assign(overrides="")


def computed(home: Path) -> Counter[str]:
    """How often each stage was computed, from the logs of all jobs."""
    lines = [line.split() for path in home.glob("hydra/**/stages.log") for line in path.read_text().splitlines()]
    return Counter(words[4] for words in lines if len(words) > 4 and words[2] == "computed")


def wait_for(condition, seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    home = folder(tmp_path_factory.mktemp("undisturbed"))
    prunelab(home, *SWEEP)
    return home


def test_joblib_gives_the_records_of_a_serial_sweep_and_computes_nothing_twice(undisturbed, tmp_path):
    home = folder(tmp_path)
    done = prunelab(home, *SWEEP, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    assert "4 of 4 jobs done" in done.stdout
    assert "warning" not in done.stderr.lower()
    assert same(frame(undisturbed), frame(home)) == []
    counts = computed(home)
    assert counts.keys() == computed(undisturbed).keys() == set(Store(home / "store").keys())
    assert set(counts.values()) == {1}
    assert not list((home / "store" / "leases").iterdir())
    assert not (home / "sweeps").exists()
    threads = {Store(home / "store").data(key).get("environment", {}).get("threads", 1) for key in counts}
    assert threads == {1}


def test_two_sweeps_started_together_share_the_work(undisturbed, tmp_path):
    home = folder(tmp_path)
    both = [start(home, *SWEEP) for _ in range(2)]
    for process in both:
        said, _ = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, said
    assert same(frame(undisturbed), frame(home)) == []
    assert set(computed(home).values()) == {1}
    assert not list((home / "store" / "leases").iterdir())


def test_the_plan_of_a_sweep_is_one_table_that_counts_nothing_twice(undisturbed, tmp_path):
    home = folder(tmp_path)
    said = prunelab(home, *SWEEP, "--plan").stdout
    # a seed: dense; 2 levels rewound, 2 of one shot, of which the first level is the same network
    assert said.count("optimizer steps to run") == 1
    rows = {line.split()[1]: [word for word in line.split() if word != "│"] for line in said.splitlines() if line.startswith("│")}
    assert rows["train"][1:3] == ["0", str(2 * (1 + 3))]
    assert rows["train"][3] == str(2 * (1 + 3) * 38)
    assert not (home / "store").exists() or not list(Store(home / "store").keys())
    assert prunelab(undisturbed, *SWEEP, "--plan").stdout.count("everything is done") == 1


def test_status_says_what_is_done_from_the_store_alone(undisturbed, tmp_path):
    said = prunelab(undisturbed, "status", "small").stdout
    assert "jobs: 4 of 4 done" in said
    assert "saved by sharing; everything is there" in said
    home = folder(tmp_path)
    process = start(home, *SWEEP, "trainer.length=4000ep")
    store = Store(home / "store")
    # the data is there and the initial weights are: what is held from now on is the dense training, until it is stopped
    wait_for(lambda: list(store.keys()) and store.held())
    said = prunelab(home, "status", "small").stdout
    assert re.search(f"running: train [0-9a-f]{{16}} for seed 0 level 0 ticket on .*, process {process.pid}", said), said
    assert "jobs: 0 of 4 done, 2 running, 2 waiting" in said
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=SECONDS)
    assert process.returncode == 75
    assert list((home / "store" / "partial").iterdir())
    assert "running" not in prunelab(home, "status", "small").stdout


def test_status_of_an_unknown_study_names_the_nearest(undisturbed):
    assert "Did you mean 'small'" in prunelab(undisturbed, "status", "smal", ok=False).stderr


@pytest.mark.parametrize("launcher", ["serial", "joblib"])
def test_a_failing_job_is_in_the_table_and_stops_no_other(tmp_path, launcher):
    home, trigger = folder(tmp_path), tmp_path / "trigger"
    trigger.touch()
    words = [*SWEEP[:-1], FAULTY, f"+pruning.criterion.trigger={trigger},{tmp_path / 'none'}", f"hydra/launcher={launcher}"]
    done = prunelab(home, *words, ok=False)
    assert done.returncode == 1
    assert "2 of 4 jobs failed" in done.stdout
    assert done.stdout.count("RuntimeError: out of luck") >= 2
    rows = frame(home)
    assert rows["variant"].nunique() == 4
    assert len(rows.query("level == 2")) == 2
    (log,) = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("    log:")} & {
        str(path) for path in home.glob("hydra/**/0/stages.log")
    }
    assert "Traceback" in Path(log).read_text()
    status = prunelab(home, "status", "small", ok=False)
    assert status.returncode == 1
    assert "2 of 4 done, 2 failed" in status.stdout
    again = [line.split("again: prunelab ")[1] for line in done.stdout.splitlines() if "again:" in line]
    assert len(again) == 2
    trigger.unlink()
    for line in again:
        prunelab(home, *line.split())
    assert "4 of 4 done" in prunelab(home, "status", "small").stdout or len(frame(home).query("level == 2")) == 4


def test_a_worker_that_is_killed_costs_its_job_alone(tmp_path):
    home, trigger = folder(tmp_path), tmp_path / "trigger"
    trigger.touch()
    words = [*SWEEP[:-1], FAULTY, "+pruning.criterion.fault=kill", f"+pruning.criterion.trigger={trigger},{tmp_path / 'none'}"]
    done = prunelab(home, *words, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", ok=False)
    assert done.returncode == 1
    assert "2 of 4 jobs failed" in done.stdout
    assert done.stdout.count("its process was killed (out of memory?)") == 2
    assert len(frame(home).query("level == 2")) == 2
    assert Store(home / "store").held() == {}


def test_the_same_command_after_two_interruptions_gives_the_same_records(undisturbed, tmp_path):
    home = folder(tmp_path)
    for launcher, signals, code in (("serial", 1, 130), ("joblib", 2, 130)):
        process = start(home, *SWEEP, f"hydra/launcher={launcher}")
        before = len(list(Store(home / "store").keys()))
        wait_for(lambda before=before: len(list(Store(home / "store").keys())) > before + 2)
        for _ in range(signals):
            process.send_signal(signal.SIGINT)
            time.sleep(0.3)
        said, _ = process.communicate(timeout=SECONDS)
        assert process.returncode == code, said
        assert "the same command goes on from there" in said
        assert "Traceback" not in said
    prunelab(home, *SWEEP)
    assert same(frame(undisturbed), frame(home)) == []
    assert set(computed(home).values()) == {1}


def test_plans_are_kept_once_a_job(undisturbed):
    before = [job.command for job in read_jobs(undisturbed / "store", "small")]
    prunelab(undisturbed, *SWEEP)
    jobs = read_jobs(undisturbed / "store", "small")
    assert [job.command for job in jobs] == before
    assert len(json.loads(json.dumps(before))) == 4
