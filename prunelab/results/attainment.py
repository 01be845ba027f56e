"""Empirical attainment: what a share of the seeds reaches, and how often one method's front dominates another's.

Fronts can't be averaged point by point. The attainment surface of a share q is the edge of all that the fronts of at least that
share of the seeds dominate: the median surface is what half of them reach (Grunert da Fonseca, Fonseca & Hall 2001; exact, by
moocore).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd

from prunelab.results.frames import MissingData
from prunelab.results.hypervolume import Box, limits
from prunelab.results.measures import measure_of, scaled_by_seed

QUARTILES = (0.25, 0.5, 0.75)


def attainment(frame: pd.DataFrame, columns: Sequence[str], shares: Sequence[float] = QUARTILES) -> pd.DataFrame:
    """The corners of the attainment surfaces of one method.

    Args:
        frame: networks of one method, its dense one included; `level` 0 is dense. A seed without a pruned network is none of its.
        columns: two measures or three.
        shares: of the seeds, in (0, 1]. With few seeds several shares have the same surface: of three seeds, two reach both the
            half and 0.6.

    Returns:
        Rows with `share`, `num_seeds` (that reach the surface), and a column a measure in its own unit; within a share in the
        order of the first measure.

    Raises:
        MissingData: if no pruned network has all measures.
        ValueError: for a share that is not one, or an unknown measure.
    """
    import moocore

    columns = tuple(columns)
    wrong = [share for share in shares if not 0 < share <= 1]
    if wrong:
        raise ValueError(f"share {wrong[0]!r} of the seeds must be in (0, 1]")
    points, seeds, _ = _usable(frame, columns)
    num_seeds = len(np.unique(seeds))
    order = np.argsort(seeds, kind="stable")  # moocore reads each seed's points as one block
    surfaces = moocore.eaf(-points[order], seeds[order])
    reached = np.rint(surfaces[:, -1] * num_seeds / 100).astype(int)
    found = []
    for share in shares:
        needed = int(np.ceil(share * num_seeds - 1e-9))
        corners = -surfaces[reached == needed, :-1]
        values = {column: _unscaled(corners[:, place], column) for place, column in enumerate(columns)}
        found.append(pd.DataFrame({"share": share, "num_seeds": needed, **values}).sort_values(columns[0], kind="stable"))
    return pd.concat(found, ignore_index=True)


def _usable(frame: pd.DataFrame, columns: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    points, seeds, lacking = scaled_by_seed(frame, columns)
    if not len(points):
        raise MissingData(f"no pruned network has all of {', '.join(columns)}")
    return points, seeds, lacking


def _unscaled(values: np.ndarray, column: str) -> np.ndarray:
    measure = measure_of(column)
    own = values if measure.maximise else -values
    return np.exp2(own) if measure.log else own


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dominance:
    """How often the front of one method dominates that of another of the same seed.

    Attributes:
        probability: share of the common seeds on which the first dominates.
        low: lower end of its 95 % interval (exact binomial, Clopper & Pearson 1934): wide with few seeds.
        high: upper end.
        num_first: seeds on which the first dominates.
        num_second: seeds on which the second does.
        num_equal: seeds on which the fronts are the same.
        num_neither: seeds on which each has a point that the other does not reach.
        unpaired: seeds of which one side, or either, has no pruned network.
    """

    probability: float
    low: float
    high: float
    num_first: int
    num_second: int
    num_equal: int
    num_neither: int
    unpaired: tuple[int, ...]


def dominance(first: pd.DataFrame, second: pd.DataFrame, within: Box) -> Dominance:
    """Pair two methods by seed and compare their fronts.

    One front dominates another if each point of the other is reached by one of its own, and not the other way round
    (Zitzler et al. 2003: "better").

    Args:
        first: networks of one method, its dense one included; `level` 0 is dense.
        second: likewise.
        within: the measures, and the best values that count: what lies beyond counts as if on the edge. With a box common to
            both, no side is spared by having been pruned further than the other was tried.

    Raises:
        MissingData: if a side has no pruned network with the measures, or the two have no seed in common.
    """
    from scipy.stats import binomtest

    _, best = limits(within)
    sides, lacking = [], set()
    for frame in (first, second):
        points, seeds, left_out = _usable(frame, within.columns)
        sides.append({int(seed): np.minimum(points[seeds == seed], best) for seed in np.unique(seeds)})
        lacking |= set(left_out)
    common = sorted(sides[0].keys() & sides[1].keys())
    if not common:
        raise MissingData("the two sides have no seed in common")
    covers = [(_covers(sides[0][seed], sides[1][seed]), _covers(sides[1][seed], sides[0][seed])) for seed in common]
    wins = covers.count((True, False))
    interval = binomtest(wins, len(common)).proportion_ci(0.95, method="exact")
    return Dominance(
        probability=wins / len(common), low=float(interval.low), high=float(interval.high), num_first=wins,
        num_second=covers.count((False, True)), num_equal=covers.count((True, True)), num_neither=covers.count((False, False)),
        unpaired=tuple(sorted((sides[0].keys() ^ sides[1].keys()) | lacking)),
    )  # fmt: skip


def _covers(points: np.ndarray, others: np.ndarray) -> bool:
    """Whether each of the others is reached by one of the points."""
    return bool((points[:, None] >= others[None]).all(axis=2).any(axis=0).all())
