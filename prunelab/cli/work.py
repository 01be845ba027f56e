"""What a job does in the process that it is given to."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from prunelab.basics.canonical import canonical_json
from prunelab.basics.garbage import importing
from prunelab.basics.stop import COME_BACK, Stopped, Switch, restore
from prunelab.cli.errors import warnings_in_words
from prunelab.store.plans import write_json

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from prunelab.cli.jobs import Job
    from prunelab.study.failure import Failure
    from prunelab.study.runner import Watcher
    from prunelab.tracking.tracker import Digest, Tracker


@dataclasses.dataclass(frozen=True, kw_only=True)
class SweepFolder:
    """Where the processes of a sweep leave word for each other.

    Attributes:
        path: the folder.
        beginnings: see `Runner`; those that all jobs together want.
    """

    path: Path
    beginnings: Mapping[str, Mapping[int, str]]

    @property
    def stop(self) -> Path:
        """The file of the sweep's `Switch`."""
        return self.path / "stop"

    def begun(self, number: int) -> Path:
        """There once a job has begun."""
        return self.path / f"{number}.begun"

    def ended(self, number: int) -> Path:
        """There once a job has ended, well or not."""
        return self.path / f"{number}.ended"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a job.

    Attributes:
        number: of the job.
        failures: stages that could not be computed.
        error: why the whole job could not be run, if so.
        stopped: the exit code asked for, if it was asked to stop before it was done.
    """

    number: int
    failures: tuple[Failure, ...] = ()
    error: str = ""
    stopped: int = 0

    @property
    def done(self) -> bool:
        """Whether all its points have records."""
        return not (self.failures or self.error or self.stopped)


_TO_PLAN = ("prunelab.config", "prunelab.study.plan")
_TO_RUN = ("prunelab.study.runner", "prunelab.training.fit")


@functools.cache
def get_ready(*, only_to_plan: bool = False) -> None:
    """Import what jobs need, once a process: torch to plan them, Lightning and what it brings to run them, which takes seconds."""
    with importing():
        for module in (*_TO_PLAN, *(() if only_to_plan else _TO_RUN)):
            importlib.import_module(module)


_working = threading.Event()


def is_working() -> bool:
    """Whether this process has a job of a launcher's."""
    return _working.is_set()


def outcome_of(found: dict[str, Any]) -> Outcome:
    """An outcome from its JSON."""
    from prunelab.study.failure import Failure

    return Outcome(**{**found, "failures": tuple(Failure(**failure) for failure in found["failures"])})


def run_job(job: Job, *, watcher: Watcher, switch: Switch, beginnings: Mapping[str, Mapping[int, str]]) -> Outcome:
    """Run one job in this process.

    Raises:
        StoreError: if its store can't be written.
        ValueError: if its store is a newer version's.
    """
    from prunelab.study.runner import Runner

    runner = Runner(
        workshop=job.workshop,
        records=job.home / "records",
        tracker=tracker_of(job),
        watcher=watcher,
        switch=switch,
        beginnings=beginnings,
    )
    try:
        return Outcome(number=job.number, failures=tuple(runner.run(job.plan)))
    except Stopped as stop:
        return Outcome(number=job.number, stopped=stop.code)


_trackers: dict[str, Tracker] = {}  # of this process: one that has lost its server does not wait for it again in the next job


def tracker_of(job: Job) -> Tracker:
    """The tracker of a job, shared by all jobs that say the same of it."""
    name = canonical_json([job.tracker.identity(), str(job.home)])
    if name not in _trackers:
        _trackers[name] = job.tracker.build(directory=job.home)
    return _trackers[name]


def flush_trackers() -> None:
    """Wait until everything that was tracked is where it belongs."""
    for tracker in _trackers.values():
        tracker.flush()


def summarise(jobs: Sequence[Job], *, news: bool) -> None:
    """Have the trackers sum up what the studies of these jobs have come to; `news` says whether anything was computed."""
    groups: dict[tuple[Path, str], list[Job]] = {}
    for job in jobs:
        groups.setdefault((job.home, job.plan.study.name), []).append(job)
    for (home, study), own in groups.items():
        tracker_of(own[0]).summarise(partial(_digest, home, study, own), news=news)


def _digest(home: Path, study: str, jobs: Sequence[Job]) -> Digest:
    from prunelab.records.frame import load
    from prunelab.study.summing_up import digest_of

    keys = {point.stages[0].key for job in jobs for point in job.plan.points}
    return digest_of(load(home / "records", study), study, keys)


@warnings_in_words()
def work(config: DictConfig, *, sweep: SweepFolder) -> Outcome:
    """Run a job of a sweep in a process of a launcher's: what Hydra's launchers are given to call."""
    _working.set()
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # of a worker that began with it blocked, and was not made ready
    get_ready()
    from hydra.core.hydra_config import HydraConfig

    from prunelab.cli.jobs import job_of
    from prunelab.study.log import LogFile

    number = int(HydraConfig.get().job.num)
    switch = Switch(sweep.stop)
    before = switch.listen()
    try:
        if switch.code:
            return Outcome(number=number, stopped=switch.code)
        sweep.begun(number).write_text(str(os.getpid()))
        try:
            job = job_of(config, worker=True)
            outcome = run_job(job, watcher=LogFile(job.log), switch=switch, beginnings=sweep.beginnings)
        except Stopped as stop:
            outcome = Outcome(number=number, stopped=stop.code)
        except Exception as error:  # whatever it is, it is this job's: the sweep says it at its end
            outcome = Outcome(number=number, error=" ".join(f"{type(error).__name__}: {error}".split()))
        if outcome.stopped == COME_BACK and not sweep.stop.exists():
            # a batch system takes this process's machine back, and queues the job again: no outcome yet
            for handler, signal_number in switch.handed_on:
                handler(signal_number, None)
            sys.exit(COME_BACK)
        flush_trackers()
        with contextlib.suppress(OSError):
            write_json(sweep.ended(number), dataclasses.asdict(outcome))
        return outcome
    finally:
        _working.clear()
        # an idle worker that dies of Ctrl-C takes the busy ones beside it along
        restore({**before, signal.SIGINT: signal.SIG_IGN} if before else {})


def watchers(*several: Watcher) -> Watcher:
    """One watcher that tells several."""
    return cast("Watcher", _Several(several))


class _Several:
    def __init__(self, watchers: tuple[Watcher, ...]) -> None:
        self._watchers = watchers

    def __getattr__(self, name: str) -> Any:
        def tell(*arguments: Any) -> None:
            for watcher in self._watchers:
                getattr(watcher, name)(*arguments)

        return tell
