"""The power of a paired t test, and the seeds that a decision still needs."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import nctdtr, stdtrit

from prunelab.results.intervals import CONFIDENCE

POWER = 0.80
MOST_SEEDS = 10_000


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


def detectable(num_seeds: int, *, wanted_power: float = POWER, confidence: float = CONFIDENCE) -> float:
    """The smallest difference, in standard deviations between seeds, that a two-sided paired t test finds with the wanted chance.

    Args:
        num_seeds: at least 2.
        wanted_power: chance of finding it.
        confidence: of the test; of the first of m tests corrected after Holm it is 1 - (1 - c) / m.
    """
    low, high = 0.0, 1.0
    while power(high, num_seeds, confidence=confidence) < wanted_power:
        low, high = high, 2 * high
    while high - low > 1e-4 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if power(middle, num_seeds, confidence=confidence) >= wanted_power else (middle, high)
    return high


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
