"""Single weights."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import torch

from prunelab.pruning.granularities.base import Tensors
from prunelab.pruning.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class Weight:
    """Every weight is a unit of its own: unstructured pruning."""

    kind: ClassVar[str] = "weight"
    max_density: ClassVar[float] = 1.0

    def check(self, scope: Scope) -> None:
        """See `Granularity`."""

    def pool(self, scores: Tensors, scope: Scope, *, unit_scores: bool = False) -> dict[str, torch.Tensor]:
        """See `Granularity`."""
        return {name: score.flatten() for name, score in scores.items()}

    def expand(self, keep: Tensors, scope: Scope) -> dict[str, torch.Tensor]:
        """See `Granularity`."""
        return {name: mask.reshape(scope.shapes[name]) for name, mask in keep.items()}

    def unit_sum(self, values: Tensors, scope: Scope) -> dict[str, torch.Tensor]:
        """See `Granularity`."""
        return dict(values)
