"""Dense and sparse phases in turn."""

from __future__ import annotations

import dataclasses

from prunelab.pruning.masks import Masks
from prunelab.training.dynamic.base import Dynamics, Moment
from prunelab.training.dynamic.window import Window
from prunelab.training.spec import TrainSpec


@dataclasses.dataclass(frozen=True, kw_only=True)
class Alternating(Window, Dynamics):
    """Alternating compressed and decompressed training (Peste et al. 2021, AC/DC, algorithm 1).

    Dense until `begin`; then sparse and dense phases of `every` steps in turn; from `end` on sparse. A sparse phase keeps the
    weights with the highest scores of all (top-k magnitudes, as published); in a dense phase those that went start from zero.
    """

    begin: str = "10%"
    every: str = "5%"

    def steps(self, spec: TrainSpec) -> list[int]:
        """See `Dynamics`."""
        return self.ticks(spec).steps

    def update(self, moment: Moment) -> Masks:
        """See `Dynamics`."""
        goal, steps = moment.goal, self.steps(moment.spec)
        phase = steps.index(moment.step)
        if phase % 2 and moment.step != steps[-1]:
            return goal.dense()
        # a sparse network keeps its mask when its last phase follows another sparse one
        made = goal.prune(moment.network, goal.density, step=moment.step, within=moment.masks)
        if made.weights:
            moment.network.load_state_dict(made.weights, strict=False)
        return made.masks
