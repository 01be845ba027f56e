"""Study -> stages: the networks a study trains, and what each of them depends on."""

from __future__ import annotations

import dataclasses

from prunelab.study.points import BarrierPoint, Point
from prunelab.study.replicate import Replicate
from prunelab.study.stages.base import Stage
from prunelab.study.study import Study
from prunelab.study.workshop import Workshop


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """All points of a study, in the order in which they are computed."""

    study: Study
    points: tuple[Point | BarrierPoint, ...]

    def stages(self) -> list[Stage]:
        """Every distinct stage, inputs before what reads them."""
        seen: dict[str, Stage] = {}

        def visit(stage: Stage) -> None:
            if stage.key not in seen:
                for needed in stage.inputs.values():
                    visit(needed)
                seen[stage.key] = stage

        for point in self.points:
            for stage in point.stages:
                visit(stage)
        return list(seen.values())


def plan(study: Study, workshop: Workshop) -> Plan:
    """The plan of `study`. Loads the data set, whose size decides how many steps an epoch has.

    Raises:
        ValueError: for settings that do not fit each other (a rewind step beyond training, a model that cannot take the
            data set's shape, ...).
    """
    points = [point for seed in study.seeds for point in Replicate(study, workshop, seed).points()]
    return Plan(study=study, points=tuple(points))
