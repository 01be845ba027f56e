"""Dynamic sparse training: SET and RigL."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar, Literal

import torch
from torch import nn

from prunelab.pruning.exchange import exchange
from prunelab.pruning.masks import Masks
from prunelab.training.dynamic.base import Dynamics, Goal, Moment
from prunelab.training.dynamic.window import Window
from prunelab.training.spec import TrainSpec


@dataclasses.dataclass(frozen=True, kw_only=True)
class Exchange(Window, Dynamics):
    r"""Sparse from the first step on; weights change places (Mocanu et al. 2018, SET; Evci et al. 2020, RigL).

    The study's criterion draws the initial mask, as published at random with an ERK budget. Every `every` steps until `end`,
    in each layer, a fraction of the active weights with the smallest magnitudes is dropped and as many grown elsewhere: at
    random (SET) or where the gradient of this step's batch is largest (RigL). Grown weights begin at zero with nothing in the
    optimizer's memory. The fraction is constant or decays with the cosine,

    .. math:: f_t = \frac{\alpha}{2} \left(1 + \cos \frac{\pi t}{T_{end}}\right)

    Unlike in the papers' code the optimizer takes its step after an exchange too, so all methods take as many steps.

    Attributes:
        grow: gradient or random.
        fraction: alpha, of the active weights of a layer.
        decay: cosine or constant.
    """

    every: str = "100it"
    grow: Literal["gradient", "random"] = "gradient"
    fraction: float = 0.3
    decay: Literal["cosine", "constant"] = "cosine"
    criterion_role: ClassVar[str] = "initial mask"
    granularities: ClassVar[tuple[str, ...]] = ("weight",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.fraction <= 1:
            raise ValueError(f"schedule.dynamics.fraction = {self.fraction} must be in (0, 1]")

    def steps(self, spec: TrainSpec) -> list[int]:
        """See `Dynamics`: the first exchange is `every` steps after `begin`."""
        ticks = self.ticks(spec)
        return list(range(ticks.begin + ticks.every, ticks.end, ticks.every))

    def start(self, network: nn.Module, goal: Goal) -> Masks:
        """See `Dynamics`."""
        return goal.prune(network, goal.density, step=0, within=goal.dense()).masks

    def update(self, moment: Moment) -> Masks:
        """See `Dynamics`."""
        if self.grow == "gradient":
            growth = {name: gradient.abs() for name, gradient in moment.gradients().items()}
        else:
            stream = moment.goal.generator(moment.step)
            growth = {name: torch.rand(mask.shape, generator=stream) for name, mask in moment.masks.items()}
        weights = moment.goal.scope.weights(moment.network)
        return exchange(weights, moment.masks, growth, self._fraction(moment))

    def _fraction(self, moment: Moment) -> float:
        if self.decay == "constant":
            return self.fraction
        return self.fraction / 2 * (1 + math.cos(math.pi * moment.step / self.ticks(moment.spec).end))
