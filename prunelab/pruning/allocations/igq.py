"""Ideal gas quotas."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import torch

from prunelab.pruning.allocations.base import Scores, available, budget, keep_counts
from prunelab.pruning.apportion import apportion
from prunelab.pruning.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class IGQ:
    r"""Ideal gas quotas: layers are compressed like gas by one force F (Vysogorets & Kempe 2023, section 4).

    .. math:: d_l = \frac{1}{1 + F \, n_l}

    with n_l the number of units of tensor l: large tensors give more. F is found by bisection, the total is exact by largest
    remainder.
    """

    exact_total: ClassVar[bool] = True

    def __call__(self, scores: Scores, scope: Scope, density: float) -> dict[str, torch.Tensor]:
        """See `Allocation`."""
        total, sizes = budget(scores, density), {name: score.numel() for name, score in scores.items()}
        force = _force(total, list(sizes.values()))
        shares = {name: size / (1 + force * size) for name, size in sizes.items()}
        return keep_counts(scores, apportion(total, shares, available(scores)))


def _force(total: int, sizes: list[int]) -> float:
    """F at which the tensors keep `total` units together."""
    low, high = 0.0, len(sizes) / max(total, 1)  # n / (1 + F n) < 1 / F, so the sum at `high` is below the total
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(n / (1 + middle * n) for n in sizes) > total else (low, middle)
    return (low + high) / 2
