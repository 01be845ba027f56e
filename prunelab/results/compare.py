"""Two studies, methods or controls against each other, paired by seed and by weights left: a verdict and its numbers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from prunelab.basics.choices import unknown
from prunelab.results.area import Span, area, span
from prunelab.results.attainment import Dominance, dominance
from prunelab.results.frames import MissingData
from prunelab.results.holm import SAME, holm, paired_p
from prunelab.results.hypervolume import Box, box, volumes
from prunelab.results.intervals import MeanInterval, mean_interval
from prunelab.results.matching import matching_over_seeds
from prunelab.results.measures import gaining, measure_of
from prunelab.results.over_seeds import OverSeeds, left_out_words, paired
from prunelab.results.sides import Side, aligned, unlike
from prunelab.results.statistics import PairedDifference, paired_difference
from prunelab.results.units import percent, unit_of

SIGNIFICANT = 0.05
SHOWN_DENSITY = 0.005  # levels that are paired, and differ in weights left by more than this, are said to


@dataclasses.dataclass(frozen=True, kw_only=True)
class LevelPair:
    """One level that both sides have.

    Attributes:
        density: weights left, mean of the first side.
        first: mean of the measure over the first side's seeds.
        second: likewise.
        difference: first minus second over common seeds.
        p: of the paired t test; NaN if there is none.
        adjusted: the same, corrected for the number of levels after Holm.
        note: ties, seeds that one side lacks, diverged runs of the pairs and those without the measure, why there is no test.
    """

    density: float
    first: float
    second: float
    difference: PairedDifference
    p: float
    adjusted: float
    note: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Total:
    """A number of each side over all its levels, and the difference of the seeds that both have.

    Attributes:
        name: what it is.
        first: of the first side; an end that is not known, because a value is only a bound, is None.
        second: of the second.
        difference: first minus second.
        bounds: of first, second and difference, "at least", "at most" or "about" where some of the values are bounds, else "".
        note: bounds, and seeds left out.
    """

    name: str
    first: MeanInterval | None
    second: MeanInterval | None
    difference: MeanInterval | None
    bounds: tuple[str, str, str] = ("", "", "")
    note: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Comparison:
    """What `compare` finds.

    Attributes:
        names: of the sides.
        column: the measure.
        margin: differences within it count as none.
        verdict: in one sentence.
        overall: mean difference over the common levels, paired by seed.
        levels: from the densest on.
        totals: matching sparsity, area under the curve, hypervolume.
        dominance: how often one side's front of compression and the measure beats the other's; None if that can't be told.
        notes: what could not be compared.
    """

    names: tuple[str, str]
    column: str
    margin: float
    verdict: str
    overall: PairedDifference
    levels: tuple[LevelPair, ...]
    totals: tuple[Total, ...]
    dominance: Dominance | None
    notes: tuple[str, ...]


def compare(first: Side, second: Side, column: str = "test_top1", margin: float = 0.0) -> Comparison:
    """Compare two sides by a measure.

    Raises:
        MissingData: if they have no level, or no seed, in common.
        ValueError: for an unknown measure, one that a side lacks, or a negative margin.
    """
    measure_of(column)
    if margin < 0:
        raise ValueError(f"margin={margin!r} must not be negative")
    for side in (first, second):
        if column not in side.networks.columns:
            raise unknown(f"measure of {side.name}", column, side.networks.columns)
    here, there, notes = aligned(first, second)
    if here.empty:
        raise MissingData(f"{first.name} and {second.name} have no level in common; {'; '.join(notes)}")
    overall = paired_difference(here, there, column)
    levels = _levels(here, there, column)
    sides = (first, second)
    differing, unsure = unlike(first, second)
    within = _box(sides, column)
    counted, why = _dominance(sides, within)
    said = _verdict(sides, overall, levels, column, margin) + (f" Mind that they differ in {' and '.join(differing)}." if differing else "")
    return Comparison(
        names=(first.name, second.name), column=column, margin=margin, verdict=said, overall=overall, levels=levels,
        totals=_totals(sides, within, column, margin), dominance=counted,
        notes=(
            *(f"the sides differ in {what}: what is compared is not the pruning alone" for what in differing), *unsure, *notes, *why,
            *(f"no common pair: {line}" for line in _missing(levels, here, there, column)),
        ),
    )  # fmt: skip


def _levels(here: pd.DataFrame, there: pd.DataFrame, column: str) -> tuple[LevelPair, ...]:
    found: list[LevelPair] = []
    for level, own in here.groupby("level"):
        other = there[there["level"] == level]
        try:
            difference = paired_difference(own, other, column)
        except MissingData:
            continue  # named by `_missing`
        p, said = paired_p(list(difference.differences.values()))
        note = "; ".join(filter(None, [said, *difference.unpaired, *_diverged(own, other, difference, column)]))
        density, other_density = (float(1 - rows["sparsity"].mean()) for rows in (own, other))
        if abs(other_density / density - 1) > SHOWN_DENSITY:
            note = "; ".join(filter(None, [note, f"the second keeps {percent(other_density)}"]))
        found.append(
            LevelPair(
                density=density, first=float(own[column].mean()), second=float(other[column].mean()), difference=difference,
                p=p, adjusted=np.nan, note=note,
            )
        )  # fmt: skip
    found.sort(key=lambda pair: -pair.density)
    adjusted = holm([pair.p for pair in found])
    return tuple(dataclasses.replace(pair, adjusted=float(value)) for pair, value in zip(found, adjusted, strict=True))


def _diverged(own: pd.DataFrame, other: pd.DataFrame, difference: PairedDifference, column: str) -> list[str]:
    bad = pd.concat([rows[rows["diverged"]] for rows in (own, other)])
    kept, lost = int(bad["seed"].isin(list(difference.differences)).sum()), int((~np.isfinite(bad[column])).sum())
    return [*([f"{kept} diverged, kept"] if kept else []), *([f"{lost} diverged, left out: no {column}"] if lost else [])]


def _missing(levels: tuple[LevelPair, ...], here: pd.DataFrame, there: pd.DataFrame, column: str) -> list[str]:
    if len(levels) == here["level"].nunique():
        return []
    lines = []
    for level, own in here.groupby("level"):
        seeds = [set(rows.loc[np.isfinite(rows[column]), "seed"]) for rows in (own, there[there["level"] == level])]
        if not seeds[0] & seeds[1]:
            lines.append(f"level {level} has no seed of both sides with {column}")
    return lines


def _verdict(sides: tuple[Side, Side], overall: PairedDifference, levels: tuple[LevelPair, ...], column: str, margin: float) -> str:
    """Better, worse, alike, tied, mixed or undecided.

    It is mixed if levels that differ by more than the margin, and certainly, point both ways; else the interval of the mean difference
    over the common levels decides. Differences that are the same on every seed have no spread, and an interval without width decides
    nothing.
    """
    found, unit, sign = overall.interval, unit_of(column), gaining(column)
    first, second = (side.name for side in sides)
    counts = [f"{count} {word}{'s' if count > 1 else ''}" for count, word in ((len(levels), "common level"), (found.num_seeds, "seed"))]
    where = f"over {' and '.join(counts)}"
    name, mean = measure_of(column).name, unit.difference(found.mean)
    if found.low is None or found.high is None:
        return f"Undecided: {mean} (no interval) {where} ({name}, {first} minus {second}); one seed says nothing about chance."
    numbers = f"{mean} {unit.interval(found.low, found.high, signed=True)} {where}"
    low, high = sorted((sign * found.low, sign * found.high))
    certain = [sign * pair.difference.interval.mean for pair in levels if pair.adjusted < SIGNIFICANT]
    holds, reversed_ = (_holds(gains, len(levels)) for gains in (certain, [-gain for gain in certain]))
    if max(certain, default=0) > margin and min(certain, default=0) < -margin:
        return f"Mixed: in {name} {first} is, against {second}, {holds}; in the mean {numbers} ({first} minus {second})."
    differences = np.asarray(list(overall.differences.values()))
    tied = all(abs(value) <= SAME for pair in levels for value in pair.difference.differences.values())
    if tied and not margin:
        return f"{first} and {second} are tied in {name} on every seed {where}."
    if np.ptp(differences) <= SAME and not tied:
        same = "the same difference on every seed, no spread to judge by"
        return f"Undecided between {first} and {second} in {name}: {same}; {mean} {where} ({first} minus {second})."
    beyond = f" by more than {unit.number(margin)} {unit.of_difference}".rstrip() if margin else ""
    if low > margin:
        return f"{first} has the better {name} than {second}{beyond}: {numbers}; {holds}."
    if high < -margin:
        return f"{second} has the better {name} than {first}{beyond}: {numbers} ({first} minus {second}); {reversed_}."
    if margin and -margin < low and high < margin:
        return (
            f"{first} and {second} are alike in {name} within {unit.number(margin)} {unit.of_difference}: {numbers}; the first is {holds}."
        )
    return f"Undecided between {first} and {second} in {name}: {numbers}; the first is {holds}."


def _holds(gains: list[float], num_levels: int) -> str:
    """In how many levels that certainly differ one side is the better, by its gains there."""
    better, worse = sum(gain > 0 for gain in gains), sum(gain < 0 for gain in gains)
    return f"better at {better}, worse at {worse} of {num_levels} level{'s' if num_levels > 1 else ''} at 5 % after Holm's correction"


def _totals(sides: tuple[Side, Side], within: Box | MissingData, column: str, margin: float) -> tuple[Total, ...]:
    matched = [matching_over_seeds(side.networks, column, margin) for side in sides]
    return (_total("Matching sparsity", matched[0], matched[1]), _areas(sides, column), _volumes(sides, within))


def _total(name: str, first: OverSeeds, second: OverSeeds) -> Total:
    difference = paired(first, second)
    named = (("first", first.notes), ("second", second.notes), ("difference", left_out_words(difference.left_out)))
    return Total(
        name=name, first=first.known, second=second.known, difference=difference.known,
        bounds=(first.bound, second.bound, difference.bound),
        note="; ".join(f"{whose}: {note}" for whose, notes in named for note in notes),
    )  # fmt: skip


def _areas(sides: tuple[Side, Side], column: str) -> Total:
    try:
        over: Span = span([side.networks for side in sides], column)
    except MissingData as missing:
        return Total(name="Area under the curve", first=None, second=None, difference=None, note=str(missing))
    first, second = (area(side.networks, over, column) for side in sides)
    return _total(f"Area under the curve, {over.start:.3g} to {over.end:.3g} times", first, second)


def _box(sides: tuple[Side, Side], column: str) -> Box | MissingData:
    """Compression and the measure as far as both sides reach, or why there is no such box."""
    together = pd.concat([side.networks.assign(side=number) for number, side in enumerate(sides)], ignore_index=True)
    try:
        return box(together, ("compression_ratio", column), common_to="side")
    except MissingData as missing:
        return missing


def _dominance(sides: tuple[Side, Side], within: Box | MissingData) -> tuple[Dominance | None, list[str]]:
    """And why there is none."""
    try:
        if isinstance(within, MissingData):
            raise within
        return dominance(sides[0].networks, sides[1].networks, within), []
    except MissingData as missing:
        return None, [f"no front is compared with the other: {missing}"]


def _volumes(sides: tuple[Side, Side], within: Box | MissingData) -> Total:
    try:
        if isinstance(within, MissingData):
            raise within
        first, second = (volumes(side.networks, within) for side in sides)
    except MissingData as missing:
        return Total(name="Hypervolume", first=None, second=None, difference=None, note=str(missing))
    common = sorted(first.by_seed.keys() & second.by_seed.keys())
    difference = mean_interval([first.by_seed[seed] - second.by_seed[seed] for seed in common]) if common else None
    notes = [f"{name}: {note}" for name, found in (("first", first), ("second", second)) for note in found.notes]
    return Total(name="Hypervolume", first=first.interval, second=second.interval, difference=difference, note="; ".join(notes))
