"""Keep exactly k."""

from __future__ import annotations

import math

import torch

# sampled scores; below this many times 16, ranking all at once costs less than the passes that avoid it
_SAMPLE = 2**16


def keep_top(scores: torch.Tensor, k: int) -> torch.Tensor:
    """The k highest of `scores`, exactly k, ties broken by the lowest index.

    A threshold comparison alone is wrong by one (`>`) or by the number of ties (`>=`), so what `>=` keeps is counted, and
    the last of the ties at the threshold dropped.

    Args:
        scores: shape (n,); -inf marks what is pruned already and never comes back.
        k: how many to keep, between 0 and the number of scores above -inf.

    Returns:
        A bool tensor of shape (n,).

    Raises:
        ValueError: if a score is NaN, or k is more than what is left.
    """
    if scores.ndim != 1:
        raise ValueError(f"scores must be one-dimensional, not of shape {tuple(scores.shape)}")
    # of scores that hold a NaN the maximum is NaN: one pass, no copy
    if scores.numel() and bool(scores.max().isnan()):
        raise ValueError("a score is NaN: the model, its gradients or its data hold values that are not numbers")
    if not 0 <= k <= scores.numel():
        raise ValueError(f"cannot keep {k} of {scores.numel()}")
    if k == 0:
        return torch.zeros_like(scores, dtype=torch.bool)
    threshold = scores.min() if k == scores.numel() else _kth_highest(scores, k)
    if threshold == -torch.inf:
        left = int(torch.count_nonzero(scores > -torch.inf))
        raise ValueError(f"cannot keep {k}: only {left} of {scores.numel()} are left; a level can only remove")
    keep = scores >= threshold
    surplus = int(torch.count_nonzero(keep)) - k
    if surplus:
        keep[torch.nonzero(scores == threshold).flatten()[-surplus:]] = False
    return keep


def _kth_highest(scores: torch.Tensor, k: int) -> torch.Tensor:
    """The value of rank k from the top, exactly.

    Of many scores, a sample at even distances brackets the value (Floyd & Rivest 1975), and only the few inside the bracket
    are ranked. Counting shows whether it is inside; if not, all are ranked.
    """
    total = scores.numel()
    if total >= 16 * _SAMPLE:
        low, high = _bracket(scores, k)
        rank = k - int(torch.count_nonzero(scores > high))
        inside = scores[(scores >= low) & (scores <= high)]
        if 0 < rank <= inside.numel():
            return torch.kthvalue(inside, inside.numel() - rank + 1).values
    return torch.kthvalue(scores, total - k + 1).values


def _bracket(scores: torch.Tensor, k: int) -> tuple[float, float]:
    """Bounds of the value of rank k from the top, true of independent scores but for one time in ten thousand."""
    sample = scores[:: scores.numel() // _SAMPLE].sort(descending=True).values
    place = k * sample.numel() // scores.numel()
    # four standard deviations of the number of sampled scores above the median, which has the most
    margin = 2 * math.isqrt(sample.numel())
    low = float(sample[place + margin]) if place + margin < sample.numel() else -math.inf
    high = float(sample[place - margin]) if place >= margin else math.inf
    return low, high
