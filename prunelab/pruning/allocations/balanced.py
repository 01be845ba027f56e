"""The same number of units in each tensor."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import torch

from prunelab.pruning.allocations.base import Scores, available, budget, keep_counts
from prunelab.pruning.apportion import apportion
from prunelab.pruning.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class Balanced:
    """Each tensor keeps as many units as the others.

    A tensor that has fewer stays whole, and the others share what is left. The total is exact by largest remainder.
    """

    exact_total: ClassVar[bool] = True

    def __call__(self, scores: Scores, scope: Scope, density: float) -> dict[str, torch.Tensor]:
        """See `Allocation`."""
        return keep_counts(scores, apportion(budget(scores, density), dict.fromkeys(scores, 1.0), available(scores)))
