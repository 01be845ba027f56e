"""What a granularity is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Protocol

import torch

from prunelab.pruning.scope import Scope

Pooling = Literal["sum", "mean", "l2", "max"]
KINDS = ("weight", "n:m", "block", "filter", "channel", "neuron", "head", "ffn neuron", "head or ffn neuron", "layer", "coupled")
Tensors = Mapping[str, torch.Tensor]


class Granularity(Protocol):
    """Pools the scores of weights to scores of units, and expands a decision on units back to weights.

    Attributes:
        kind: what a unit is, as criteria name it.
        max_density: the most that it can leave.
    """

    kind: ClassVar[str]

    @property
    def max_density(self) -> float:
        """The most that it can leave, 1 if there is no limit."""
        ...

    def check(self, scope: Scope) -> None:
        """Raise a ValueError if the network has no such units."""
        ...

    def pool(self, scores: Tensors, scope: Scope, *, unit_scores: bool = False) -> dict[str, torch.Tensor]:
        """Scores of units, shape (n,), for scores of the parameter's shape (-inf where pruned).

        Names are those of tensors; units that span several go by one of them. Tensors without units are left out.

        Args:
            scores: by parameter name.
            scope: shapes and structure.
            unit_scores: whether the weights of a unit all have the unit's score, so that it is not to be pooled again.
        """
        ...

    def expand(self, keep: Tensors, scope: Scope) -> dict[str, torch.Tensor]:
        """Masks of the parameters' shapes for unit decisions of shape (n,); tensors without units are left out."""
        ...

    def unit_sum(self, values: Tensors, scope: Scope) -> dict[str, torch.Tensor]:
        """For each weight the sum of `values` over its unit; values that belong to no unit stay."""
        ...
