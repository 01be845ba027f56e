"""Does the order of methods in one study hold in another: Kendall's rank correlation at each level that both have."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

from prunelab.records.levels import SAME_DENSITY
from prunelab.results import curves
from prunelab.results.frames import MissingData
from prunelab.results.intervals import mean_interval

FEWEST_METHODS = 3  # two are in the same order half of the time by chance


def transfer(first: pd.DataFrame, second: pd.DataFrame, column: str = "test_top1") -> pd.DataFrame:
    """The rank correlation of two studies' methods at each level of the first that the second has too.

    tau-b of the means over seeds (Kendall 1945): the share of pairs of methods that both studies order alike less the share that they
    order the other way round. Its spread is that of the seeds that both have: tau of each seed's own values, with the interval of
    their mean. Methods are the same if reports call them the same; levels, if they leave as many weights but for 5 per cent.

    Args:
        first: records, checked (`frames.checked`).
        second: likewise.
        column: the measure.

    Returns:
        Rows from the densest level on: `density`, `tau`, `mean`, `low`, `high` (NaN without two seeds), `num_seeds`, `num_methods`,
        `best_first` and `best_second` (the methods with the largest mean). tau is NaN where all methods of a study are equal.

    Raises:
        MissingData: if the studies share fewer than three methods, or no level.
    """
    sides = [_own(frame, column) for frame in (first, second)]
    names = [list(dict.fromkeys(side["method"])) for side in sides]
    common = [name for name in names[0] if name in names[1]]
    if len(common) < FEWEST_METHODS:
        raise MissingData(
            f"an order needs {FEWEST_METHODS} methods that both studies have; in common: {', '.join(common) or 'none'}. "
            f"The first has {', '.join(filter(None, names[0])) or 'one'}, the second {', '.join(filter(None, names[1])) or 'one'}."
        )
    here, there = (side[side["method"].isin(common)] for side in sides)
    rows = [row for _, level in here.groupby("level") if (row := _level(level, _like(level, there))) is not None]
    if not rows:
        raise MissingData(f"at no level do {FEWEST_METHODS} methods of both studies leave as many weights")
    return pd.DataFrame(rows).sort_values("density", ascending=False, ignore_index=True)


def _own(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    found = curves.series(frame, column)
    return found[(found["control"] == "none") & (found["level"] > 0) & (found["density"] > 0)]


def _like(level: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Of each method the other study's level that leaves as many weights, if it has one."""
    distance = (others["density"] / float(level["density"].mean()) - 1).abs()
    near = others.assign(distance=distance)[distance <= SAME_DENSITY]
    return near.sort_values("distance", kind="stable").drop_duplicates("method")


def _level(here: pd.DataFrame, there: pd.DataFrame) -> dict[str, object] | None:
    pairs = here.merge(there, on="method", suffixes=("_first", "_second"))
    if len(pairs) < FEWEST_METHODS:
        return None
    by_seed = [
        dict(zip(row[f"seeds_{side}"], row[f"values_{side}"], strict=True))
        for row in pairs.to_dict("records")
        for side in ("first", "second")
    ]
    seeds = sorted(set.intersection(*(set(values) for values in by_seed)))
    taus = [_tau([values[seed] for values in by_seed[::2]], [values[seed] for values in by_seed[1::2]]) for seed in seeds]
    taus = [tau for tau in taus if np.isfinite(tau)]
    spread = mean_interval(taus) if taus else None
    missing = [np.nan if spread is None or end is None else end for end in (spread and spread.low, spread and spread.high)]
    return {
        "density": float(here["density"].mean()), "tau": _tau(pairs["mean_first"], pairs["mean_second"]),
        "mean": spread.mean if spread else np.nan, "low": missing[0], "high": missing[1], "num_seeds": len(taus), "num_methods": len(pairs),
        "best_first": _best(pairs, "mean_first"), "best_second": _best(pairs, "mean_second"),
    }  # fmt: skip


def _best(pairs: pd.DataFrame, column: str) -> str:
    return ", ".join(pairs.loc[pairs[column] == pairs[column].max(), "method"])


def _tau(first: object, second: object) -> float:
    one, other = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if len(np.unique(one)) < 2 or len(np.unique(other)) < 2:
        return np.nan  # all are equal: there is no order
    return float(kendalltau(one, other).statistic)  # pyright: ignore[reportAttributeAccessIssue]
