"""Run a plan: compute what the store does not have, write a record a point."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Protocol

from prunelab.records.schema import SCHEMA_VERSION, Record
from prunelab.records.writer import record_path, write_record
from prunelab.store.artifact import Artifact
from prunelab.store.store import Store
from prunelab.study.plan import Plan
from prunelab.study.points import BarrierPoint, Point
from prunelab.study.results import record_of
from prunelab.study.stages.base import Stage
from prunelab.study.stages.train import Train
from prunelab.study.workshop import Workshop
from prunelab.tracking.tracker import NoRun, Run, Tracker


class Watcher(Protocol):
    """Who is shown how far a study is."""

    def point(self, point: Point | BarrierPoint) -> None:
        """A point begins."""
        ...

    def training(self, stage: Train) -> None:
        """A training begins."""
        ...

    def steps(self, done: int) -> None:
        """So many more optimizer steps are done."""
        ...

    def evaluated(self, metrics: dict[str, float]) -> None:
        """A validation was made."""
        ...

    def computed(self, stage: Stage) -> None:
        """A stage was computed (not found)."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class Progress:
    """What of a plan is done.

    Attributes:
        stages: all distinct stages.
        pending: those that would be computed.
        pending_steps: optimizer steps they take.
        steps_per_second: measured on trainings of this plan that are done; None if there is none.
    """

    stages: list[Stage]
    pending: list[Stage]
    pending_steps: int
    steps_per_second: float | None


def progress(plan: Plan, store: Store) -> Progress:
    """What the store has of `plan`. A stage is pending only if something that is asked for still needs it."""
    stages = plan.stages()
    pending: dict[str, Stage] = {}

    def need(stage: Stage) -> None:
        if stage.key in pending or store.has(stage.key):
            return
        for needed in stage.inputs.values():
            need(needed)
        pending[stage.key] = stage

    for point in plan.points:
        for stage in point.stages:
            need(stage)
    beginnings = {step_key for steps in _snapshots(stages, store).values() for step_key in steps.values()}
    steps = sum(s.steps for s in pending.values() if isinstance(s, Train) and s.key not in beginnings)
    return Progress(
        stages=stages,
        pending=list(pending.values()),
        pending_steps=steps,
        steps_per_second=_rate([s for s in stages if isinstance(s, Train) and s.steps and s.key not in pending], store),
    )


def _rate(done: list[Train], store: Store, most: int = 20) -> float | None:
    steps, seconds = 0, 0.0
    for stage in [stage for stage in done if store.has(stage.key)][:most]:
        steps += stage.steps
        seconds += store.data(stage.key)["seconds"]
    return steps / seconds if seconds else None


def _snapshots(stages: list[Stage], store: Store) -> dict[str, dict[int, str]]:
    """Trainings that are the beginning of a longer one of the same plan: key of the longer -> {end step: key}."""
    trainings = {stage.key: stage for stage in stages if isinstance(stage, Train)}
    ends = sorted({stage.spec.end_step for stage in trainings.values()})
    found: dict[str, dict[int, str]] = {}
    for key, stage in trainings.items():
        if store.has(key):
            continue
        shorter = [end for end in ends if stage.spec.start_step < end < stage.spec.end_step]
        beginnings = {end: stage.until(end).key for end in shorter}
        wanted = {end: k for end, k in beginnings.items() if k in trainings and not store.has(k)}
        if wanted:
            found[key] = wanted
    return found


class Runner:
    """Runs plans against a store, and writes records below `records`."""

    def __init__(self, *, workshop: Workshop, records: Path, tracker: Tracker, watcher: Watcher) -> None:
        self.workshop, self.records, self.tracker, self.watcher = workshop, Path(records), tracker, watcher

    def run(self, plan: Plan) -> None:
        """Compute every point of `plan` that has no record yet, in order."""
        stages = plan.stages()
        self.workshop.snapshots = {key: tuple(ends) for key, ends in _snapshots(stages, self.workshop.store).items()}
        for point in plan.points:
            if not self._is_recorded(point):
                self._point(point)

    def _is_recorded(self, point: Point | BarrierPoint) -> bool:
        """Whether the record is there, of this schema, and the artifacts it came from still are."""
        stage = point.stages[0]
        path = record_path(self.records, _bare_record(point))
        if not path.is_file():
            return False
        text = path.read_text()
        current = f'"{stage.key}"' in text and f'"schema_version": {SCHEMA_VERSION},' in text
        return current and all(self.workshop.store.has(stage.key) for stage in point.stages)

    def _point(self, point: Point | BarrierPoint) -> None:
        self.watcher.point(point)
        bare = _bare_record(point)
        run = self._start(point, bare.record_id)
        live: list[int] = []

        def on_evaluation(step: int, metrics: dict[str, float]) -> None:
            live.append(step)
            run.log(step, metrics)
            self.watcher.evaluated(metrics)

        for stage in point.stages:
            for needed in stage.inputs.values():
                if needed not in point.stages:
                    self._ensure_input(needed, stage)
        self.workshop.on_evaluation = on_evaluation
        artifacts = {stage.kind: self._ensure(stage) for stage in point.stages}
        record = record_of(point, artifacts, run.id)
        if not live and record.curve:
            for index, step in enumerate(record.curve["step"]):
                run.log(int(step), {name: values[index] for name, values in record.curve.items() if name != "step"})
        write_record(self.records, record)
        run.finish(_summary(dataclasses.asdict(record)))

    def _start(self, point: Point | BarrierPoint, record_id: str) -> Run:
        if isinstance(point, BarrierPoint):
            return NoRun()
        axes = point.axes
        tags = [axes["model"], axes["dataset"], axes["criterion"], axes["control"]]
        name = f"{axes['study']}-seed{axes['seed']}-level{axes['level']}-{axes['control']}"
        return self.tracker.start(
            name, run_id=record_id[:16], group=axes["study"], job_type="train", config=axes, tags=list(dict.fromkeys(tags))
        )

    def _ensure_input(self, stage: Stage, reader: Stage) -> None:
        """Compute what `reader` reads, unless `reader` is there already."""
        if not self.workshop.store.has(reader.key):
            self.workshop.on_evaluation = None
            self._ensure(stage)

    def _ensure(self, stage: Stage) -> Artifact:
        """The artifact of `stage`, computed with everything it needs if the store does not have it."""
        store = self.workshop.store

        def make() -> Artifact:
            inputs = {name: self._ensure(needed) for name, needed in stage.inputs.items()}
            if isinstance(stage, Train) and stage.steps:
                self._watch(stage)
            made = stage.run(inputs, self.workshop)
            self.watcher.computed(stage)
            return made

        return store.compute(stage.key, make, description=stage.description)[0]

    def _watch(self, stage: Train) -> None:
        self.watcher.training(stage)
        reached = stage.spec.start_step

        def on_progress(step: int) -> None:
            nonlocal reached
            self.watcher.steps(step - reached)
            reached = step

        self.workshop.on_progress = on_progress


def _bare_record(point: Point | BarrierPoint) -> Record:
    return Record(**point.axes)


def _summary(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if isinstance(value, (int, float, str)) and not isinstance(value, bool)}
