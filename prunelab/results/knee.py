"""Knee point: where a front bends, and a further gain in one measure begins to cost much of the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from prunelab.results.measures import scaled
from prunelab.results.pareto import front

_FLAT = 1e-9


def knee(frame: pd.DataFrame, columns: Sequence[str]) -> pd.Series | None:
    """The row at the knee of the front of a frame, after Das (1999).

    Both measures are brought to [0, 1] over the front, ratios and costs by doublings. The knee is the point of the front
    that lies farthest beyond the straight line between the front's two ends. Of points equally far the one that is better in the
    second measure is taken.

    Args:
        frame: one row a network, or a mean over seeds.
        columns: two measures.

    Returns:
        None where there is no bend: fewer than three different points, or none beyond the line.

    Raises:
        ValueError: for another number of measures.
    """
    if len(columns) != 2:
        raise ValueError(f"a knee is of two measures, not of {len(columns)}: {', '.join(columns)}")
    rows = front(frame, columns)
    points = scaled(rows, tuple(columns))
    if len(np.unique(points, axis=0)) < 3:
        return None
    unit = (points - points.min(axis=0)) / np.ptp(points, axis=0)
    # The ends are (0, 1) and (1, 0): how far beyond their line a point lies grows with the sum.
    beyond = unit.sum(axis=1) - 1
    if beyond.max() <= _FLAT:
        return None
    farthest = np.flatnonzero(beyond >= beyond.max() - _FLAT)
    return rows.iloc[farthest[np.argmax(unit[farthest, 1])]]
