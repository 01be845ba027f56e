"""`prunelab run`: all jobs of a command line as one sweep, planned as one, run by whatever launcher it names."""

from __future__ import annotations

import datetime
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunelab.basics.stop import COME_BACK, INTERRUPTED, Switch, leave, restore
from prunelab.cli.jobs import Job, job_of
from prunelab.cli.launching import Launch, run_hydra
from prunelab.cli.work import get_ready, summarise

if TYPE_CHECKING:
    from omegaconf import DictConfig
    from rich.console import Console

    from prunelab.cli.work import Outcome
    from prunelab.study.progress import Progress


def run_all(overrides: tuple[str, ...], *, only_plan: bool = False) -> list[Path]:
    """Compose every job and plan it, then run them: what is wrong with the last job is said before the first one trains.

    A job that fails does not stop the others. Exits with 1 if one failed, with 130 or 75 if asked to stop.

    Returns:
        The home folder of each job.
    """
    sweep = _Sweep(only_plan)
    run_hydra(overrides, one=sweep.one, many=sweep.many, launches=not only_plan)
    if sweep.code in (INTERRUPTED, COME_BACK):
        leave(sweep.code)
    if sweep.code:
        sys.exit(sweep.code)
    return sweep.homes


class _Sweep:
    """The jobs of one command line."""

    def __init__(self, only_plan: bool) -> None:
        self.only_plan, self.code = only_plan, 0
        self.homes: list[Path] = []

    def one(self, config: DictConfig) -> None:
        """A command line without -m: a sweep of one job, in this process."""
        get_ready(only_to_plan=True)
        self._run([job_of(config)], None)

    def many(self, configs: Iterator[DictConfig], launch: Launch, here: bool) -> list[Any]:
        """See `run_hydra`."""
        get_ready(only_to_plan=True)
        return self._run([job_of(config) for config in configs], None if here else launch)

    def _run(self, jobs: list[Job], launch: Launch | None) -> list[Any]:
        from rich.console import Console

        from prunelab.study.progress import progress

        console, started = Console(), time.perf_counter()
        self.homes += [job.home for job in jobs]
        _refuse_collisions(jobs)
        found = progress([job.plan for job in jobs], jobs[0].workshop.store)
        if self.only_plan:
            _show_plan(console, jobs, found)
            return [None] * len(jobs)
        if launch is None:
            get_ready()
        _say_plan(console, jobs, found, here=launch is None)
        _keep_plans(jobs)
        outcomes = _run_here(jobs, found, console) if launch is None else _run_elsewhere(jobs, launch, console)
        if not any(outcome.stopped for outcome in outcomes):
            summarise(jobs, news=bool(found.pending))
        self.code = self.code or _say_end(console, jobs, outcomes, time.perf_counter() - started)
        return outcomes


def _refuse_collisions(jobs: list[Job]) -> None:
    """Two jobs that measure different networks and would write them to the same record.

    Raises:
        ValueError: naming them.
    """
    from prunelab.records.schema import Record
    from prunelab.records.writer import record_path

    seen: dict[Path, tuple[str, Job]] = {}
    for job in jobs:
        for point in job.plan.points:
            path, key = record_path(job.home, Record(**point.axes)), point.stages[0].key
            other, first = seen.setdefault(path, (key, job))
            if other != key:
                raise ValueError(
                    f"jobs {first.number} and {job.number} measure different networks as level {point.axes['level']} of study "
                    f"{job.plan.study.name}, and one would replace the other: put their sparsities into one job "
                    f"(sparsity.values=[0.5,0.9]), or give each job a name= of its own ({first.command}; {job.command})"
                )


def _title(jobs: list[Job], found: Progress) -> str:
    names = ", ".join(dict.fromkeys(job.plan.study.name for job in jobs))
    points = sum(len(job.plan.points) for job in jobs)
    if len(jobs) == 1:
        return f"{names}: {points} points, {len(found.stages)} distinct stages"
    return f"{names}: {len(jobs)} jobs, {points} points, {len(found.stages)} distinct stages ({found.shared} saved by sharing)"


def _say_plan(console: Console, jobs: list[Job], found: Progress, *, here: bool) -> None:
    done = len(found.stages) - len(found.pending)
    said = f"{_title(jobs, found)}, {done} done, {found.pending_steps:,} optimizer steps to run"
    console.print(said, highlight=False, soft_wrap=True)
    if len(jobs) > 1 and found.pending_steps and (here or found.steps_per_second):  # no training where one only submits jobs
        console.print(estimate(jobs, found), highlight=False, soft_wrap=True)


def _show_plan(console: Console, jobs: list[Job], found: Progress) -> None:
    from prunelab.console import plan_table

    console.print(plan_table(_title(jobs, found), found))
    console.print(estimate(jobs, found), highlight=False, soft_wrap=True)


def _keep_plans(jobs: list[Job]) -> None:
    """Tell whoever looks on (`prunelab status`), and whoever cleans up (`prunelab store gc`), what is needed."""
    from prunelab.store.artifact import StoreError
    from prunelab.store.plans import write_job
    from prunelab.study.overview import stored_job

    identity = f"{datetime.datetime.now(datetime.UTC).isoformat(timespec='microseconds')}-{uuid.uuid4().hex[:8]}"
    for job in jobs:
        root = job.workshop.store.root
        try:
            write_job(root, stored_job(job.plan, sweep=identity, number=job.number, command=job.command, log=str(job.log)))
        except OSError as error:
            raise StoreError(error.errno, f"{error.strerror}: nothing was stored (space left? writable?)", str(root)) from error


def _run_here(jobs: list[Job], found: Progress, console: Console) -> list[Outcome]:
    """One job after the other, in this process."""
    from prunelab.cli.work import Outcome, flush_trackers, run_job, watchers
    from prunelab.console import Display
    from prunelab.study.log import LogFile

    outcomes: list[Outcome] = []
    beginnings = _beginnings(jobs)
    switch = Switch()
    before = switch.listen()
    try:
        with Display(found, console, len(jobs)) as display:
            for job in jobs:
                if switch.code:
                    outcomes.append(Outcome(number=job.number, stopped=switch.code))
                    continue
                watcher = watchers(display, LogFile(job.log))
                outcomes.append(run_job(job, watcher=watcher, switch=switch, beginnings=beginnings))
                display.job_ended(not outcomes[-1].done)
    finally:
        restore(before)
        flush_trackers()
    return outcomes


def _run_elsewhere(jobs: list[Job], launch: Launch, console: Console) -> list[Outcome]:
    """In processes of a launcher's."""
    from prunelab.cli.relaunch import run_in_processes
    from prunelab.cli.work import SweepFolder

    folder = SweepFolder(path=jobs[0].home / "sweeps" / uuid.uuid4().hex, beginnings=_beginnings(jobs))
    return run_in_processes(jobs, launch, folder, console)


def _beginnings(jobs: list[Job]) -> dict[str, dict[int, str]]:
    """Of all jobs together: one job's training keeps what another's starts from."""
    from prunelab.study.progress import beginnings_of

    stages = {stage.key: stage for job in jobs for stage in job.plan.stages()}
    return beginnings_of(stages.values(), jobs[0].workshop.store)


def _say_end(console: Console, jobs: list[Job], outcomes: Sequence[Outcome], seconds: float) -> int:
    """Say how it ended; the exit code."""
    from prunelab.cli.failures import failure_table
    from prunelab.console import duration

    stopped = max((outcome.stopped for outcome in outcomes), default=0)
    failed = [outcome for outcome in outcomes if outcome.failures or outcome.error]
    if failed:
        console.print(failure_table(jobs, failed), soft_wrap=True, highlight=False, markup=False)
    done = sum(outcome.done for outcome in outcomes)
    of = f"{done} of {len(jobs)} jobs " if len(jobs) > 1 else ""
    if stopped:
        again = "queue it again" if stopped == COME_BACK else "the same command goes on from there"
        console.print(f"stopped{f' ({of}done)' if of else ''}; finished stages are kept, {again}", highlight=False, soft_wrap=True)
        return stopped
    console.print(f"{of}done in {duration(seconds)}" if not failed or len(jobs) > 1 else f"ended in {duration(seconds)}", highlight=False)
    for home, name in dict.fromkeys((job.home, job.plan.study.name) for job in jobs):
        console.print(f"records in {home / 'records' / name}; see them: prunelab report {name}", highlight=False, soft_wrap=True)
    return 1 if failed else 0


def estimate(jobs: list[Job], found: Progress) -> str:
    """The time that the steps to run take in one process: from trainings that are done, or from a few steps made now."""
    from prunelab.console import duration

    steps, rate = found.pending_steps, found.steps_per_second
    if not steps:
        return "everything is done; running it takes seconds"
    source = "as fast as its finished trainings"
    if rate is None:
        rate, source = _measured_rate(jobs[0]), "measured on a few steps just now"
    return f"about {duration(steps / rate)} for {steps:,} steps at {rate:,.0f} steps a second ({source})"


def _measured_rate(job: Job, steps: int = 40) -> float:
    from prunelab.study.points import Point
    from prunelab.training.fit import fit

    first = next(point for point in job.plan.points if isinstance(point, Point)).train
    end = min(first.spec.start_step + steps, first.spec.end_step)
    fitted = fit(
        first.until(end).spec,
        model=job.workshop.model(first.model, first.dataset),
        masks={},
        splits=job.workshop.splits(first.dataset),
        hardware=job.workshop.hardware,
    )
    return (end - first.spec.start_step) / fitted.data["step_seconds"]
