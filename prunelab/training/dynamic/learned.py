"""Masks by learned scores: movement pruning and edge-popup."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar, Literal

import torch
from torch import nn
from torch.autograd.function import FunctionCtx

from prunelab.basics.seeds import generator
from prunelab.pruning.masks import Masks
from prunelab.pruning.schedules import cubic_sparsity
from prunelab.training.dynamic.attached import attached, detach_all, register
from prunelab.training.dynamic.base import Goal, Moment, Reparametrized
from prunelab.training.dynamic.window import Window
from prunelab.training.spec import TrainSpec


class StraightThrough(torch.autograd.Function):
    """weight * mask, with the gradient that the mask's scores would have if the mask were the scores themselves."""

    @staticmethod
    def forward(ctx: FunctionCtx, weight: torch.Tensor, scores: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """See torch."""
        ctx.save_for_backward(weight, mask)
        return weight * mask

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        """See torch."""
        weight, mask = ctx.saved_tensors
        (gradient,) = gradients
        return gradient * mask, gradient * weight, None


class ScoredMask(nn.Module):
    """A parametrization: the weight times a mask whose scores learn."""

    def __init__(self, scores: torch.Tensor, *, absolute: bool) -> None:
        super().__init__()
        self.scores, self.absolute = nn.Parameter(scores), absolute
        self.mask: torch.Tensor
        self.register_buffer("mask", torch.ones_like(scores))

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        """The weight in force."""
        return StraightThrough.apply(weight, self.ranked(), self.mask)  # pyright: ignore[reportReturnType]

    def ranked(self) -> torch.Tensor:
        """What masks are decided by."""
        return self.scores.abs() if self.absolute else self.scores


@dataclasses.dataclass(frozen=True, kw_only=True)
class Learned(Window, Reparametrized):
    r"""A score a weight is learned with the straight-through estimator; the highest are kept.

    .. math:: \frac{\partial L}{\partial s} = \frac{\partial L}{\partial (w m)} \, w, \qquad m = \mathrm{top}_{v(t)}(s)

    - movement pruning (Sanh et al. 2020, sections 3 and 4): scores start at 0, weights train along, and the density v(t)
      falls with the cubic schedule between `begin` and `end`;
    - edge-popup (Ramanujan et al. 2020, section 3): weights stay as they are, magnitudes of scores count, and the density is
      the final one from the first step.

    Masks are decided anew every `every` steps until training ends, the budget divided by the study's allocation.

    Attributes:
        gradual: whether the density falls with the cubic schedule.
        train_weights: whether weights (and all else) train along.
        absolute: whether the magnitude of a score counts.
        init: of scores: zeros, or kaiming_uniform as of a linear layer's weights.
        score_lr: learning rate of scores over that of weights.
    """

    begin: str = "5%"
    every: str = "1it"
    gradual: bool = True
    train_weights: bool = True
    absolute: bool = False
    init: Literal["zeros", "kaiming_uniform"] = "zeros"
    score_lr: float = 1.0
    criterion_role: ClassVar[str] = "nothing"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.score_lr <= 0:
            raise ValueError(f"schedule.dynamics.score_lr = {self.score_lr} must be greater than 0")

    def steps(self, spec: TrainSpec) -> list[int]:
        """See `Reparametrized`."""
        ticks = self.ticks(spec)
        return list(range(ticks.begin if self.gradual else spec.start_step, spec.end_step, ticks.every))

    def attach(self, network: nn.Module, goal: Goal) -> None:
        """See `Reparametrized`."""
        if not self.train_weights:
            network.requires_grad_(False)
        for name, shape in goal.scope.shapes.items():
            register(network, name, ScoredMask(self._initial(name, shape, goal), absolute=self.absolute))

    def update(self, moment: Moment) -> Masks:
        """See `Reparametrized`."""
        goal = moment.goal
        density = goal.density
        if self.gradual:
            ticks = self.ticks(moment.spec)
            density = 1.0 - cubic_sparsity(moment.step, initial=0.0, final=1.0 - density, begin_step=ticks.begin, end_step=ticks.end)
        scores = {name: part.ranked().detach().cpu() for name, part in attached(moment.network, ScoredMask).items()}
        return goal.decide(scores, density)

    def hold(self, network: nn.Module, masks: Masks) -> None:
        """See `Reparametrized`."""
        for name, part in attached(network, ScoredMask).items():
            part.mask.copy_(masks[name])

    def detach(self, network: nn.Module, masks: Masks) -> None:
        """See `Reparametrized`."""
        detach_all(network, masks)
        network.requires_grad_(True)

    def learning_rate_factor(self, parameter: str) -> float:
        """See `Reparametrized`."""
        return self.score_lr if parameter.endswith(".scores") else 1.0

    def _initial(self, name: str, shape: tuple[int, ...], goal: Goal) -> torch.Tensor:
        if self.init == "zeros":
            return torch.zeros(shape)
        scores = torch.empty(shape)
        return nn.init.kaiming_uniform_(scores, a=math.sqrt(5), generator=generator(goal.seed, "scores", name))
