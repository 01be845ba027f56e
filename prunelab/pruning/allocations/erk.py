"""Erdos-Renyi-Kernel."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar

import torch

from prunelab.pruning.allocations.base import Scores, available, budget, keep_counts
from prunelab.pruning.apportion import apportion
from prunelab.pruning.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class ERK:
    r"""Density of a tensor in proportion to the sum of its dimensions over their product (Evci et al. 2020, section 3).

    .. math:: d_l \propto \frac{n_{in} + n_{out} + k_w + k_h}{n_{in} \, n_{out} \, k_w \, k_h}

    Layers whose density would pass 1 are made dense and the factor is solved again until none does; the total is exact by
    largest remainder.
    """

    exact_total: ClassVar[bool] = True

    def __call__(self, scores: Scores, scope: Scope, density: float) -> dict[str, torch.Tensor]:
        """See `Allocation`."""
        shares = {name: score.numel() * sum(scope.shapes[name]) / math.prod(scope.shapes[name]) for name, score in scores.items()}
        return keep_counts(scores, apportion(budget(scores, density), shares, available(scores)))
