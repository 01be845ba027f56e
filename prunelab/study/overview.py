"""How far a sweep is, from the store and the records alone: for whoever looks on, in whatever process."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from pathlib import Path

from prunelab.records.schema import Record
from prunelab.store.plans import StoredJob, StoredPoint, StoredStage, read_failures
from prunelab.store.store import Store
from prunelab.study.plan import Plan
from prunelab.study.runner import label_of
from prunelab.study.stages.base import Stage
from prunelab.study.stages.train import Train

_RATED = 20  # trainings that a rate is measured on


def stored_job(plan: Plan, *, sweep: str, number: int, command: str, log: str) -> StoredJob:
    """What `plan` needs, for the store."""
    stages = plan.stages()
    trainings = [stage for stage in stages if isinstance(stage, Train)]
    longer = [stage for stage in trainings if stage.steps]
    free = {stage.until(other.spec.end_step).key for stage in longer for other in longer if _within(other, stage)}
    labels: dict[str, str] = {}

    def name(stage: Stage, label: str) -> None:
        if stage.key not in labels:
            labels[stage.key] = label
            for needed in stage.inputs.values():
                name(needed, label)

    for point in plan.points:
        for stage in point.stages:
            name(stage, label_of(point))
    found = {
        stage.key: StoredStage(
            kind=stage.kind,
            steps=stage.steps if isinstance(stage, Train) and stage.key not in free else 0,
            label=labels[stage.key],
            inputs=tuple(needed.key for needed in stage.inputs.values()),
        )
        for stage in stages
    }
    points = tuple(
        StoredPoint(record=Record(**point.axes).record_id, stages=tuple(stage.key for stage in point.stages)) for point in plan.points
    )
    return StoredJob(study=plan.study.name, sweep=sweep, number=number, command=command, log=log, points=points, stages=found)


def _within(other: Train, stage: Train) -> bool:
    return stage.spec.start_step < other.spec.end_step < stage.spec.end_step


@dataclasses.dataclass(frozen=True, kw_only=True)
class Running:
    """A stage that somebody computes now."""

    kind: str
    label: str
    key: str
    host: str
    pid: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Overview:
    """How far a sweep is.

    Attributes:
        jobs: how many are `done`, `running` (or waiting for a stage that runs), `failed`, `waiting`.
        stages: distinct stages.
        stages_done: of them.
        shared: how often a job asks for a stage that another has already.
        steps_left: optimizer steps.
        seconds_left: estimated from trainings that are done and the processes that run; None without any.
        running: what is computed now.
        failures: by key of the stage: what, where and why.
    """

    jobs: Mapping[str, int]
    stages: int
    stages_done: int
    shared: int
    steps_left: int
    seconds_left: float | None
    running: Sequence[Running]
    failures: Mapping[str, Mapping[str, str]]


class Lookout:
    """Looks again and again; what was found done is not looked for again.

    Args:
        jobs: of the sweep.
        store: where their stages are.
        records: folder of records.
    """

    def __init__(self, jobs: Sequence[StoredJob], store: Store, records: Path) -> None:
        self.jobs, self.store, self.records = jobs, store, Path(records)
        self._stages = {key: stage for job in jobs for key, stage in job.stages.items()}
        self._done: set[str] = set()
        self._recorded: set[tuple[str, str]] = set()
        self._seconds: dict[str, float] = {}

    def look(self) -> Overview:
        """How far the sweep is now."""
        self._done |= {key for key in self._stages.keys() - self._done if self.store.has(key)}
        held = {key: holder for key, holder in self.store.held().items() if key in self._stages and key not in self._done}
        failed = {key: why for key, why in read_failures(self.store.root).items() if key in self._stages and key not in self._done}
        jobs = Counter(self._state(job, held.keys(), failed.keys()) for job in self.jobs)
        steps = sum(self._stages[key].steps for key in self._needed())
        return Overview(
            jobs={state: jobs[state] for state in ("done", "running", "failed", "waiting")},
            stages=len(self._stages),
            stages_done=len(self._done),
            shared=sum(len(job.stages) for job in self.jobs) - len(self._stages),
            steps_left=steps,
            seconds_left=self._seconds_for(steps, max(1, len({(who["host"], who["pid"]) for who in held.values()}))),
            running=[self._running(key, holder) for key, holder in held.items()],
            failures=failed,
        )

    def _state(self, job: StoredJob, held: Container[str], failed: Container[str]) -> str:
        if all(self._is_recorded(job.study, point) for point in job.points):
            return "done"
        if any(key in held for key in job.stages):
            return "running"
        return "failed" if any(key in failed for key in job.stages) else "waiting"

    def _is_recorded(self, study: str, point: StoredPoint) -> bool:
        identity = (study, point.record)
        if identity not in self._recorded:
            there = all(key in self._done for key in point.stages) and (self.records / study / f"{point.record}.json").is_file()
            self._recorded |= {identity} if there else set()
        return identity in self._recorded

    def _needed(self) -> set[str]:
        """Stages that are not there and that something asked for still needs."""
        found: set[str] = set()
        left = [key for job in self.jobs for point in job.points for key in point.stages]
        while left:
            key = left.pop()
            if key in self._done or key in found or key not in self._stages:
                continue
            found.add(key)
            left.extend(self._stages[key].inputs)
        return found

    def _seconds_for(self, steps: int, processes: int) -> float | None:
        if not steps:
            return 0.0
        for key in self._done:
            if len(self._seconds) >= _RATED:
                break
            if key not in self._seconds and self._stages[key].steps:
                try:
                    self._seconds |= {key: taken} if (taken := self.store.data(key)["seconds"]) else {}
                except (KeyError, ValueError, OSError):  # gone, or damaged: whoever needs it says so
                    continue
        seconds = sum(self._seconds.values())
        return steps * seconds / sum(self._stages[key].steps for key in self._seconds) / processes if seconds else None

    def _running(self, key: str, holder: Mapping[str, str | int]) -> Running:
        stage = self._stages[key]
        return Running(kind=stage.kind, label=stage.label, key=key, host=str(holder["host"]), pid=int(holder["pid"]))
