"""Keep exactly k."""

from __future__ import annotations

import torch


def keep_top(scores: torch.Tensor, k: int) -> torch.Tensor:
    """The k highest of `scores`, exactly k, ties broken by the lowest index.

    A threshold comparison alone is wrong by one (`>`) or by the number of ties (`>=`), so the ties at the threshold are
    counted and the first of them kept.

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
    if scores.numel() and bool(torch.isnan(scores).any()):
        raise ValueError("a score is NaN: the model, its gradients or its data hold values that are not numbers")
    if not 0 <= k <= scores.numel():
        raise ValueError(f"cannot keep {k} of {scores.numel()}")
    if k == 0:
        return torch.zeros_like(scores, dtype=torch.bool)
    threshold = scores.min() if k == scores.numel() else torch.kthvalue(scores, scores.numel() - k + 1).values
    if threshold == -torch.inf:
        left = int((scores > -torch.inf).sum())
        raise ValueError(f"cannot keep {k}: only {left} of {scores.numel()} are left; a level can only remove")
    keep = scores > threshold
    missing = k - int(keep.sum())
    ties = torch.nonzero(scores == threshold).flatten()[:missing]
    keep[ties] = True
    return keep
