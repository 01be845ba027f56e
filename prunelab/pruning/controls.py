"""Masks to compare a ticket's mask with: the same number of units in each tensor, at other places."""

from __future__ import annotations

import torch

from prunelab.pruning.granularities.base import Granularity
from prunelab.pruning.masks import Masks
from prunelab.pruning.scope import Scope
from prunelab.pruning.topk import keep_top


def shuffle(masks: Masks, scope: Scope, granularity: Granularity, generator: torch.Generator) -> Masks:
    """Permute each tensor's units (Frankle et al. 2021, section 5)."""
    units = kept_units(masks, scope, granularity)
    permuted = {name: keep[torch.randperm(len(keep), generator=generator)] for name, keep in units.items()}
    return {**masks, **granularity.expand(permuted, scope)}


def random_like(masks: Masks, within: Masks, scope: Scope, granularity: Granularity, generator: torch.Generator) -> Masks:
    """As many units a tensor as `masks` keeps, drawn without replacement from those `within` keeps.

    Called level after level with its own last result as `within` it is iterative random pruning: nested like a ticket.

    Raises:
        ValueError: if `within` keeps fewer units of a tensor than `masks`.
    """
    wanted = {name: int(keep.sum()) for name, keep in kept_units(masks, scope, granularity).items()}
    scores = {name: torch.rand(mask.shape, generator=generator).masked_fill(~within[name], -torch.inf) for name, mask in masks.items()}
    drawn = {name: keep_top(units, wanted[name]) for name, units in granularity.pool(scores, scope).items()}
    expanded = granularity.expand(drawn, scope)
    return {name: within[name] & expanded[name] if name in expanded else mask for name, mask in masks.items()}


def kept_units(masks: Masks, scope: Scope, granularity: Granularity) -> dict[str, torch.Tensor]:
    """Which units have weights left, shape (n,) a tensor."""
    marks = {name: torch.zeros(mask.shape).masked_fill(~mask, -torch.inf) for name, mask in masks.items()}
    return {name: units > -torch.inf for name, units in granularity.pool(marks, scope).items()}
