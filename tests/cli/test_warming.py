"""Workers that get ready while a sweep is planned."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra_plugins.hydra_joblib_launcher.joblib_launcher import JoblibLauncher
from joblib import Parallel, delayed
from omegaconf import OmegaConf

from prunelab.basics.garbage import importing, no_collections
from prunelab.cli.warming import workers_getting_ready
from prunelab.cli.work import get_ready

OPTIONS = {"n_jobs": 2, "batch_size": 1, "pre_dispatch": "all"}
PLANNING = """
import time
from hydra_plugins.hydra_joblib_launcher.joblib_launcher import JoblibLauncher
from prunelab.cli.warming import workers_getting_ready

with workers_getting_ready(JoblibLauncher(n_jobs=2, batch_size=1, pre_dispatch="all"), 5):
    time.sleep(60)
"""


def _workers(parent: int) -> list[int]:
    """The processes that a process of joblib has started for jobs."""
    found = []
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if folder.name.isdigit() and int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1]) == parent:
                found += [int(folder.name)] if "popen_loky" in (folder / "cmdline").read_text() else []
    return found


def _state() -> tuple[int, bool, int]:
    time.sleep(0.5)  # so that each of the two gets one
    return os.getpid(), "lightning" in sys.modules, gc.get_freeze_count()


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_workers_that_get_ready_are_those_that_run_the_jobs():
    with workers_getting_ready(JoblibLauncher(**OPTIONS), 5):
        assert "workers getting ready" in {thread.name for thread in threading.enumerate()}, "this process goes on meanwhile"
    assert "workers getting ready" not in {thread.name for thread in threading.enumerate()}
    found = Parallel(**OPTIONS, backend="loky")(delayed(_state)() for _ in range(2))
    assert len({process for process, _, _ in found}) == 2
    assert all(ready and frozen > 100_000 for _, ready, frozen in found)


def test_an_error_ends_the_workers_at_once():
    launcher = JoblibLauncher(**{**OPTIONS, "max_nbytes": 1234})  # other options, so other workers
    others, begun = set(_workers(os.getpid())), set[int]()

    def plan() -> None:
        end = time.monotonic() + 60
        while len(begun) < 2:
            assert time.monotonic() < end
            begun.update(set(_workers(os.getpid())) - others)
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"), workers_getting_ready(launcher, 5):
        plan()
    assert len(begun) == 2
    assert not [process for process in begun if _runs(process)]


@pytest.mark.parametrize("delay", [0.0, 0.001, 0.05])
def test_an_error_right_away_ends_them_too(delay):
    launcher = JoblibLauncher(**{**OPTIONS, "max_nbytes": 4321 + int(1000 * delay)})

    def plan() -> None:
        time.sleep(delay)
        raise ValueError("wrong")

    started = time.perf_counter()
    with pytest.raises(ValueError, match="wrong"), workers_getting_ready(launcher, 5):
        plan()
    assert time.perf_counter() - started < 5.5
    assert "workers getting ready" not in {thread.name for thread in threading.enumerate()}


def test_nobody_gets_ready_where_nobody_is_needed():
    env = OmegaConf.create({"hydra": {"job": {"env_set": {"OMP_NUM_THREADS": "3"}}}})
    for launcher, jobs, config in (
        (JoblibLauncher(**{**OPTIONS, "n_jobs": 1}), 5, None), (JoblibLauncher(**OPTIONS), 1, None), (JoblibLauncher(**OPTIONS), 5, env),
        (BasicLauncher(), 5, None),
    ):  # fmt: skip
        with workers_getting_ready(launcher, jobs, config):
            assert "workers getting ready" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_the_process_that_planned(tmp_path, ending):
    script = tmp_path / "plan.py"
    script.write_text(PLANNING)
    planning = subprocess.Popen([sys.executable, str(script)])
    end = time.monotonic() + 60
    while len(begun := _workers(planning.pid)) < 2:
        assert time.monotonic() < end, begun
        time.sleep(0.1)
    time.sleep(1)
    planning.send_signal(ending)
    planning.wait(timeout=30)
    while any(map(_runs, begun)):
        assert time.monotonic() < end, begun
        time.sleep(0.2)


def test_the_collector_is_as_before_once_modules_are_imported():
    before = gc.get_threshold(), gc.isenabled()
    with importing():
        assert gc.get_threshold()[0] > 50 * before[0][0]
    with no_collections():
        assert not gc.isenabled()
    assert (gc.get_threshold(), gc.isenabled()) == before


def test_jobs_run_with_the_collector_as_it_is_elsewhere():
    get_ready.cache_clear()
    usual = gc.get_threshold()
    get_ready()
    assert gc.get_threshold() == usual


def test_a_study_is_planned_without_what_takes_long_to_import():
    code = "import sys, prunelab.study.plan, prunelab.config; print(*sys.modules)"
    loaded = set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())
    assert "torch" in loaded
    assert not {"torchvision", "triton", "lightning", "transformers", "matplotlib"} & loaded
