"""What an allocation is, and the parts that several share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol

import torch

from prunelab.pruning.scope import Scope
from prunelab.pruning.topk import keep_top

Scores = Mapping[str, torch.Tensor]


class Allocation(Protocol):
    """Decides which units are kept.

    Attributes:
        exact_total: whether exactly round(density x all units) are kept.
    """

    exact_total: ClassVar[bool]

    def __call__(self, scores: Scores, scope: Scope, density: float) -> dict[str, torch.Tensor]:
        """Unit masks, each of shape (n,), for scores of shape (n,) a tensor (-inf where a unit is pruned already)."""
        ...


def budget(scores: Scores, density: float) -> int:
    """The number of units that `density` means: the nearest whole number."""
    return round(density * sum(score.numel() for score in scores.values()))


def available(scores: Scores) -> dict[str, int]:
    """Units of each tensor that are not pruned yet."""
    return {name: int(torch.count_nonzero(score > -torch.inf)) for name, score in scores.items()}


def keep_counts(scores: Scores, counts: Mapping[str, int]) -> dict[str, torch.Tensor]:
    """Keep the given number of units of each tensor."""
    return {name: keep_top(score, counts[name]) for name, score in scores.items()}
