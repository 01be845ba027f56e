"""The tables of a report that say how sure its results are, what they cost, and what they leave out."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from prunelab.results.area import area, span
from prunelab.results.break_even import break_even
from prunelab.results.checklist import checklist
from prunelab.results.early_stopping import Advantage, early_stopping_advantage
from prunelab.results.frames import MissingData
from prunelab.results.holm import against_reference
from prunelab.results.hypervolume import Box, box, volumes
from prunelab.results.intervals import MeanInterval
from prunelab.results.knee import knee
from prunelab.results.ledger import MULTIPLY_ADDS, STEPS
from prunelab.results.matching import MARGIN, matching_over_seeds
from prunelab.results.methods import labelled
from prunelab.results.over_seeds import OverSeeds, ends
from prunelab.results.power import POWER, detectable
from prunelab.results.trades import searched
from prunelab.results.units import FRACTION, NONE, NUMBER, Unit, percent, significant, unit_of
from prunelab.results.units import STEPS as IN_STEPS

SIGNIFICANT = 0.05
_TRADE = ("compression_ratio", "test_top1")
_COLUMNS = [
    "sparsity", "compression_ratio", "theoretical_speedup", "multiply_adds", "test_top1", "measured_speedup", "total_steps", "mask_step",
    "early_stop_step", "diverged",
]  # fmt: skip


@dataclasses.dataclass(frozen=True, kw_only=True)
class Section:
    """One table with its heading.

    Attributes:
        key: anchor.
        title: heading.
        lede: how it was computed.
        headings: of the columns.
        rows: cells as text.
    """

    key: str
    title: str
    lede: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def sections(frame: pd.DataFrame) -> list[Section]:
    """The sections for which the frame has data: statistics, tests, search cost, checklist.

    Args:
        frame: records with numbers as floats (`frames.checked`).
    """
    if not ((frame["kind"] == "point") & (frame["level"] > 0)).any():
        return []
    rows = labelled(frame, _COLUMNS)
    made = (_statistics(frame, rows), _tests(frame), _search_cost(searched(frame)), _checklist(frame))
    return [section for section in made if section is not None and section.rows]


def _statistics(frame: pd.DataFrame, rows: pd.DataFrame) -> Section | None:
    own = {
        str(method): side for method, side in rows[rows["control"] == "none"].groupby("method", observed=True) if side["level"].max() > 0
    }
    sides = list(own.values())
    try:
        over = span(sides)
    except MissingData:
        over = None
    try:
        within = box(pd.concat([side.assign(side=name) for name, side in own.items()]), _TRADE, common_to="side")
    except MissingData:
        within = None
    sooner = _advantages(frame)
    lines = []
    for name, side in own.items():
        matched, crossing = matching_over_seeds(side), break_even(side)
        covered = area(side, over) if over else None
        volume, said = _volume(side, within)
        bend = knee(side.groupby("level", observed=True)[["sparsity", "compression_ratio", "test_top1"]].mean(), _TRADE)
        notes = [f"matching: {note}" for note in matched.notes] + [f"area: {note}" for note in (covered.notes if covered else ())]
        notes += [f"hypervolume: {note}" for note in said]
        timed = side["measured_speedup"].notna() & (side["level"] > 0)
        notes += [f"break-even: {note}" for note in crossing.notes] if timed.any() else []
        soon = sooner.get(name)
        steps = soon.overall if soon else None
        notes += [f"early stopping: {note}" for note in (soon.notes if soon else ())]
        lines.append((
            name or "All", _bound(matched, FRACTION), _cell(covered.interval if covered else None, FRACTION),
            _cell(volume, NUMBER), NONE if bend is None else percent(1 - bend["sparsity"]), _cell(steps, IN_STEPS),
            _bound(crossing, FRACTION) if timed.any() else NONE,
            "; ".join(notes) or NONE,
        ))  # fmt: skip
    reach = f" from {over.start:.3g} to {over.end:.3g} times" if over else ""
    lede = (
        "Means over seeds with 95 % intervals; where values are only bounds, the end that is not known is left out. Matching: the largest "
        f"sparsity not worse than the dense network of the same seed by more than {FRACTION.number(MARGIN)} points, for each seed by "
        "itself (the report's first lines compare means over seeds, one level for all). "
        f"Area: mean accuracy over the doublings of compression{reach}. Hypervolume: accuracy times "
        "doublings of compression that the front dominates. Knee: the weights left where "
        "the front of the means bends (Das 1999). Early stopping: step of the lowest validation loss, less that of the "
        "reinitialised network. Break-even: the sparsity from where on the network is measured to be faster than dense."
    )
    headings = (
        "Method", "Matching sparsity, %", "Area, %", "Hypervolume", "Knee, weights left", "Early stopping, steps",
        "Break-even sparsity, %", "Notes",
    )  # fmt: skip
    return Section(key="statistics", title="Statistics over seeds", lede=lede, headings=headings, rows=tuple(lines))


def _volume(side: pd.DataFrame, within: Box | None) -> tuple[MeanInterval | None, tuple[str, ...]]:
    """And what must be known about it."""
    if within is None:
        return None, ()
    try:
        found = volumes(side, within)
    except MissingData as missing:
        return None, (str(missing),)
    return found.interval, found.notes


def _advantages(frame: pd.DataFrame) -> dict[str, Advantage]:
    points = frame[frame["kind"] == "point"]
    if "reinit" not in set(points["control"]):
        return {}
    try:
        return {found.method: found for found in early_stopping_advantage(frame)}
    except MissingData:
        return {}


def _tests(frame: pd.DataFrame) -> Section | None:
    controls = [name for name in dict.fromkeys(frame.loc[frame["kind"] == "point", "control"]) if name != "none"]
    lines: list[tuple[str, ...]] = []
    reach: dict[str, list[str]] = {}
    for reference in ("dense", *controls):
        try:
            table = against_reference(frame, "test_top1", reference)
        except MissingData:
            continue
        reach.setdefault(_reach(table), []).append(reference.replace("_", " "))
        for method, levels in table[table["num_seeds"] > 0].groupby("method", sort=False):
            means = levels["mean"].to_numpy(dtype=float)
            worst, best = levels.iloc[np.nanargmin(means)], levels.iloc[np.nanargmax(means)]
            certain = levels[levels["adjusted"] < SIGNIFICANT]
            notes = [f"{percent(row['density'])}: {row['note']}" for row in levels.to_dict("records") if row["note"]]
            lines.append((
                str(method) or "All", reference.replace("_", " "), f"{(certain['mean'] > 0).sum()} of {len(levels)}",
                f"{(certain['mean'] < 0).sum()} of {len(levels)}", _p(levels["adjusted"].min()),
                f"{_row(best)} at {percent(best['density'])}", f"{_row(worst)} at {percent(worst['density'])}", _few(notes),
            ))  # fmt: skip
    limits = "".join(f" Against {', '.join(references)}{said}" for said, references in reach.items())
    lede = (
        "Paired t tests of test accuracy at each level; p-values corrected after Holm over all methods and levels against the same "
        "reference. Better and worse: levels with a corrected p below 0.05; a level that is neither is undecided, not equal. Differences "
        "in points, with 95 % intervals, not corrected." + limits
    )
    headings = ("Method", "Against", "Better", "Worse", "Smallest p (Holm)", "Best level", "Worst level", "Notes")
    return Section(key="tests", title="Tests against dense and controls", lede=lede, headings=headings, rows=tuple(lines))


def _reach(table: pd.DataFrame) -> str:
    """How large a difference from a reference must be for the seeds and tests that there are to find it."""
    made = table[table["p"].notna()]
    if made.empty:
        return " no test can be made."
    tests, seeds = len(made), int(made["num_seeds"].max())
    least = detectable(seeds, confidence=1 - SIGNIFICANT / tests)
    counts = f"{tests} test{'s' if tests > 1 else ''} of {'up to ' if made['num_seeds'].min() < seeds else ''}{seeds} seeds"
    return (
        f", {counts}: a difference is found with a chance of {percent(POWER)} if it is {significant(least)} times its standard deviation "
        "between seeds."
    )


def _p(value: float) -> str:
    return NONE if np.isnan(value) else f"{value:.2g}"


def _search_cost(rows: pd.DataFrame) -> Section | None:
    own = rows[rows["control"] == "none"]
    lines = []
    for method, side in own.groupby("method", observed=True):
        pruned = side[side["level"] > 0]
        dense = side[side["level"] == 0]
        if pruned.empty or pruned[STEPS].isna().all():
            continue
        base = float(dense[STEPS].mean()) if len(dense) else np.nan
        each = pruned.groupby("level").agg(
            density=("sparsity", lambda s: 1 - s.mean()), steps=(STEPS, "mean"), work=(MULTIPLY_ADDS, "mean")
        )
        last = each.iloc[-1]
        relative = f"{last['steps'] / base:.3g}" if base > 0 else NONE
        whole = side.drop_duplicates("seed")["total_steps"].mean()
        work = significant(last["work"] / 1e9) if np.isfinite(last["work"]) else NONE
        lines.append((
            str(method) or "All", IN_STEPS.number(whole), percent(last["density"]), IN_STEPS.number(last["steps"]), relative, work,
            FRACTION.number(float(pruned.loc[pruned["level"] == each.index[-1], "test_top1"].mean())),
        ))  # fmt: skip
    lede = (
        "Training work behind the sparsest network of each method, mean over seeds: the dense network and all levels before it included "
        "where the schedule needs them. Dense trainings are counted by steps here, whatever is masked; the front and the figure of search "
        "cost count them by multiply-adds. Multiply-adds are those of forward passes for one example a step, masked weights counting "
        "as nothing; of methods that prune while they train, an upper bound."
    )
    headings = (
        "Method",
        "Steps of one training",
        "Weights left",
        "Steps in all",
        "In dense trainings, by steps",
        "Multiply-adds, G",
        "Test accuracy, %",
    )
    return Section(key="search-cost", title="Search cost", lede=lede, headings=headings, rows=tuple(lines))


def _checklist(frame: pd.DataFrame) -> Section | None:
    items = checklist(frame)
    met = sum(item.met for item in items)
    lede = f"{met} of {len(items)} reporting recommendations of Blalock et al. 2020 that records can tell about."
    rows = tuple(("Yes" if item.met else "No", item.recommendation, item.evidence) for item in items)
    return Section(key="checklist", title="Checklist", lede=lede, headings=("Met", "Recommendation", "Evidence"), rows=rows)


def _cell(found: MeanInterval | None, unit: Unit) -> str:
    return NONE if found is None else f"{unit.number(found.mean)} {unit.interval(found.low, found.high)}"


def _bound(over: OverSeeds, unit: Unit) -> str:
    found = over.known
    return NONE if found is None else f"{over.bound} {unit.number(found.mean)} {ends(found, over.bound, unit)}".strip()


def _few(notes: list[str], most: int = 2) -> str:
    more = [f"and {len(notes) - most} more"] if len(notes) > most else []
    return "; ".join([*notes[:most], *more]) or NONE


def _row(row: pd.Series) -> str:
    unit = unit_of("test_top1")
    return f"{unit.number(row['mean'], signed=True)} {unit.interval(row['low'], row['high'], signed=True)}"
