"""Workers that get ready while a sweep is planned."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from pathlib import Path

import pytest
from hydra_plugins.hydra_joblib_launcher.joblib_launcher import JoblibLauncher
from joblib import Parallel, delayed
from joblib.externals.loky import get_reusable_executor

from prunelab.basics.garbage import collect_as_usual, collect_rarely
from prunelab.cli.warming import workers_getting_ready

OPTIONS = {"n_jobs": 2, "batch_size": 1, "pre_dispatch": "all"}


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
    begun: set[int] = set()

    def plan() -> None:
        time.sleep(0.5)
        begun.update(get_reusable_executor(reuse=True)._processes)
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"), workers_getting_ready(launcher, 5):
        plan()
    assert len(begun) == 2
    assert not [process for process in begun if _runs(process)]


def test_a_single_worker_is_this_process():
    with workers_getting_ready(JoblibLauncher(**{**OPTIONS, "n_jobs": 1}), 5):
        pass
    with workers_getting_ready(JoblibLauncher(**OPTIONS), 1):
        pass


def test_garbage_is_looked_for_rarely_and_then_as_usual_again():
    before = gc.get_threshold()
    collect_rarely()
    rarely = gc.get_threshold()
    collect_as_usual()
    assert rarely[0] > 100 * before[0]
    assert gc.get_threshold() == before
