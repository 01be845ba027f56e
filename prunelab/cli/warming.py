"""Workers of a sweep that start while it is still being planned."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

from hydra.plugins.launcher import Launcher

from prunelab.cli.work import get_ready


@contextlib.contextmanager
def workers_getting_ready(launcher: Launcher, jobs: int) -> Iterator[None]:
    """The workers of joblib import what a job needs while this process composes and plans `jobs` jobs; other launchers have none yet.

    An error in here ends the workers, so that it is said at once. If they can't be started, the launcher will say why.
    """
    options: dict[str, Any] = getattr(launcher, "joblib", {}) if type(launcher).__name__ == "JoblibLauncher" else {}
    if not options:
        yield
        return
    from joblib import Parallel, delayed, effective_n_jobs

    workers = min(effective_n_jobs(options.get("n_jobs", 1)), jobs)
    if workers == 1:  # that is this process
        yield
        return

    def start() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # the processes that this thread starts begin so
        with contextlib.suppress(BaseException):  # these very workers get the jobs: joblib keeps them between calls of like options
            Parallel(**{**options, "backend": "loky"})(delayed(_get_ready)() for _ in range(workers))

    thread = threading.Thread(target=start, name="workers getting ready", daemon=True)
    thread.start()
    try:
        yield
    except BaseException:
        _end_workers()
        raise
    finally:
        thread.join()


def _get_ready() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that plans; it ends this one
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    get_ready()


def _end_workers() -> None:
    from joblib.externals.loky import get_reusable_executor

    with contextlib.suppress(Exception):
        get_reusable_executor(reuse=True).shutdown(kill_workers=True)  # pyright: ignore[reportArgumentType]
