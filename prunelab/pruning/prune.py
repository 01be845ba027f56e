"""One prune: scores -> units -> a decision -> masks."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping

import torch
from torch import nn

from prunelab.pruning import masks as masks_
from prunelab.pruning.allocations.base import Allocation
from prunelab.pruning.controls import kept_units
from prunelab.pruning.criteria.base import Compensating, Compensation, Context, Criterion, Scores
from prunelab.pruning.granularities.base import Granularity
from prunelab.pruning.granularities.units import Units
from prunelab.pruning.masks import Masks
from prunelab.pruning.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pruned:
    """What a prune leaves.

    Attributes:
        masks: what is left, nested in the masks before.
        weights: new values of weights by parameter name, if the criterion makes up for what went; else empty.
    """

    masks: Masks
    weights: dict[str, torch.Tensor]


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
    rounds: int = 1,
    inverted: bool = False,
) -> Pruned:
    """Remove units of `context.masks` until `density` of all units is left.

    The result is nested in `context.masks`; the model is left as it was.

    Args:
        model: the network whose weights are scored.
        scope: the tensors that may be pruned.
        criterion: scores weights, the highest are kept.
        allocation: divides the budget over tensors.
        granularity: what is removed as one unit.
        density: fraction of all units to keep, in (0, 1]; of all weights in scope, when weights are the units.
        context: what the criterion may use, and the masks to prune further.
        rounds: scoring and pruning take turns so often, with densities that fall exponentially (Tanaka et al. 2020).
        inverted: keep the lowest scores: a sanity check of the criterion (Frankle et al. 2021, section 5).

    Raises:
        ValueError: if `density` is out of range, above the present one, or more than the granularity leaves.
    """
    if not 0 < density <= 1:
        raise ValueError(f"density {density} must be in (0, 1]; sparsity is 1 - density")
    if density > granularity.max_density + 1e-9:
        raise ValueError(f"a granularity of {granularity.kind} leaves at most {granularity.max_density:g} of the weights, not {density:g}")
    granularity.check(scope)
    masks_.check(context.masks, model)
    context = _in_units(context, granularity, scope)
    method = _Method(scope=scope, criterion=criterion, allocation=allocation, granularity=granularity, inverted=inverted)
    for reached in _densities_before(density, rounds, granularity, context.masks, scope):
        made = method(model, reached, context)
        context = dataclasses.replace(context, masks=made.masks)
        if made.weights:
            model = _with_weights(model, made.weights)
    return method(model, density, context)


@torch.no_grad()
def unit_scores(model: nn.Module, *, scope: Scope, criterion: Criterion, granularity: Granularity, context: Context) -> Scores:
    """What `prune` would decide by in its first round: tensor name -> scores of its units, shape (n,), in order of the network.

    Tensors that the criterion or the granularity says nothing of are left out.
    """
    return _pooled(model, scope, criterion, granularity, _in_units(context, granularity, scope))[0]


def _in_units(context: Context, granularity: Granularity, scope: Scope) -> Context:
    units = granularity.groups(scope) if isinstance(granularity, Units) else {}
    return dataclasses.replace(context, units=units, unit_sum=lambda values: granularity.unit_sum(values, scope))


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Method:
    """One round of scoring and pruning."""

    scope: Scope
    criterion: Criterion
    allocation: Allocation
    granularity: Granularity
    inverted: bool

    def __call__(self, model: nn.Module, density: float, context: Context) -> Pruned:
        before, granularity = context.masks, self.granularity
        pooled, solved = _pooled(model, self.scope, self.criterion, granularity, context, inverted=self.inverted)
        if not pooled:
            raise ValueError(f"{type(self.criterion).__name__} scores no {granularity.kind} of this network")
        expanded = granularity.expand(self.allocation(pooled, self.scope, density), self.scope)
        masks = {name: _both(mask, expanded[name].to(mask.device)) if name in expanded else mask for name, mask in before.items()}
        if solved is None:
            return Pruned(masks=masks, weights={})
        masks, weights = solved.update(masks, free=granularity.kind == "weight" and not self.inverted)
        assert masks_.is_nested(masks, before), "a prune may only remove"
        return Pruned(masks=masks, weights=weights)


def _pooled(
    model: nn.Module, scope: Scope, criterion: Criterion, granularity: Granularity, context: Context, *, inverted: bool = False
) -> tuple[Scores, Compensation | None]:
    """Scores of units, and of a criterion that also says how other weights make up for what goes, its solution."""
    solved = criterion.solve(model, scope, context) if isinstance(criterion, Compensating) else None
    # scores get no name here: those of large networks would outlive their pooling
    pooled = granularity.pool(
        _masked(_signed(solved.scores if solved else criterion(model, scope, context), inverted), context.masks),
        scope,
        unit_scores=criterion.scores_units,
    )
    return pooled, solved


def _signed(scores: Scores, inverted: bool) -> Scores:
    return {name: -score for name, score in scores.items()} if inverted else scores


def _with_weights(model: nn.Module, weights: Mapping[str, torch.Tensor]) -> nn.Module:
    changed = copy.deepcopy(model)
    changed.load_state_dict(dict(weights), strict=False)
    return changed


def _masked(scores: Mapping[str, torch.Tensor], before: Masks) -> Scores:
    """In the order of the network; what is pruned already can't come back."""
    return {name: _without_pruned(scores[name], mask) for name, mask in before.items() if name in scores}


def _without_pruned(score: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    # at the first level nothing is pruned, and a copy of all scores is saved
    return score if masks_.is_whole(mask) else score.masked_fill(~mask.to(score.device), -torch.inf)


def _both(mask: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
    # a unit that stays may have lost weights before
    return keep if masks_.is_whole(mask) else mask & keep


def _densities_before(density: float, rounds: int, granularity: Granularity, masks: Masks, scope: Scope) -> list[float]:
    """Densities of the rounds before the last, falling exponentially from the present fraction of units to `density`."""
    if rounds == 1:
        return []
    units = kept_units(masks, scope, granularity).values()
    start = sum(int(torch.count_nonzero(kept)) for kept in units) / sum(kept.numel() for kept in units)
    falling = (max(start, density) * min(density / start, 1.0) ** (number / rounds) for number in range(1, rounds))
    return [min(reached, granularity.max_density) for reached in falling]
