"""Gradual pruning."""

from __future__ import annotations

import dataclasses

from prunelab.pruning.masks import Masks
from prunelab.pruning.schedules import cubic_sparsity
from prunelab.training.dynamic.base import Dynamics, Moment
from prunelab.training.dynamic.window import Window
from prunelab.training.spec import TrainSpec


@dataclasses.dataclass(frozen=True, kw_only=True)
class Gradual(Window, Dynamics):
    r"""Gradual magnitude pruning, with any criterion (Zhu & Gupta 2017, eq. 1).

    .. math:: s_t = s_f + (s_i - s_f) \left(1 - \frac{t - t_0}{n \Delta t}\right)^3

    Every `every` steps from `begin` to `end` the present weights are scored and as many removed as the sparsity asks for;
    what is gone stays gone.

    Attributes:
        initial_sparsity: s_i.
    """

    initial_sparsity: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.initial_sparsity < 1:
            raise ValueError(f"schedule.dynamics.initial_sparsity = {self.initial_sparsity} must be in [0, 1)")

    def steps(self, spec: TrainSpec) -> list[int]:
        """See `Dynamics`."""
        return self.ticks(spec).steps

    def update(self, moment: Moment) -> Masks:
        """See `Dynamics`."""
        goal, ticks = moment.goal, self.ticks(moment.spec)
        final = 1.0 - goal.density
        initial = min(self.initial_sparsity, final)
        sparsity = cubic_sparsity(moment.step, initial=initial, final=final, begin_step=ticks.begin, end_step=ticks.end)
        made = goal.prune(moment.network, 1.0 - sparsity, step=moment.step, within=moment.masks)
        if made.weights:
            moment.network.load_state_dict(made.weights, strict=False)
        return made.masks
