"""Filter pruning via geometric median."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import torch
from torch import nn

from prunelab.pruning.criteria.base import Context, Criterion, Scores
from prunelab.pruning.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class FPGM(Criterion):
    r"""Distance of a filter to the others of its layer, :math:`s_j = \sum_k \lVert F_j - F_k \rVert_2` (He et al. 2019, eq. 4).

    The filter nearest the geometric median is the one that the others can replace. Filters that are pruned already count
    neither as filters nor as others.
    """

    granularities: ClassVar[tuple[str, ...]] = ("filter", "neuron", "coupled")
    scores_units: ClassVar[bool] = True

    def __call__(self, model: nn.Module, scope: Scope, context: Context) -> Scores:
        """See `Criterion`."""
        return {name: _distances(weight, context.masks[name]) for name, weight in scope.weights(model).items()}


def _distances(weight: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    mask = mask.to(weight.device)
    rows, left = weight.masked_fill(~mask, 0.0).flatten(1).double(), mask.flatten(1).any(1)
    # not by matrix products: they lose the small distances that decide
    distances = torch.cdist(rows, rows[left], compute_mode="donot_use_mm_for_euclid_dist").sum(1)
    return distances.reshape(-1, *[1] * (weight.ndim - 1)).expand(weight.shape).clone()
