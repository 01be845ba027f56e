"""Pareto front: the points that no other point beats in one measure without losing in another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from prunelab.results.measures import scaled

FEWEST_MEASURES, MOST_MEASURES = 2, 3


def non_dominated(points: ArrayLike, *, maximise: Sequence[bool] | None = None) -> np.ndarray:
    """Which of the points are on the front.

    a dominates b if it is at least as good in all measures and better in one. Equal points do not dominate each other,
    so ties on the front are all kept. A point with a missing value is never on it. moocore's sweep over two or three
    dimensions, O(n log n) (Kung, Luccio & Preparata 1975).

    Args:
        points: shape (n, 2) or (n, 3).
        maximise: for each measure, whether more is better; in all of them if not given.

    Returns:
        Booleans of shape (n,).

    Raises:
        ValueError: if `points` is of another shape, or `maximise` of another length.
    """
    import moocore

    values = _checked(points)
    signs = (True,) * values.shape[1] if maximise is None else tuple(bool(more) for more in maximise)
    if len(signs) != values.shape[1]:
        raise ValueError(f"maximise={maximise!r} says for {len(signs)} measures what is better; the points have {values.shape[1]}")
    keep = np.zeros(len(values), dtype=bool)
    known = ~np.isnan(values).any(axis=1)
    if known.any():
        # keep_weakly: of points that are equal moocore would keep the first alone
        keep[known] = moocore.is_nondominated(values[known], maximise=signs, keep_weakly=True)
    return keep


def _checked(points: ArrayLike) -> np.ndarray:
    values = np.asarray(points, dtype=float)
    if values.ndim != 2 or not FEWEST_MEASURES <= values.shape[1] <= MOST_MEASURES:
        raise ValueError(f"points have shape {values.shape}; two measures or three a point are needed: (n, 2) or (n, 3)")
    return values


def front(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The rows that no other row beats in these measures, in order of the first one.

    Args:
        frame: records, or any frame with these columns.
        columns: two measures or three, names of `measures.MEASURES`.

    Raises:
        ValueError: for an unknown measure, one that the frame lacks, or another number of them.
    """
    rows = frame[non_dominated(scaled(frame, tuple(columns)))]
    return rows.sort_values(list(columns), kind="stable")
