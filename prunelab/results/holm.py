"""Paired t tests of many methods and levels against one reference, corrected for their number after Holm (1979).

Of twenty true null hypotheses that are each tested at 5 %, one is rejected. Holm's step-down procedure bounds the chance of any false
rejection: the smallest of n p-values is multiplied by n, the next by n - 1, ..., none below the one before it, none above 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import stdtr

from prunelab.basics.choices import choose
from prunelab.results.curves import averaged
from prunelab.results.frames import MissingData
from prunelab.results.methods import labelled
from prunelab.results.over_seeds import named

DENSE = "dense"
_KEYS = ["method", "level"]
SAME = 1e-12  # differences that differ by less are the same number, up to its rounding


def holm(p_values: Sequence[float] | np.ndarray) -> np.ndarray:
    """The adjusted p-values, in the order given; NaN, a test that could not be made, stays and does not count.

    Raises:
        ValueError: for a value that is not a probability.
    """
    given = np.asarray(p_values, dtype=float)
    made = np.flatnonzero(~np.isnan(given))
    if ((given[made] < 0) | (given[made] > 1)).any():
        raise ValueError(f"p-values must be in [0, 1], not {given.tolist()}")
    order = made[np.argsort(given[made], kind="stable")]
    adjusted = np.full(given.shape, np.nan)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(given[order] * np.arange(len(order), 0, -1)))
    return adjusted


def paired_p(differences: Sequence[float] | np.ndarray) -> tuple[float, str]:
    """The p-value of the two-sided paired t test, and in words why there is none.

    Without any spread there is no test: one seed, or differences that are all the same, as coarse accuracies can be. If all are 0, the
    sides are tied, and p is 1.
    """
    values = np.asarray(differences, dtype=float)
    if len(values) < 2:
        return np.nan, "one seed: no test"
    if np.abs(values).max() <= SAME:
        return 1.0, "tied on every seed"
    if np.ptp(values) <= SAME:
        return np.nan, "the same difference on every seed: no spread to test against"
    t = values.mean() / (values.std(ddof=1) / np.sqrt(len(values)))
    return float(2 * stdtr(len(values) - 1, -abs(t))), ""


def against_reference(frame: pd.DataFrame, column: str = "test_top1", reference: str = DENSE) -> pd.DataFrame:
    """Each method at each level against a reference, paired by seed, all tests corrected together.

    Args:
        frame: records.
        column: the measure.
        reference: "dense", each method's dense network; or a control, the one of the same method and level.

    Returns:
        Rows in order of method and level: `method`, `level`, `density`, `mean` (method minus reference), `low`, `high`, `num_seeds`,
        `seeds`, `values`, `p`, `adjusted` (NaN where there is no test), `num_diverged` (networks of either side), and `note`: ties,
        seeds that one side lacks, why there is no test. A level without a common seed has a row without numbers.

    Raises:
        MissingData: if no method has the reference.
        ValueError: for an unknown reference.
    """
    rows = labelled(frame, ["sparsity", "diverged", column])
    choose("reference", reference, [DENSE, *sorted(set(rows["control"]) - {"none"})])
    is_dense = (rows["control"] == "none") & (rows["level"] == 0)
    own = rows[(rows["control"] == "none") & (rows["level"] > 0) & np.isfinite(rows[column])]
    others = rows[(is_dense if reference == DENSE else rows["control"] == reference) & np.isfinite(rows[column])]
    if own.empty or others.empty:
        raise MissingData(f"no {'pruned network' if own.empty else f'network of {reference}'} has {column}")
    keys = ["method", "seed"] if reference == DENSE else [*_KEYS, "seed"]
    pairs = own.merge(others[[*keys, column, "diverged"]], on=keys, how="left", suffixes=("", "_reference"))
    complete = pairs[np.isfinite(pairs[f"{column}_reference"])]
    complete = complete.assign(
        difference=complete[column] - complete[f"{column}_reference"],
        num_diverged=complete["diverged"].astype(int) + complete["diverged_reference"].astype(int),
    )
    found = averaged(complete, _KEYS, "difference")
    diverged = complete.groupby(_KEYS, observed=True)["num_diverged"].sum().reset_index()
    density = (1 - own.groupby(_KEYS, observed=True)["sparsity"].mean()).rename("density").reset_index()
    table = density.merge(found, on=_KEYS, how="left").merge(diverged, on=_KEYS, how="left").astype({"method": str})
    tests = [paired_p(values) if isinstance(values, tuple) else (np.nan, "no common seed") for values in table["values"]]
    alone = _alone(own, others, reference == DENSE)
    notes = [
        "; ".join(filter(None, [said, *alone.get((method, level), ())]))
        for (_, said), method, level in zip(tests, table["method"], table["level"], strict=True)
    ]
    p = np.asarray([value for value, _ in tests])
    table = table.assign(p=p, adjusted=holm(p), note=notes)
    return table.fillna({"num_seeds": 0, "num_diverged": 0}).astype({"num_seeds": int, "num_diverged": int})


def _alone(own: pd.DataFrame, others: pd.DataFrame, dense: bool) -> dict[tuple[str, int], list[str]]:
    """By method and level, which seeds only one side has."""
    theirs = {key: set(group) for key, group in others.groupby(["method"] if dense else _KEYS, observed=True)["seed"]}
    found = {}
    for key, group in own.groupby(_KEYS, observed=True)["seed"]:
        method, level = str(key[0]), int(key[1])  # pyright: ignore[reportIndexIssue, reportArgumentType]
        here, there = set(group), theirs.get((key[0],) if dense else key, set())  # pyright: ignore[reportIndexIssue]
        lines = []
        for seeds, side in ((here - there, "the method"), (there - here, "the reference")):
            lines += [f"{named(sorted(seeds))} only of {side}"] if seeds else []
        found[method, level] = lines
    return found
