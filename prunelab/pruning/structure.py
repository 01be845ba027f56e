"""What of a network can be removed whole: its adapter in prunelab.models says."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Protocol, runtime_checkable


@dataclasses.dataclass(frozen=True, kw_only=True)
class AttentionHeads:
    """The heads of one attention block; head h owns an equal share of the rows and columns named here.

    Attributes:
        num_heads: how many.
        rows: parameters whose output rows belong to heads (query, key, value).
        columns: the parameter whose input columns do (the output projection).
    """

    num_heads: int
    rows: tuple[str, ...]
    columns: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Perceptron:
    """The two layers of a transformer's feed-forward block; neuron j owns row j of one and column j of the other.

    Attributes:
        rows: the parameter whose rows are neurons.
        columns: the parameter whose columns read them.
        bias: that of the neurons; None if they have none.
    """

    rows: str
    columns: str
    bias: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Structure:
    """Heads, feed-forward neurons and branches of a network; none of a network without them.

    Attributes:
        heads: attention blocks, in the network's order.
        perceptrons: feed-forward blocks, in the network's order.
        branches: residual branches, which can be zeroed while the signal passes beside them: name of the module -> parameters.
    """

    heads: tuple[AttentionHeads, ...] = ()
    perceptrons: tuple[Perceptron, ...] = ()
    branches: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)


@runtime_checkable
class Passable(Protocol):
    """A layer that its network can do without: once no weight of it is left, the signal passes by it unchanged."""

    def pass_by_if_empty(self) -> None:
        """Look at the weights, and pass by from now on if all are zero, or no longer."""
        ...
