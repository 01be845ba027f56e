"""The same density in each tensor."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import torch

from prunelab.pruning.allocations.base import Scores, available, budget, keep_counts
from prunelab.pruning.apportion import apportion
from prunelab.pruning.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class Uniform:
    """Each tensor keeps the same fraction; the total is exact by largest remainder."""

    exact_total: ClassVar[bool] = True

    def __call__(self, scores: Scores, scope: Scope, density: float) -> dict[str, torch.Tensor]:
        """See `Allocation`."""
        shares = {name: float(score.numel()) for name, score in scores.items()}
        return keep_counts(scores, apportion(budget(scores, density), shares, available(scores)))
