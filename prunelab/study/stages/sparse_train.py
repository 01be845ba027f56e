"""Train and prune at once."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from torch import nn

from prunelab.basics.component import Component
from prunelab.models.structure import scope_with_structure
from prunelab.study.calibration import calibration_batches
from prunelab.study.stages.train import Train
from prunelab.study.study import Calibration
from prunelab.study.workshop import Workshop

if TYPE_CHECKING:
    from prunelab.training.dynamic.callback import DynamicSparsity


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class SparseTrain(Train):
    """Weights and masks after training with a method that changes masks on the way (`prunelab.training.dynamic`).

    Attributes:
        dynamics: the method.
        calibration: the examples that the criterion looks at; None if it looks at none.
        rounds: of scoring and pruning an update.
        density: of units, at the end.
        seed: of random masks and scores.
    """

    dynamics: Component
    criterion: Component
    allocation: Component
    granularity: Component
    exclude: tuple[str, ...]
    calibration: Calibration | None
    rounds: int
    density: float
    seed: int

    @property
    def kind(self) -> str:
        """It is a training like others."""
        return "train"

    def _dynamic(self, network: nn.Module, workshop: Workshop) -> DynamicSparsity:
        from prunelab.training.dynamic.base import Goal
        from prunelab.training.dynamic.callback import DynamicSparsity  # Lightning takes seconds to import

        goal = Goal(
            scope=scope_with_structure(network, exclude=self.exclude),
            criterion=self.criterion.build(),
            allocation=self.allocation.build(),
            granularity=self.granularity.build(),
            density=self.density,
            rounds=self.rounds,
            seed=self.seed,
            batches=calibration_batches(self.calibration, workshop.splits(self.dataset), self.seed),
        )
        return DynamicSparsity(self.dynamics.build(), goal, self.spec)
