"""What a tracker is told of a study's points: when a run starts, what is said of it, which files it read and left."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from prunelab.basics.canonical import plain
from prunelab.basics.component import Component
from prunelab.records.mirror import config_of
from prunelab.records.schema import Record
from prunelab.store.store import Store
from prunelab.study.points import BarrierPoint, Point
from prunelab.study.stages.base import Stage
from prunelab.study.stages.prune import Kept
from prunelab.study.stages.train import Train
from prunelab.study.study import Study
from prunelab.tracking.tracker import Run, Stored, Tracker

_ID_DIGITS = 16
_TENSORS = "tensors.safetensors"


class Mirrors:
    """Starts and ends the runs of a study's points.

    Args:
        tracker: where they are.
        store: where the files are that they read and leave.
        study: whose points.
    """

    def __init__(self, tracker: Tracker, store: Store, study: Study) -> None:
        self.tracker, self.store, self.study = tracker, store, study
        self._settings = settings_of(study)
        self._masks: set[str] = set()

    def start(self, point: Point | BarrierPoint) -> Run:
        """The run of a point. It has the point's identity, so that the same point measured again replaces it."""
        bare = Record(**point.axes)
        what = f"barrier{bare.rewind_step}" if isinstance(point, BarrierPoint) else bare.control
        tags = (bare.criterion, bare.schedule, bare.model, bare.dataset, bare.control)
        return self.tracker.start(
            f"{bare.study}-seed{bare.seed}-level{bare.level}-{what}",
            run_id=bare.record_id[:_ID_DIGITS],
            group=bare.study,
            job_type=point.stages[0].kind,
            config=config_of(bare, self._settings),
            tags=[tag for tag in dict.fromkeys(tags) if tag],
        )

    def end(self, run: Run, point: Point | BarrierPoint, record: Record) -> None:
        """End the run of a point that was measured."""
        if isinstance(point, BarrierPoint):
            run.finish(record)
            return
        masks = point.train.masks
        mask, checkpoint = self._stored("mask", masks), self._stored("checkpoint", point.train, sparsity=record.sparsity)
        if isinstance(masks, Kept) and mask:
            self._mirror_prune(masks, mask[0], point)
        run.finish(record, uses=mask, leaves=checkpoint)

    def _mirror_prune(self, masks: Kept, mask: Stored, point: Point) -> None:
        """The run between a network and the ticket found in it: it reads the one's checkpoint and leaves the mask."""
        if masks.key in self._masks:
            return
        self._masks.add(masks.key)
        axes, pruned = point.axes, masks.prune.inputs.get("weights")
        run = self.tracker.start(
            f"{axes['study']}-seed{axes['seed']}-level{axes['level']}-mask",
            run_id=masks.key[:_ID_DIGITS],
            group=axes["study"],
            job_type=masks.prune.kind,
            config={"study": axes["study"], "seed": axes["seed"], "level": axes["level"], "stage_key": masks.key},
            tags=[str(axes["criterion"])],
        )
        run.finish(uses=self._stored("checkpoint", pruned if isinstance(pruned, Train) else None), leaves=[mask])

    def _stored(self, kind: Any, stage: Stage | None, **metadata: Any) -> list[Stored]:
        """The file of what a stage left, if it is wanted and there."""
        if stage is None or not self.tracker.wants(kind) or not self.store.has(stage.key):
            return []
        path = self.store.folder(stage.key) / _TENSORS
        known = {name: value for name, value in metadata.items() if value is not None}
        return [Stored(kind=kind, key=stage.key, path=path, metadata=known)] if path.is_file() else []


class Mirror:
    """The run of one point: started when its training begins to say something, or at the end.

    Attributes:
        live: whether it was told of the training while it ran.
    """

    def __init__(self, start: Callable[[], Run], evaluated: Callable[[dict[str, float]], None]) -> None:
        self._start, self._evaluated, self._run, self.live = start, evaluated, None, False

    def run(self) -> Run:
        """The run, started if it was not."""
        self._run = self._run or self._start()
        return self._run

    def on_evaluation(self, step: int, metrics: dict[str, float]) -> None:
        """One validation of the training that runs."""
        self.live = True
        self.run().log(step, metrics)
        self._evaluated(metrics)

    def abandon(self) -> None:
        """The point will not be measured: its run, if there is one, has failed."""
        if self._run is not None:
            self._run.finish()


def settings_of(study: Study) -> dict[str, Any]:
    """Every setting of a study by config group, as JSON."""
    found: dict[str, Any] = {"exclude": study.exclude, "rounds": study.rounds}
    for field in dataclasses.fields(study):
        value = getattr(study, field.name)
        if isinstance(value, Component):
            found[field.name] = {"name": value.name, **value.arguments}
        elif dataclasses.is_dataclass(value):
            found[field.name] = value
    found["model"]["init"] = study.init
    return plain(found)
