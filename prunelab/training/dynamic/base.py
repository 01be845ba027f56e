"""What a method that prunes while training is, and what it may use."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import nn

from prunelab.basics.seeds import generator
from prunelab.pruning import masks as masks_
from prunelab.pruning.allocations.base import Allocation
from prunelab.pruning.criteria.base import Batch, Context, Criterion, Scores
from prunelab.pruning.granularities.base import Granularity
from prunelab.pruning.masks import Masks
from prunelab.pruning.prune import Pruned, prune
from prunelab.pruning.scope import Scope
from prunelab.training.objective import Penalty
from prunelab.training.spec import TrainSpec


@dataclasses.dataclass(frozen=True, kw_only=True)
class Goal:
    """What a training is to end with, and by what.

    Attributes:
        scope: the tensors that may be pruned.
        criterion: scores weights, where the method asks for scores.
        allocation: divides the budget over tensors.
        granularity: what is removed as one unit.
        density: of units, at the end.
        rounds: of scoring and pruning an update.
        seed: of random masks and scores.
        batches: calibration examples, if the criterion looks at some.
    """

    scope: Scope
    criterion: Criterion
    allocation: Allocation
    granularity: Granularity
    density: float
    rounds: int
    seed: int
    batches: Sequence[Batch] = ()

    def prune(self, network: nn.Module, density: float, *, step: int, within: Masks) -> Pruned:
        """Masks of `density` within other masks, by the goal's criterion. The densest an n:m pattern can be, if that is less."""
        return prune(
            network,
            scope=self.scope,
            criterion=self.criterion,
            allocation=self.allocation,
            granularity=self.granularity,
            density=min(density, self.granularity.max_density),
            context=Context(generator=self.generator(step), masks=within, batches=self.batches),
            rounds=self.rounds,
        )

    def decide(self, scores: Scores, density: float) -> Masks:
        """Masks of `density` of all units, by scores that a method has learned."""
        units = self.granularity.pool(scores, self.scope)
        keep = self.allocation(units, self.scope, min(density, self.granularity.max_density))
        return {**self.dense(), **self.granularity.expand(keep, self.scope)}

    def dense(self) -> Masks:
        """Masks that keep everything."""
        return masks_.ones(self.scope)

    def generator(self, step: int) -> torch.Generator:
        """The random stream of an update, a pure function of seed and step."""
        return generator(self.seed, "dynamic", step)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Moment:
    """A step before which masks may change.

    Attributes:
        step: the optimizer step that comes next.
        spec: the training.
        goal: what it is to end with.
        network: as it is now; a method may set weights of it.
        masks: as they are now, on the CPU.
        gradients: of the loss of this step's batch by every weight in scope, those of pruned ones too.
        memory: tensors that the method keeps between updates, in checkpoints too.
    """

    step: int
    spec: TrainSpec
    goal: Goal
    network: nn.Module
    masks: Masks
    gradients: Callable[[], dict[str, torch.Tensor]]
    memory: dict[str, torch.Tensor]


class Dynamics(abc.ABC):
    """How masks change while a network trains: a frozen dataclass of options.

    Attributes:
        criterion_role: what it asks of the study's criterion: `scores`, the `initial mask`, or nothing.
        granularities: kinds of units it can remove; empty for all.
    """

    criterion_role: ClassVar[str] = "scores"
    granularities: ClassVar[tuple[str, ...]] = ()

    @abc.abstractmethod
    def steps(self, spec: TrainSpec) -> list[int]:
        """Steps before which `update` is called, increasing.

        Raises:
            ValueError: if the options do not fit the training.
        """

    @abc.abstractmethod
    def update(self, moment: Moment) -> Masks:
        """The masks from this step on."""

    def start(self, network: nn.Module, goal: Goal) -> Masks:
        """The masks before the first step. Everything is kept unless a method says otherwise."""
        return goal.dense()

    def penalties(self, spec: TrainSpec, goal: Goal) -> tuple[Penalty, ...]:
        """Terms of the loss."""
        return ()


class Reparametrized(Dynamics):
    """A method whose masks act in the forward pass, computed with parameters of their own."""

    @abc.abstractmethod
    def attach(self, network: nn.Module, goal: Goal) -> None:
        """Before the optimizer is made: put what is to be learned besides the weights into the network."""

    @abc.abstractmethod
    def hold(self, network: nn.Module, masks: Masks) -> None:
        """Put masks into force within the network."""

    @abc.abstractmethod
    def detach(self, network: nn.Module, masks: Masks) -> None:
        """After the last step: leave a plain network, its weights those in force."""

    def learning_rate_factor(self, parameter: str) -> float:
        """Learning rate of a parameter over the study's."""
        return 1.0
