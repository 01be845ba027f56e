"""Single weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import torch

from prunelab.pruning.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class Weight:
    """Every weight is a unit of its own: unstructured pruning."""

    def pool(self, scores: Mapping[str, torch.Tensor], scope: Scope) -> dict[str, torch.Tensor]:
        """See `Granularity`."""
        return {name: score.flatten() for name, score in scores.items()}

    def expand(self, keep: Mapping[str, torch.Tensor], scope: Scope) -> dict[str, torch.Tensor]:
        """See `Granularity`."""
        return {name: mask.reshape(scope.shapes[name]) for name, mask in keep.items()}
