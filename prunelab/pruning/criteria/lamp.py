"""LAMP."""

from __future__ import annotations

import dataclasses

import torch
from torch import nn

from prunelab.pruning.criteria.base import Context, Criterion, Scores
from prunelab.pruning.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class LAMP(Criterion):
    r"""Layer-adaptive magnitude (Lee et al. 2021, eq. 4), meant for one budget over all tensors.

    .. math:: s_u = \frac{w_u^2}{\sum_{v : |w_v| \ge |w_u|} w_v^2}

    The sum runs over the weights of the same tensor that are still there and at least as large; of equal ones the first
    counts as the larger, so that each tensor's best weight has the score 1.
    """

    def __call__(self, model: nn.Module, scope: Scope, context: Context) -> Scores:
        """See `Criterion`."""
        return {name: _lamp(weight, context.masks[name]) for name, weight in scope.weights(model).items()}


def _lamp(weight: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    squares = weight.masked_fill(~mask.to(weight.device), 0.0).double().square().flatten()
    order = squares.argsort(descending=True, stable=True)
    ranked = squares[order]
    shares = ranked / ranked.cumsum(0).clamp_min(torch.finfo(torch.float64).tiny)
    return torch.empty_like(squares).scatter_(0, order, shares).reshape(weight.shape)
