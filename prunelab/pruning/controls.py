"""Masks to compare a ticket's mask with: the same number of weights in each tensor, at other places."""

from __future__ import annotations

import torch

from prunelab.pruning.masks import Masks
from prunelab.pruning.topk import keep_top


def shuffle(masks: Masks, generator: torch.Generator) -> Masks:
    """Permute each tensor's mask (Frankle et al. 2021, section 5)."""
    return {name: mask.flatten()[torch.randperm(mask.numel(), generator=generator)].reshape(mask.shape) for name, mask in masks.items()}


def random_like(masks: Masks, within: Masks, generator: torch.Generator) -> Masks:
    """As many weights a tensor as `masks` keeps, drawn without replacement from those `within` keeps.

    Called level after level with its own last result as `within` it is iterative random pruning: nested like a ticket.

    Raises:
        ValueError: if `within` keeps fewer weights of a tensor than `masks`.
    """
    drawn: Masks = {}
    for name, mask in masks.items():
        scores = torch.rand(mask.shape, generator=generator).masked_fill(~within[name], -torch.inf)
        drawn[name] = keep_top(scores.flatten(), int(mask.sum())).reshape(mask.shape)
    return drawn
