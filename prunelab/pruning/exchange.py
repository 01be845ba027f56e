"""Exchange weights of equal number: the step of dynamic sparse training."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from prunelab.pruning.masks import Masks
from prunelab.pruning.topk import keep_top


def exchange(weights: Mapping[str, torch.Tensor], masks: Masks, growth: Mapping[str, torch.Tensor], fraction: float) -> Masks:
    """In each tensor drop the smallest weights and grow as many where there were none (Evci et al. 2020, algorithm 1).

    A weight that was just dropped is never grown again. Where fewer are inactive than are to be dropped, so many are exchanged.

    Args:
        weights: by parameter name.
        masks: what is active.
        growth: of inactive weights the highest are grown.
        fraction: of the active weights of a tensor that are exchanged, in [0, 1].

    Returns:
        New masks with as many active weights in each tensor as before.
    """
    return {
        name: _exchange(weights[name].abs().to(mask.device), mask, growth[name].to(mask.device), fraction) for name, mask in masks.items()
    }


def _exchange(size: torch.Tensor, mask: torch.Tensor, growth: torch.Tensor, fraction: float) -> torch.Tensor:
    active = int(mask.sum())
    count = min(round(fraction * active), mask.numel() - active)
    stay = keep_top(size.masked_fill(~mask, -torch.inf).flatten(), active - count)
    grown = keep_top(growth.masked_fill(mask, -torch.inf).flatten(), count)
    return (stay | grown).reshape(mask.shape)
