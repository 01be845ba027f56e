"""Hypervolume: how much of what can be traded a front dominates, as one number a seed.

The volume, in two or three measures, of all that some point of the front is at least as good as, counted from a reference
point (Zitzler & Thiele 1998; exact, by moocore). Ratios and costs count by doublings (`measures.Measure.log`), so with accuracy
against compression it is the area under the best accuracy at each log2 compression.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd

from prunelab.results.frames import MissingData
from prunelab.results.measures import measure_of, one_scaled, scaled, scaled_by_seed
from prunelab.results.over_seeds import left_out_words, named
from prunelab.results.statistics import MeanInterval, mean_interval


@dataclasses.dataclass(frozen=True, kw_only=True)
class Box:
    """Between which points volumes are counted, in the measures' own units; what lies beyond counts as if on the edge.

    Attributes:
        columns: the measures.
        reference: of each measure the worst value, from where it is counted.
        best: of each measure the best value that counts; infinite (0 for a cost) if all do.
    """

    columns: tuple[str, ...]
    reference: tuple[float, ...]
    best: tuple[float, ...]


def box(frame: pd.DataFrame, columns: Sequence[str], *, common_to: str | None = None) -> Box:
    """The box in which all networks of a frame can be compared.

    The reference of a gain does not depend on what it is compared with: 0 for an accuracy, 1 for compression and speed-ups (the
    dense network). Of a cost, and of a loss, it is the largest one in the frame. One box for all that is compared: volumes in
    different boxes say nothing about each other.

    Args:
        frame: everything that is to be compared.
        columns: two measures or three.
        common_to: a column that tells the sides apart. The box then ends, in ratios and costs, at the best value that all
            sides reach, so that no side gains by having been pruned further than another was tried. A side without a pruned
            network (`level` above 0) that has all measures reaches nothing, and does not count.

    Raises:
        MissingData: if no row has all measures; with `common_to`, if no pruned network has.
        ValueError: for an unknown measure, or one that the frame lacks.
    """
    columns = tuple(columns)
    usable = ~np.isnan(scaled(frame, columns)).any(axis=1)
    rows = frame[usable]
    if rows.empty:
        raise MissingData(f"no network has all of {', '.join(columns)}")
    sides = None
    if common_to is not None:
        sides = rows[common_to].where(rows[common_to].isin(rows.loc[rows["level"] > 0, common_to]))
        if sides.isna().all():
            raise MissingData(f"no pruned network has all of {', '.join(columns)}")
    reference, best = [], []
    for column in columns:
        measure, values = measure_of(column), rows[column].astype(float)
        reference.append(float(values.max()) if measure.floor is None else measure.floor)
        end = np.inf if measure.maximise else 0.0 if measure.log else -np.inf
        if sides is not None and measure.log:
            ends = values.groupby(sides, observed=True).agg("max" if measure.maximise else "min")
            end = float(ends.min() if measure.maximise else ends.max())
        best.append(end)
    return Box(columns=columns, reference=tuple(reference), best=tuple(best))


def hypervolume(frame: pd.DataFrame, within: Box) -> float:
    """The volume that the rows dominate within a box; rows that lack a measure add nothing."""
    points = scaled(frame, within.columns)
    return volume(points[~np.isnan(points).any(axis=1)], *limits(within))


def volume(points: np.ndarray, reference: np.ndarray, best: np.ndarray) -> float:
    """The volume between `reference` and `best` that points dominate, more being better in all measures.

    Args:
        points: shape (n, 2) or (n, 3), without missing values.
        reference: shape (2,) or (3,).
        best: likewise.
    """
    import moocore

    inside = np.minimum(points, best)
    return float(moocore.hypervolume(inside, ref=reference, maximise=True)) if len(inside) else 0.0


def limits(within: Box) -> tuple[np.ndarray, np.ndarray]:
    """The worst and the best corner of a box, in the scale of `measures.scaled`."""
    reference, best = [], []
    for column, low, high in zip(within.columns, within.reference, within.best, strict=True):
        measure = measure_of(column)
        reference.append(one_scaled(np.asarray([low]), measure)[0])
        unbounded = np.isinf(high) or (measure.log and high == 0)
        best.append(np.inf if unbounded else one_scaled(np.asarray([high]), measure)[0])
    return np.asarray(reference), np.asarray(best)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SeedVolumes:
    """The hypervolume of one method.

    Attributes:
        interval: mean over seeds and its interval.
        by_seed: each seed's volume.
        num_left_out: networks that lack a measure and add nothing.
        uneven: seeds with fewer networks than the others; their fronts, and so their volumes, may be smaller for it.
        left_out: seeds without a volume, and why: a dense network alone is not one of the method.
    """

    interval: MeanInterval
    by_seed: dict[int, float]
    num_left_out: int
    uneven: tuple[int, ...]
    left_out: dict[int, str]

    @property
    def notes(self) -> tuple[str, ...]:
        """Uneven and missing seeds in words."""
        found = [f"{named(self.uneven)} with fewer networks than the others"] if self.uneven else []
        return (*found, *left_out_words(self.left_out))


def volumes(frame: pd.DataFrame, within: Box) -> SeedVolumes:
    """The hypervolume of the networks of each seed, and its mean with an interval.

    Args:
        frame: networks of one method, its dense one included; `level` 0 is dense. A seed without a pruned network is left out.
        within: the box shared by all methods of the comparison.

    Raises:
        MissingData: if no pruned network has all measures.
    """
    points, of_row, lacking = scaled_by_seed(frame, within.columns)
    if not len(points):
        raise MissingData(f"no pruned network has all of {', '.join(within.columns)}")
    edges = limits(within)
    seeds, counts = np.unique(of_row, return_counts=True)
    by_seed = {int(seed): volume(points[of_row == seed], *edges) for seed in seeds}
    reason = f"no pruned network with {' and '.join(within.columns)}"
    return SeedVolumes(
        interval=mean_interval(list(by_seed.values())), by_seed=by_seed,
        num_left_out=int(np.isnan(scaled(frame, within.columns)).any(axis=1).sum()),
        uneven=tuple(int(seed) for seed in seeds[counts < counts.max()]), left_out=dict.fromkeys(lacking, reason),
    )  # fmt: skip
