"""Matching sparsity: how far a method prunes before it is worse than the dense network."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from prunelab.results.frames import MissingData
from prunelab.results.measures import gaining
from prunelab.results.over_seeds import AT_LEAST, OverSeeds, curve_of_each, gather, halvings, sparsity_of
from prunelab.results.selection import dense, tickets
from prunelab.results.statistics import PairedDifference, paired_difference

MARGIN = 0.005


@dataclasses.dataclass(frozen=True, kw_only=True)
class LevelDifference:
    """One level of a method against its dense network.

    Attributes:
        level: the level.
        density: mean fraction of weights left there.
        mean: mean measure there.
        difference: level minus dense, paired by seed.
    """

    level: int
    density: float
    mean: float
    difference: PairedDifference


def against_dense(frame: pd.DataFrame, column: str = "test_top1") -> list[LevelDifference]:
    """Each pruned level of one method against its dense network, from the densest on.

    Raises:
        MissingData: if the frame has no dense network with the measure.
        ValueError: if the frame mixes several methods.
    """
    reference = dense(frame)
    if not np.isfinite(reference[column]).any():
        raise MissingData(f"no dense network has {column}")
    found = []
    for level, rows in tickets(frame).groupby("level"):
        measured = rows[np.isfinite(rows[column])]
        try:
            difference = paired_difference(measured, reference, column)
        except MissingData:
            continue  # a level that shares no seed with the dense network cannot be compared; the tables show it
        density = float(1 - measured["sparsity"].mean())
        found.append(
            LevelDifference(level=int(level), density=density, mean=float(measured[column].mean()), difference=difference)  # pyright: ignore[reportArgumentType]
        )
    return sorted(found, key=lambda entry: -entry.density)


def matching(levels: list[LevelDifference], margin: float = MARGIN) -> LevelDifference | None:
    """The sparsest level such that it and all denser ones have a mean not below dense by more than `margin`.

    Args:
        levels: from `against_dense`, from the densest on.
        margin: in the unit of the measure; accuracies are fractions, so 0.005 is half a point.

    Returns:
        None if already the densest level is worse.
    """
    last = None
    for entry in levels:
        if entry.difference.interval.mean < -margin:
            break
        last = entry
    return last


def matching_over_seeds(frame: pd.DataFrame, column: str = "test_top1", margin: float = MARGIN) -> OverSeeds:
    """The largest sparsity that is not worse than the dense network by more than a margin, of each seed and with an interval.

    Each seed's difference to its own dense network is joined by straight lines over -log2(1 - sparsity), from 0 at the
    dense network on; where they first fall below minus the margin is its matching sparsity. The mean and its interval are taken on
    that scale and given as sparsities. A seed that never falls below counts with its sparsest level, as "at least".

    Args:
        frame: records of one method, with its dense network; controls are not looked at.
        column: the measure; where less of it is better, a rise is what counts.
        margin: in its unit.

    Raises:
        ValueError: if the frame mixes several methods, or for a margin that is negative.
    """
    if margin < 0:
        raise ValueError(f"margin={margin!r} must not be negative: it is how much worse still counts as not worse")
    own = frame[(frame["kind"] == "point") & (frame["control"] == "none")]
    references = {int(seed): float(value) for seed, value in zip(dense(own)["seed"], dense(own)[column], strict=True)}
    values, bounded, left_out = {}, {}, {}
    pruned = own[own["level"] > 0]
    for seed, x, y in curve_of_each(pruned, halvings(pruned["sparsity"].to_numpy()), column):
        reference = references.get(seed, np.nan)
        if not np.isfinite(reference):
            left_out[seed] = f"no dense network with {column}"
        elif not len(x):
            left_out[seed] = f"no pruned network with {column}"
        else:
            values[seed], reached = _first_below(np.append(0.0, x), gaining(column) * np.append(0.0, y - reference), -margin)
            if not reached:
                bounded[seed] = AT_LEAST
    return gather(values, bounded, left_out, unscaled=sparsity_of)


def _first_below(x: np.ndarray, y: np.ndarray, threshold: float) -> tuple[float, bool]:
    """Where straight lines from point to point first fall below a threshold; the last place, and False, if they never do."""
    below = np.flatnonzero(y < threshold)
    if not len(below):
        return float(x[-1]), False
    after = below[0]  # never the first, which is 0 above a threshold that is not
    before = after - 1
    share = (y[before] - threshold) / (y[before] - y[after])
    return float(x[before] + share * (x[after] - x[before])), True
