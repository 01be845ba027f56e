"""Area under the curve of a measure against compression, as one number a seed.

    A = 1 / (b - a) * integral over x from a to b of m(x),    x = log2(compression ratio)

with m the straight lines through a seed's levels. Each halving of the weights counts as much as any other, and A is in the unit of
the measure: the mean accuracy over the doublings from a to b. Areas over different spans say nothing about each other, so all that is
compared shares one: from where the last of the sides begins to where the first ends.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd

from prunelab.results.frames import MissingData
from prunelab.results.over_seeds import OverSeeds, curve_of_each, gather

_ROUNDING = 1e-9


@dataclasses.dataclass(frozen=True, kw_only=True)
class Span:
    """Compression ratios between which areas are taken."""

    start: float
    end: float


def span(sides: Sequence[pd.DataFrame], column: str = "test_top1") -> Span:
    """The longest span that all sides cover: each with the seed that covers least of it, among those with the side's outermost levels.

    Args:
        sides: networks of one method each, with their dense one where there is one.
        column: the measure.

    Raises:
        MissingData: if a side has fewer than two levels, or two sides have no compression ratio in common.
    """
    starts, ends = [], []
    for side in sides:
        ratio = pd.to_numeric(side["compression_ratio"]).astype(float)
        usable = np.isfinite(ratio) & (ratio > 0) & np.isfinite(pd.to_numeric(side[column]).astype(float))
        levels = ratio[usable].groupby(side["level"][usable]).agg(["min", "max", "mean"]).sort_values("mean")
        if len(levels) < 2:
            raise MissingData(f"fewer than two levels have both a compression ratio and {column}: there is no curve")
        starts.append(float(levels["max"].iloc[0]))
        ends.append(float(levels["min"].iloc[-1]))
    start, end = max(starts), min(ends)
    if not start < end:
        raise MissingData("the sides have no range of compression ratios in common")
    return Span(start=start, end=end)


def area(frame: pd.DataFrame, over: Span, column: str = "test_top1") -> OverSeeds:
    """The area of each seed of one method, and its mean with an interval.

    Args:
        frame: networks of one method, with the dense one if it belongs to the curve.
        over: see `span`.
        column: the measure.

    Raises:
        ValueError: if the frame mixes several networks of one seed and level.
    """
    start, end = np.log2(over.start), np.log2(over.end)
    ratio = pd.to_numeric(frame["compression_ratio"]).to_numpy(dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        x = np.log2(ratio)
    values, left_out = {}, {}
    for seed, places, heights in curve_of_each(frame, x, column):
        if not len(places) or places[0] > start + _ROUNDING or places[-1] < end - _ROUNDING:
            left_out[seed] = f"the levels do not cover compression ratios from {over.start:.3g} to {over.end:.3g}"
            continue
        corners = np.concatenate([[start], places[(places > start) & (places < end)], [end]])
        values[seed] = float(np.trapezoid(np.interp(corners, places, heights), corners) / (end - start))
    return gather(values, {}, left_out)
