"""One prune: scores -> units -> a decision -> masks."""

from __future__ import annotations

import torch
from torch import nn

from prunelab.pruning import masks as masks_
from prunelab.pruning.allocations.base import Allocation
from prunelab.pruning.criteria.base import Context, Criterion
from prunelab.pruning.granularities.base import Granularity
from prunelab.pruning.masks import Masks
from prunelab.pruning.scope import Scope


@torch.no_grad()
def prune(
    model: nn.Module,
    *,
    scope: Scope,
    criterion: Criterion,
    allocation: Allocation,
    granularity: Granularity,
    density: float,
    context: Context,
) -> Masks:
    """Remove weights of `context.masks` until `density` of all prunable weights is left.

    The result is nested in `context.masks`; the model is left as it was.

    Args:
        model: the network whose weights are scored.
        scope: the tensors that may be pruned.
        criterion: scores weights, the highest are kept.
        allocation: divides the budget over tensors.
        granularity: what is removed as one unit.
        density: fraction of all weights in scope to keep, in (0, 1].
        context: what the criterion may use, and the masks to prune further.

    Raises:
        ValueError: if `density` is out of range or above the present one.
    """
    if not 0 < density <= 1:
        raise ValueError(f"density {density} must be in (0, 1]; sparsity is 1 - density")
    before = context.masks
    masks_.check(before, model)
    scores = criterion(model, scope, context)
    scores = {name: scores[name].masked_fill(~before[name], -torch.inf) for name in scope.shapes}
    keep = allocation(granularity.pool(scores, scope), scope, density)
    masks = granularity.expand(keep, scope)
    assert masks_.is_nested(masks, before), "a prune may only remove"
    return masks
