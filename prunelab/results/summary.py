"""The sentences of a report: what the data say, and what a careful reader must know about them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from prunelab.results import curves
from prunelab.results.frames import MissingData, points
from prunelab.results.matching import MARGIN, LevelDifference, against_dense, matching
from prunelab.results.methods import control_name, labelled, own_name, places
from prunelab.results.over_seeds import named
from prunelab.results.selection import CONTROLS, select, tickets
from prunelab.results.statistics import MeanInterval, paired_difference
from prunelab.results.units import FRACTION, percent

MOST_METHODS = 6
SAME_DENSITY = 0.02
MOST_LINES = 12


def headline(frame: pd.DataFrame) -> list[str]:
    """What the accuracies say, a sentence or two for each method."""
    rows = labelled(frame, ["sparsity", "compression_ratio", "measured_speedup", "diverged", "test_top1"])
    several = rows["method"].nunique() > 1
    if rows["method"].nunique() > MOST_METHODS:
        return _ranking(frame)
    sentences = []
    for method, own in rows.groupby("method", observed=True):
        sentences += _of_method(own, f"{method}: " if several else "", own_name(frame), brief=several)
    return sentences


def _ranking(frame: pd.DataFrame) -> list[str]:
    """For each panel of the figures, its methods from best to worst where the fewest weights are left."""
    found, where = curves.accuracy(frame), places(frame)
    own = found[(found["control"] == "none") & (found["level"] > 0)]
    sentences = []
    for title in dict.fromkeys(place.panel for place in where.values()):
        here = own[[where[method].panel == title for method in own["method"]]]
        if here.empty:
            continue
        least = here["density"].min()
        last = here[here["density"] <= least * (1 + SAME_DENSITY)].sort_values("mean", ascending=False, kind="stable")
        order = ", ".join(f"{where[row['method']].line} {FRACTION.value(row['mean'])}" for row in last.to_dict("records"))
        start = f"{title[:1].upper()}{title[1:]}, at" if title else "At"
        sentences.append(f"{start} {percent(least)} of the weights: {order}.")
    return sentences


def _of_method(own: pd.DataFrame, prefix: str, name: str, *, brief: bool) -> list[str]:
    try:
        levels = against_dense(own)
    except MissingData:
        levels = []
    if not levels:
        said = _incomparable(own)
        return [f"{prefix}{said}" if prefix else said[:1].upper() + said[1:]]
    reference = curves.series(own, "test_top1").query("control == 'none' and level == 0").iloc[0]
    dense_text = FRACTION.value(reference["mean"])
    matched = matching(levels)
    subject = f"{prefix}{name if not prefix else name.lower()}"
    if matched is None:
        nearest = max(levels, key=lambda entry: entry.difference.interval.mean)
        first = (
            f"{subject} do not come within {FRACTION.number(MARGIN)} points of the dense network ({dense_text}); "
            f"the best, at {percent(nearest.density)} of the weights, is at {_difference(nearest.difference.interval)}."
        )
        return [first]
    first = (
        f"{subject} stay within {FRACTION.number(MARGIN)} points of the dense network ({dense_text}) down to "
        f"{percent(matched.density)} of the weights, by the means over seeds: {_difference(matched.difference.interval)}."
    )
    return [first] if brief else [first, *_best(levels), *_controls(own, matched)]


def _incomparable(own: pd.DataFrame) -> str:
    """Why no level of a method can be compared with its dense network."""
    rows = own[own["control"] == "none"]
    measured = np.isfinite(rows["test_top1"])
    for kind, there in (("dense", rows["level"] == 0), ("pruned", rows["level"] > 0)):
        if not there.any():
            return f"there is no {kind} network to compare with." if kind == "dense" else "no pruned network yet."
        if not (there & measured).any():
            return f"no {kind} network has a test accuracy."
    return "no pruned network shares a seed with the dense network."


def _best(levels: list[LevelDifference]) -> list[str]:
    best = max(levels, key=lambda entry: entry.mean)
    return [
        f"The best level keeps {percent(best.density)} of the weights and reaches {FRACTION.value(best.mean)}: "
        f"{_difference(best.difference.interval)} against dense."
    ]


def _controls(own: pd.DataFrame, matched: LevelDifference) -> list[str]:
    """The matching level against each control that was measured there."""
    parts = []
    ours = tickets(select(own, level=matched.level))
    found = set(own["control"])
    for control in [*CONTROLS[1:], *sorted(found - set(CONTROLS))]:
        if control not in found:
            continue
        try:
            pair = paired_difference(ours, select(own, control=control, level=matched.level), "test_top1")
        except MissingData:
            continue
        parts.append(f"{control_name(control).lower()} {_difference(pair.interval)}")
    if not parts:
        return []
    return [f"At {percent(matched.density)} of the weights, tickets less control: {'; '.join(parts)}."]


def _difference(interval: MeanInterval) -> str:
    seeds = f"{interval.num_seeds} seeds" if interval.num_seeds > 1 else "one seed"
    if interval.low is None:
        return f"{FRACTION.difference(interval.mean)} ({seeds}, no interval)"
    return f"{FRACTION.difference(interval.mean)} {FRACTION.interval(interval.low, interval.high, signed=True)}"


def caveats(frame: pd.DataFrame) -> list[str]:
    """Single seeds, missing seeds, diverged runs, collapsed layers, points without a number: said, never dropped."""
    rows = points(frame)
    found = [*_single_seed(rows), *_missing_seeds(frame), *_diverged(rows), *_collapsed(rows), *_unmeasured(rows)]
    if len(found) > MOST_LINES:
        found = [*found[:MOST_LINES], f"And {len(found) - MOST_LINES} more of these; points.csv has every row."]
    return found


def _single_seed(rows: pd.DataFrame) -> list[str]:
    if rows["seed"].nunique() == 1:
        return ["There is one seed: no number here has an interval, and a difference may be chance."]
    return []


def _missing_seeds(frame: pd.DataFrame) -> list[str]:
    """Seeds that some method of the same study, model and data has, and a method, or a control of it, lacks at levels."""
    rows = labelled(frame, [])
    lines = []
    for _, together in rows.groupby(["study", "model", "dataset"], sort=False, dropna=False):
        expected = np.unique(together["seed"])
        for method, own in together.groupby("method", observed=True):
            for control, side in own.groupby("control", sort=False):
                levels, rung = np.unique(side["level"], return_inverse=True)
                present = np.zeros((len(levels), len(expected)), dtype=bool)
                present[rung, np.searchsorted(expected, side["seed"])] = True
                for seed, there in zip(expected, present.T, strict=True):
                    absent = levels[~there].tolist()
                    if absent:
                        name = own_name(frame) if control == "none" else control_name(str(control))
                        label = f"{method}, {name.lower()}" if method else name
                        lines.append(f"{label}: seed {seed} is missing at {_ranges(absent)}.")
    return lines


def _diverged(rows: pd.DataFrame) -> list[str]:
    bad = rows[rows["diverged"]]
    counted = bad["test_top1"].notna()
    kinds = {"marked with a cross and kept in the means": counted, "without an accuracy and left out of the means": ~counted}
    return [
        f"Diverged, {said}: {control_name(str(control), '')} at {_ranges(sorted(group['level'].unique()))}, "
        f"{named(sorted(group['seed'].unique()))}."
        for said, which in kinds.items()
        for control, group in bad[which].groupby("control", sort=False)
    ]


def _collapsed(rows: pd.DataFrame) -> list[str]:
    bad = rows[rows["collapsed_layers"] > 0]
    if bad.empty:
        return []
    whose = bad.groupby(["criterion", "control"], sort=False).size()
    counts = ", ".join(f"{criterion} {control_name(str(control), '').lower()} {count}" for (criterion, control), count in whose.items())  # pyright: ignore[reportGeneralTypeIssues]
    return [f"{len(bad)} networks have a layer without any weight left, the first at level {int(bad['level'].min())}: {counts}."]


def _unmeasured(rows: pd.DataFrame) -> list[str]:
    lines = []
    for column, name in (("test_top1", "test accuracy"), ("sparsity", "sparsity")):
        count = int(rows[column].isna().sum())
        if count:
            lines.append(f"{count} of {len(rows)} networks have no {name} and are in no figure of it.")
    return lines


def _ranges(levels: list[int]) -> str:
    """`[3, 4, 5, 9]` as `levels 3 to 5, 9`."""
    runs: list[list[int]] = []
    for level in levels:
        if runs and level == runs[-1][-1] + 1:
            runs[-1].append(level)
        else:
            runs.append([level])
    parts = [str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs]
    return f"level{'s' if len(levels) > 1 else ''} {', '.join(parts)}"
