"""The points of a plan: what becomes a record."""

from __future__ import annotations

import dataclasses
from typing import Any

from prunelab.study.stages.barrier import Barrier
from prunelab.study.stages.base import Stage
from prunelab.study.stages.evaluate import Evaluate
from prunelab.study.stages.latency import Latency
from prunelab.study.stages.measure import Measure
from prunelab.study.stages.train import Train


@dataclasses.dataclass(frozen=True, kw_only=True)
class Counterpart:
    """The pruned network that a small dense one stands beside.

    Attributes:
        sparsity: of the pruned network.
        dense_parameters: of the network before pruning.
    """

    sparsity: float
    dense_parameters: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Point:
    """One trained network that becomes a record.

    Attributes:
        axes: columns that say which point it is.
        train: the stage that trains it.
        counterpart: what a small dense network stands beside; None for a masked one, which has its own sparsity.
        evaluate: its quality.
        measure: its size and work.
        latency: how long it takes; None if that is not asked for.
    """

    axes: dict[str, Any]
    train: Train
    counterpart: Counterpart | None
    evaluate: Evaluate
    measure: Measure
    latency: Latency | None = None

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages whose artifacts the record is made of."""
        made = (self.train, self.evaluate, self.measure)
        return made if self.latency is None else (*made, self.latency)


@dataclasses.dataclass(frozen=True, kw_only=True)
class BarrierPoint:
    """One error barrier that becomes a record."""

    axes: dict[str, Any]
    barrier: Barrier

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stage whose artifact the record is made of."""
        return (self.barrier,)
