"""Run a plan: compute what the store does not have, write a record a point.

Any number of processes may run plans that share stages, on one store. Each takes a stage's lease while it computes it; who
finds a stage taken goes on with other points that are ready, and comes back. A stage that raises an error costs the points
that need it, and no others.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from prunelab.basics.stop import Stopped, Switch
from prunelab.records.schema import SCHEMA_VERSION, Record
from prunelab.records.writer import record_path, write_record
from prunelab.store.artifact import Artifact, Held, StoreError
from prunelab.store.plans import write_failure
from prunelab.study.failure import Failure, StageFailed
from prunelab.study.mirroring import Mirror, Mirrors
from prunelab.study.plan import Plan
from prunelab.study.points import BarrierPoint, Point
from prunelab.study.progress import beginnings_of
from prunelab.study.results import record_of
from prunelab.study.stages.base import Stage
from prunelab.study.stages.evaluate import Evaluate
from prunelab.study.stages.train import Train
from prunelab.study.workshop import Workshop
from prunelab.tracking.tracker import Tracker

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0


# what a stage leaves that reads what a diverged training left: nothing can be made of it, now or at the next try
AFTER_DIVERGENCE = Artifact(
    data={"diverged": True, "after_divergence": True, "curve": None, "step_seconds": 0.0, "seconds": 0.0, "ended_step": 0}
)


class Watcher(Protocol):
    """Who is shown how far a study is."""

    def point(self, point: Point | BarrierPoint) -> None:
        """A point begins."""
        ...

    def computing(self, stage: Stage) -> None:
        """A stage begins to be computed."""
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

    def failed(self, failure: Failure) -> None:
        """A stage could not be computed."""
        ...


class Runner:
    """Runs plans against a store, and writes records below `records`.

    Args:
        workshop: what stages share.
        records: folder of records.
        tracker: where points are mirrored.
        watcher: who is told.
        switch: that stops it.
        beginnings: trainings that other jobs of a sweep want as the beginning of a longer one: key of the longer -> {end
            step: key}. Those of the plan itself are known.
    """

    def __init__(
        self,
        *,
        workshop: Workshop,
        records: Path,
        tracker: Tracker,
        watcher: Watcher,
        switch: Switch | None = None,
        beginnings: Mapping[str, Mapping[int, str]] | None = None,
    ) -> None:
        self.workshop, self.records, self.tracker, self.watcher = workshop, Path(records), tracker, watcher
        self.switch, self._others = switch or Switch(), beginnings or {}
        self._beginnings: Mapping[str, Mapping[int, str]] = {}
        self._failures: dict[str, Failure] = {}

    def run(self, plan: Plan) -> list[Failure]:
        """Compute every point of `plan` that has no record yet: in order, but for stages that others compute at the same time.

        Returns:
            The stages that failed; the points that need none of them have their records.

        Raises:
            Stopped: if the switch says so; every finished stage is kept.
            StoreError: if the store can't be written.
        """
        self.workshop.interrupted = self.switch.within
        own = beginnings_of(plan.stages(), self.workshop.store)
        self._beginnings = {key: {**self._others.get(key, {}), **own.get(key, {})} for key in {*self._others, *own}}
        self._failures, self._mirrors = {}, Mirrors(self.tracker, self.workshop.store, plan.study)
        left, pause = list(plan.points), _SHORTEST_PAUSE
        while left:
            held = [point for point in left if not self._try(point)]
            if len(held) == len(left):  # whatever is ready is being computed by others
                time.sleep(pause)
                self.switch.check()
            pause = min(2 * pause, _LONGEST_PAUSE) if len(held) == len(left) else _SHORTEST_PAUSE
            left = held
        self.workshop.store.tidy()
        return list(self._failures.values())

    def _try(self, point: Point | BarrierPoint) -> bool:
        """Whether `point` is dealt with; False while a stage that it needs is computed by another process."""
        if self._is_recorded(point):
            return True
        self.switch.check()
        try:
            self._point(point)
        except Held:
            return False
        except StageFailed:
            pass  # noted where it happened
        return True

    def _is_recorded(self, point: Point | BarrierPoint) -> bool:
        """Whether the record is there, of this schema, and the artifacts it came from still are."""
        path = record_path(self.records, _bare_record(point))
        try:
            text = path.read_text()
        except (FileNotFoundError, UnicodeDecodeError):
            return False
        current = f'"{point.stages[0].key}"' in text and f'"schema_version": {SCHEMA_VERSION},' in text
        return current and text.endswith("}") and all(self.workshop.store.has(stage.key) for stage in point.stages)

    def _point(self, point: Point | BarrierPoint) -> None:
        self.watcher.point(point)
        mirror = Mirror(lambda: self._mirrors.start(point), self.watcher.evaluated)
        try:
            self._measure(point, mirror)
        except BaseException:
            mirror.abandon()
            raise

    def _measure(self, point: Point | BarrierPoint, mirror: Mirror) -> None:
        for stage in point.stages:
            for needed in stage.inputs.values():
                if needed not in point.stages and not self.workshop.store.has(stage.key):
                    self._ensure(needed, point)
        artifacts = {stage.kind: self._ensure(stage, point, mirror) for stage in point.stages}
        run = mirror.run()
        if any(AFTER_DIVERGENCE.data.items() <= artifact.data.items() for artifact in artifacts.values()):
            record = dataclasses.replace(_bare_record(point), stage_key=point.stages[0].key, diverged=True, wandb_id=run.id)
        else:
            record = record_of(point, artifacts, run.id)
        if not mirror.live and record.curve:
            for index, step in enumerate(record.curve["step"]):
                run.log(int(step), {name: values[index] for name, values in record.curve.items() if name != "step"})
        try:
            write_record(self.records, record)
        except OSError as error:
            raise StoreError(error.errno, f"{error.strerror}: no record was written (space left? writable?)", str(self.records)) from error
        self._mirrors.end(run, point, record)

    def _ensure(self, stage: Stage, point: Point | BarrierPoint, mirror: Mirror | None = None) -> Artifact:
        """The artifact of `stage`, computed with everything it needs if the store does not have it.

        Raises:
            Held: if another process computes it, or something it needs.
            StageFailed: if it, or something it needs, can't be computed.
        """
        store = self.workshop.store
        found = store.read_if_whole(stage.key)
        if found is not None:
            return found
        if stage.key in self._failures:
            raise StageFailed(stage.key)
        if store.lease(stage.key).alive:  # before its inputs are read for nothing
            raise Held(stage.key)
        inputs = {name: self._ensure(needed, point) for name, needed in stage.inputs.items()}
        self.switch.check()
        _load_training()  # takes seconds the first time, in which nobody is to wait for the lease
        made, here = store.compute(
            stage.key, lambda: self._compute(stage, inputs, point, mirror), description=stage.description, wait=False
        )
        if here:
            self.watcher.computed(stage)
        return made

    def _compute(self, stage: Stage, inputs: dict[str, Artifact], point: Point | BarrierPoint, mirror: Mirror | None) -> Artifact:
        """Run one stage; its lease is held."""
        interrupted = _load_training()
        self.watcher.computing(stage)
        self.workshop.on_evaluation = mirror.on_evaluation if mirror and isinstance(stage, Train) else None
        self.workshop.on_progress = self._progress(stage) if isinstance(stage, Train) else None
        try:
            with self._keeping_beginnings(stage):
                made = AFTER_DIVERGENCE if _is_idle(stage, inputs) else stage.run(inputs, self.workshop)
        except interrupted:
            raise Stopped(self.switch.code) from None
        except StoreError:
            raise
        except Exception as error:
            self._note(stage, point, error)
            raise StageFailed(stage.key) from error
        return made

    @contextlib.contextmanager
    def _keeping_beginnings(self, stage: Stage) -> Iterator[None]:
        """Have the training keep its beginnings that the plan wants too, under their leases: nobody else computes them meanwhile."""
        with contextlib.ExitStack() as stack:
            kept = []
            for step, key in self._beginnings.get(stage.key, {}).items():
                lease = self.workshop.store.lease(key)
                if lease.try_acquire():
                    stack.callback(lease.release)
                    kept.append(step)
            self.workshop.snapshots = {stage.key: tuple(kept)}
            yield

    def _progress(self, stage: Train) -> Callable[[int], None]:
        reached = stage.spec.start_step

        def on_progress(step: int) -> None:
            nonlocal reached
            self.watcher.steps(step - reached)
            reached = step

        return on_progress

    def _note(self, stage: Stage, point: Point | BarrierPoint, error: Exception) -> None:
        said = " ".join(f"{type(error).__name__}: {error}".split())
        text = "".join(traceback.format_exception(error))
        failure = Failure(stage=stage.kind, key=stage.key, point=label_of(point), error=said, traceback=text)
        self._failures[stage.key] = failure
        write_failure(self.workshop.store.root, stage.key, dataclasses.asdict(failure))
        self.watcher.failed(failure)


def _load_training() -> type[BaseException]:
    """Import what trains, Lightning and all, which a run that only finds things does without; what an interrupted training raises."""
    from prunelab.training.outcome import Interrupted

    return Interrupted


def _is_idle(stage: Stage, inputs: Mapping[str, Artifact]) -> bool:
    """Whether `stage` has nothing to work on: something it reads diverged. The quality of a diverged network can still be told."""
    diverged = [artifact for artifact in inputs.values() if artifact.data.get("diverged")]
    return any("after_divergence" in artifact.data for artifact in diverged) or bool(diverged and not isinstance(stage, Evaluate))


def label_of(point: Point | BarrierPoint) -> str:
    """A point in words."""
    axes = point.axes
    what = "barrier" if isinstance(point, BarrierPoint) else axes["control"].replace("none", "ticket")
    return f"seed {axes['seed']} level {axes['level']} {what}"


def _bare_record(point: Point | BarrierPoint) -> Record:
    return Record(**point.axes)
