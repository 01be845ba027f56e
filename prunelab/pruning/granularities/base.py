"""What a granularity is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch

from prunelab.pruning.scope import Scope


class Granularity(Protocol):
    """Pools the scores of weights to scores of units, and expands a decision on units back to weights."""

    def pool(self, scores: Mapping[str, torch.Tensor], scope: Scope) -> dict[str, torch.Tensor]:
        """Scores of units, shape (n,), for scores of the parameter's shape (-inf where pruned)."""
        ...

    def expand(self, keep: Mapping[str, torch.Tensor], scope: Scope) -> dict[str, torch.Tensor]:
        """Masks of the parameters' shapes for unit decisions of shape (n,)."""
        ...
