"""Pareto front: the points that no other point beats in one measure without losing in the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def non_dominated(points: ArrayLike, *, maximise: tuple[bool, bool] = (True, True)) -> np.ndarray:
    """Which of the points are on the front.

    a dominates b if it is at least as good in both measures and better in one. Equal points do not dominate each other,
    so ties on the front are all kept. A point with a missing value is never on it. One sort, O(n log n).

    Args:
        points: shape (n, 2).
        maximise: for each measure, whether more is better.

    Returns:
        Booleans of shape (n,).

    Raises:
        ValueError: if `points` is not n x 2.
    """
    values = np.asarray(points, dtype=float)
    if values.ndim != 2 or values.shape[1] != 2:
        raise ValueError(f"points have shape {values.shape}; two measures a point are needed: (n, 2)")
    keep = np.zeros(len(values), dtype=bool)
    candidates = np.flatnonzero(~np.isnan(values).any(axis=1))
    if candidates.size == 0:
        return keep
    signed = values[candidates] * np.where(maximise, 1.0, -1.0)
    order = np.lexsort((-signed[:, 1], -signed[:, 0]))
    first, second = signed[order, 0], signed[order, 1]
    starts = np.flatnonzero(np.r_[True, first[1:] != first[:-1]])
    group = np.cumsum(np.r_[False, first[1:] != first[:-1]])
    best_here = second[starts]
    best_before = np.r_[-np.inf, np.maximum.accumulate(best_here)[:-1]]
    on_front = (second == best_here[group]) & (second > best_before[group])
    # The best group has nothing before it; a value of -inf there is still undominated.
    on_front |= (group == 0) & (second == best_here[0])
    keep[candidates[order[on_front]]] = True
    return keep
