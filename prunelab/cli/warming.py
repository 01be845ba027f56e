"""Workers of a sweep that start while it is still being planned."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig

from prunelab.basics.garbage import settle
from prunelab.cli.work import get_ready, is_working

_POLL_SECONDS = 1.0
_END_SECONDS = 5.0  # to wait for processes that are being ended


@contextlib.contextmanager
def workers_getting_ready(launcher: Launcher, jobs: int, config: DictConfig | None = None) -> Iterator[None]:
    """The workers of joblib import what a job needs while this process composes and plans `jobs` jobs.

    Other launchers have no workers yet; nor are they started where the config sets environment variables for its jobs, which a module may
    read when it is imported. An error in here ends the workers, so that it is said at once. If they can't be started, the launcher will
    say why.
    """
    options: dict[str, Any] = getattr(launcher, "joblib", {}) if type(launcher).__name__ == "JoblibLauncher" else {}
    if not options or not hasattr(signal, "pthread_sigmask") or (config is not None and config.hydra.job.env_set):
        yield
        return
    from joblib import Parallel, delayed, effective_n_jobs

    workers = min(effective_n_jobs(options.get("n_jobs", 1)), jobs)
    if workers == 1:  # nothing to do side by side
        yield
        return
    given_up = threading.Event()

    def start() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # the processes that this thread starts begin so
        with contextlib.suppress(BaseException):  # these very workers get the jobs: joblib keeps them between calls of like options
            if not given_up.is_set():
                Parallel(**{**options, "backend": "loky"})(delayed(_get_ready)(os.getpid()) for _ in range(workers))

    thread = threading.Thread(target=start, name="workers getting ready", daemon=True)
    thread.start()
    try:
        yield
    except BaseException:
        given_up.set()
        end = time.monotonic() + _END_SECONDS
        while thread.is_alive() and time.monotonic() < end:
            _end_workers()
            thread.join(0.1)
        raise
    thread.join()


def _get_ready(parent: int) -> None:
    """In a worker: Ctrl-C is for the process that plans, which ends this one; and without that process it is of no use."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with, args=(parent,), name="ends with its parent", daemon=True).start()
    get_ready()
    settle()
    _keep_large()


def _end_with(parent: int) -> None:
    """A process whose parent is killed would wait for jobs for another five minutes; one that has a job finishes it."""
    while os.getppid() == parent or is_working():
        time.sleep(_POLL_SECONDS)
    os._exit(1)


def _keep_large() -> None:
    """Loky ends a worker that has grown by 300 MB since its first task, as if it leaked. The first was only to get ready."""
    from joblib.externals.loky import process_executor

    process_executor._MAX_MEMORY_LEAK_SIZE = sys.maxsize


def _end_workers() -> None:
    from joblib.externals.loky import get_reusable_executor

    with contextlib.suppress(Exception):
        get_reusable_executor(reuse=True).shutdown(kill_workers=True)  # pyright: ignore[reportArgumentType]
