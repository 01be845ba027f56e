"""Means over seeds and paired differences by seed, with t intervals, and the seeds a decision still needs.

With the three to five seeds that pruning studies have, a bootstrap interval is far too narrow; the t interval keeps its
coverage for differences that are close to normal.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import nctdtr, stdtrit

from prunelab.results.frames import MissingData, same_networks

CONFIDENCE = 0.95
POWER = 0.80
MOST_SEEDS = 10_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class MeanInterval:
    """A mean over seeds and the interval that holds the true mean with the asked confidence.

    Attributes:
        mean: the mean.
        low: lower end; None if there is one seed, which says nothing about spread.
        high: upper end, likewise.
        num_seeds: values averaged.
    """

    mean: float
    low: float | None
    high: float | None
    num_seeds: int

    @property
    def half_width(self) -> float | None:
        """Half the interval's length; None if there is no interval."""
        return None if self.high is None else self.high - self.mean


@dataclasses.dataclass(frozen=True, kw_only=True)
class PairedDifference:
    """Mean over common seeds of a measure of one set of networks minus that of another.

    Attributes:
        interval: the mean difference and its interval.
        standard_deviation: of the differences; None with one seed.
        differences: each common seed's difference.
        unpaired: in words, what one side has and the other lacks.
    """

    interval: MeanInterval
    standard_deviation: float | None
    differences: dict[int, float]
    unpaired: tuple[str, ...]


def half_width(deviation: np.ndarray, count: np.ndarray, *, confidence: float = CONFIDENCE) -> np.ndarray:
    """t_{(1+c)/2, n-1} s / sqrt(n), elementwise; NaN where n < 2."""
    count = np.asarray(count, dtype=float)
    enough = np.where(count >= 2, count, np.nan)
    return stdtrit(enough - 1, (1 + confidence) / 2) * np.asarray(deviation, dtype=float) / np.sqrt(enough)


def mean_interval(values: Sequence[float], *, confidence: float = CONFIDENCE) -> MeanInterval:
    """Mean and Student's t interval of independent values, one a seed.

    Raises:
        MissingData: if there are no values.
        ValueError: for a value that is not a finite number.
    """
    array = np.asarray(values, dtype=float)
    if array.size == 0:
        raise MissingData("no seed to average over")
    if not np.isfinite(array).all():
        raise ValueError(f"cannot average {array.tolist()}: a value is missing or not finite")
    mean = float(array.mean())
    if array.size == 1:
        return MeanInterval(mean=mean, low=None, high=None, num_seeds=1)
    width = float(half_width(array.std(ddof=1), np.asarray(array.size), confidence=confidence))
    return MeanInterval(mean=mean, low=mean - width, high=mean + width, num_seeds=array.size)


def paired_difference(frame_a: pd.DataFrame, frame_b: pd.DataFrame, column: str, *, confidence: float = CONFIDENCE) -> PairedDifference:
    """Mean of `column` in a minus b over their common seeds, with the t interval of the differences.

    Where both sides measured some of the same levels, each seed's difference is averaged over the levels that both have
    for that seed. Where they share no level (a ticket against the dense network) each seed's means are compared.

    Raises:
        MissingData: if a side has no value, or they have no seed in common.
        ValueError: if a side mixes several networks of one seed and level.
    """
    side_a, side_b = _values(frame_a, column), _values(frame_b, column)
    shared = set(side_a.index.get_level_values("level")) & set(side_b.index.get_level_values("level"))
    if not shared:
        side_a, side_b = side_a.groupby("seed").mean(), side_b.groupby("seed").mean()
    both = pd.concat({"a": side_a, "b": side_b}, axis=1)
    complete = both.dropna()
    if complete.empty:
        raise MissingData(f"the two sides have no seed in common{' at any level' if shared else ''}")
    per_seed = (complete["a"] - complete["b"]).groupby("seed").mean()
    return PairedDifference(
        interval=mean_interval(per_seed.to_numpy(), confidence=confidence),
        standard_deviation=float(per_seed.std(ddof=1)) if len(per_seed) > 1 else None,
        differences={int(seed): float(value) for seed, value in per_seed.items()},  # pyright: ignore[reportArgumentType]
        unpaired=tuple(_unpaired(both)),
    )


def _values(frame: pd.DataFrame, column: str) -> pd.Series:
    """Finite values of `column` by seed and level."""
    same_networks(frame)
    numbers = pd.to_numeric(frame[column]).astype(float).to_numpy()
    values = pd.Series(numbers, index=pd.MultiIndex.from_frame(frame[["seed", "level"]]))
    values = values[np.isfinite(numbers)]
    if values.empty:
        asked = frame.attrs.get("asked") or "what was asked"
        raise MissingData(f"no measured point has {column} for {asked}")
    return values


def _unpaired(both: pd.DataFrame) -> list[str]:
    lines = []
    for side, other in (("a", "b"), ("b", "a")):
        only = both[both[side].notna() & both[other].isna()]
        name = "first" if side == "a" else "second"
        for key in only.index:
            where = f"seed {key[0]}, level {key[1]}" if isinstance(key, tuple) else f"seed {key}"
            lines.append(f"{where} is only in the {name}")
    return lines


def power(effect: float, num_seeds: int, *, confidence: float = CONFIDENCE) -> float:
    """Chance that a two-sided paired t test finds a difference of `effect` standard deviations.

    With t the critical value and F the noncentral t distribution (df = n - 1, nc = |effect| sqrt(n)):
    1 - F(t) + F(-t).
    """
    critical = float(stdtrit(num_seeds - 1, (1 + confidence) / 2))
    shift = abs(effect) * math.sqrt(num_seeds)
    below = nctdtr(num_seeds - 1, shift, [critical, -critical])
    # Where the shift is so large that scipy's series gives up (NaN), both tails are empty to many digits.
    inside, wrong_side = np.nan_to_num(below, nan=0.0)
    return float(1 - inside + wrong_side)


def seeds_needed(
    difference: float, standard_deviation: float, num_seeds: int, *, wanted_power: float = POWER, confidence: float = CONFIDENCE
) -> int | None:
    """How many more seeds would show a difference like the observed one, at the observed spread.

    Args:
        difference: observed mean difference, less the margin it is held against.
        standard_deviation: of the per-seed differences.
        num_seeds: seeds there are.
        wanted_power: chance of deciding, if the truth is what was observed.
        confidence: of the two-sided interval that decides.

    Returns:
        At least 1; None if no affordable number (10,000) would do, as when the observed difference is nil.
    """
    if difference == 0 or not math.isfinite(difference):
        return None
    if standard_deviation == 0:
        return 1
    effect = difference / standard_deviation
    low, high = 1, 2
    while power(effect, high, confidence=confidence) < wanted_power:
        low, high = high, 2 * high
        if low > MOST_SEEDS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(effect, middle, confidence=confidence) >= wanted_power else (middle, high)
    return max(1, high - num_seeds)
