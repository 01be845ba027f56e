"""What of a network can be removed whole: its adapter in prunelab.models says."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import torch


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
class Coupled:
    """Channels and neurons that can only go together: a unit is one channel wherever residual sums and groups carry it.

    Attributes:
        num_units: how many.
        outputs: parameter -> the unit that each output row makes, shape (rows,); parameters of which no row can go are not named.
        companions: bias, BatchNorm scale or shift -> the unit of each entry, -1 for none. With a unit's rows and companions
            at zero, its channel is zero wherever it is read.
    """

    num_units: int
    outputs: Mapping[str, torch.Tensor]
    companions: Mapping[str, torch.Tensor]

    def companion_masks(self, masks: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Masks of the companions: False for entries of units that `masks` leave no weight of any row.

        Args:
            masks: by parameter name; rows of a parameter that has none are kept.
        """
        alive = torch.zeros(self.num_units, dtype=torch.bool)
        for name, units in self.outputs.items():
            left = masks[name].flatten(1).any(1).cpu() if name in masks else torch.ones(len(units), dtype=torch.bool)
            alive[units[left]] = True
        return {name: alive[units.clamp_min(0)] | (units < 0) for name, units in self.companions.items()}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Structure:
    """Heads, feed-forward neurons and branches of a network; none of a network without them.

    Attributes:
        heads: attention blocks, in the network's order.
        perceptrons: feed-forward blocks, in the network's order.
        branches: residual branches, which can be zeroed while the signal passes beside them: name of the module -> parameters.
        coupled: channels and neurons that go together; None unless they were asked for, which takes a trace of the network.
    """

    heads: tuple[AttentionHeads, ...] = ()
    perceptrons: tuple[Perceptron, ...] = ()
    branches: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    coupled: Coupled | None = None


@runtime_checkable
class Passable(Protocol):
    """A layer that its network can do without: once no weight of it is left, the signal passes by it unchanged."""

    def pass_by_if_empty(self) -> None:
        """Look at the weights, and pass by from now on if all are zero, or no longer."""
        ...
