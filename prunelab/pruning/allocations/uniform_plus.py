"""Uniform, with the ends of the network kept denser."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar

import torch

from prunelab.pruning.allocations.base import Scores, available, budget, keep_counts
from prunelab.pruning.apportion import apportion
from prunelab.pruning.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class UniformPlus:
    """The first convolution stays dense, the output layer keeps at least 20 %, the rest is uniform (Gale et al. 2019).

    The total stays exact: what the two ends take, the others give.

    Attributes:
        output_density: the least density of the output layer.
    """

    output_density: float = 0.2
    exact_total: ClassVar[bool] = True

    def __call__(self, scores: Scores, scope: Scope, density: float) -> dict[str, torch.Tensor]:
        """See `Allocation`.

        Raises:
            ValueError: if the ends alone exceed the budget.
        """
        total, left = budget(scores, density), available(scores)
        fixed: dict[str, int] = {}
        if scope.first in scores and len(scope.shapes[scope.first]) > 2:
            fixed[scope.first] = left[scope.first]
        counts = self._divide(scores, total, left, fixed)
        floor = math.ceil(self.output_density * scores[scope.output].numel()) if scope.output in scores else 0
        if scope.output in scores and scope.output not in fixed and counts[scope.output] < floor:
            fixed[scope.output] = min(floor, left[scope.output])
            counts = self._divide(scores, total, left, fixed)
        return keep_counts(scores, counts)

    def _divide(self, scores: Scores, total: int, left: dict[str, int], fixed: dict[str, int]) -> dict[str, int]:
        rest = total - sum(fixed.values())
        if rest < 0:
            raise ValueError(
                f"uniform+ keeps {sum(fixed.values())} weights at the ends of the network, more than the {total} asked for; "
                "ask for a higher density or use allocation=uniform"
            )
        shares = {name: float(score.numel()) for name, score in scores.items() if name not in fixed}
        return {**fixed, **apportion(rest, shares, {name: left[name] for name in shares})}
