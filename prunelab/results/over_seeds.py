"""A number that each seed has of its own curve, such as the sparsity up to which it matches, and its mean over seeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from prunelab.results.frames import same_networks
from prunelab.results.intervals import MeanInterval, mean_interval
from prunelab.results.units import Unit

AT_LEAST, AT_MOST = "at least", "at most"


@dataclasses.dataclass(frozen=True, kw_only=True)
class OverSeeds:
    """One number a seed, their mean, and what is not exact about it.

    Attributes:
        interval: mean and interval; None if no seed has a value.
        by_seed: each seed's value.
        bounded: seeds whose value is only a bound, because the curve ends before: "at least" or "at most". They count in the mean
            with that bound.
        left_out: seeds without a value, and why.
    """

    interval: MeanInterval | None
    by_seed: dict[int, float]
    bounded: dict[int, str]
    left_out: dict[int, str]

    @property
    def bound(self) -> str:
        """What the mean is, if some of its values are bounds: "at least", "at most", or "about" where there are both."""
        kinds = set(self.bounded.values())
        return kinds.pop() if len(kinds) == 1 else "about" if kinds else ""

    @property
    def known(self) -> MeanInterval | None:
        """The mean and the ends that its bounds leave known: no upper one with an "at least", no lower one with an "at most".

        If all values are bounds, their spread is that of where the curves end, and neither is.
        """
        if self.interval is None:
            return None
        kinds, all_bounded = set(self.bounded.values()), self.by_seed.keys() <= self.bounded.keys()
        low = None if all_bounded or AT_MOST in kinds else self.interval.low
        high = None if all_bounded or AT_LEAST in kinds else self.interval.high
        return dataclasses.replace(self.interval, low=low, high=high)

    @property
    def notes(self) -> tuple[str, ...]:
        """Bounds and missing values in words."""
        found = []
        for kind in (AT_LEAST, AT_MOST):
            seeds = sorted(seed for seed, said in self.bounded.items() if said == kind)
            ends = "curves end" if len(seeds) > 1 else "curve ends"
            found += [f"{kind} that for {named(seeds)}, whose {ends} there"] if seeds else []
        return (*found, *left_out_words(self.left_out))


def left_out_words(left_out: dict[int, str]) -> list[str]:
    """Seeds without a value, those with the same reason together."""
    reasons = dict.fromkeys(left_out.values())
    return [f"{named(sorted(s for s, said in left_out.items() if said == reason))} left out: {reason}" for reason in reasons]


def ends(found: MeanInterval, bound: str, unit: Unit, *, signed: bool = False) -> str:
    """The interval in words; nothing where `bound` says already that there is none."""
    return "" if bound and found.low is None and found.high is None else unit.interval(found.low, found.high, signed=signed)


def named(seeds: Sequence[int]) -> str:
    """`seed 1` or `seeds 0, 2, 3`."""
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"


def gather(
    values: dict[int, float], bounded: dict[int, str], left_out: dict[int, str], unscaled: Callable[[float], float] = float
) -> OverSeeds:
    """The mean of what the seeds have.

    Args:
        values: by seed, on the scale on which they are averaged.
        bounded: see `OverSeeds`.
        left_out: likewise.
        unscaled: brings a number from that scale, rising with it, to the one in which it is shown.
    """
    interval = None
    if values:
        found = mean_interval([values[seed] for seed in sorted(values)])
        low, high = (None if end is None else unscaled(end) for end in (found.low, found.high))
        interval = MeanInterval(mean=unscaled(found.mean), low=low, high=high, num_seeds=found.num_seeds)
    by_seed = {seed: unscaled(value) for seed, value in sorted(values.items())}
    return OverSeeds(interval=interval, by_seed=by_seed, bounded=bounded, left_out=left_out)


def paired(first: OverSeeds, second: OverSeeds) -> OverSeeds:
    """First minus second of the seeds that have both.

    Of "at least" minus a number, and of a number minus "at most", the difference is "at least"; the other way round it is "at most".
    Of two bounds it is nothing, and the seed is left out.
    """
    values, bounded, left_out = {}, {}, {}
    opposite = {AT_LEAST: AT_MOST, AT_MOST: AT_LEAST}
    for seed in sorted(first.by_seed.keys() & second.by_seed.keys()):
        if seed in first.bounded and seed in second.bounded:
            left_out[seed] = "bounds on both sides"
            continue
        values[seed] = first.by_seed[seed] - second.by_seed[seed]
        if seed in first.bounded:
            bounded[seed] = first.bounded[seed]
        elif seed in second.bounded:
            bounded[seed] = opposite[second.bounded[seed]]
    return gather(values, bounded, left_out)


def curve_of_each(frame: pd.DataFrame, x: np.ndarray, column: str) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """For each seed, its places and values in order of the places, as far as both are finite; of equal places, the mean.

    Args:
        frame: networks of one method, one a seed and level.
        x: each row's place.
        column: the measure.

    Raises:
        ValueError: if the frame mixes several networks of one seed and level.
    """
    same_networks(frame)
    y, seeds = pd.to_numeric(frame[column]).to_numpy(dtype=float), frame["seed"].to_numpy()
    usable = np.isfinite(x) & np.isfinite(y)
    for seed in np.unique(seeds):
        own = usable & (seeds == seed)
        places, which = np.unique(x[own], return_inverse=True)
        sums = np.bincount(which, weights=y[own], minlength=len(places))
        yield int(seed), places, sums / np.maximum(np.bincount(which, minlength=len(places)), 1)


def halvings(sparsity: np.ndarray) -> np.ndarray:
    """How many times the prunable weights were halved, -log2(1 - sparsity): the scale on which levels are evenly spaced."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return -np.log2(1 - np.asarray(sparsity, dtype=float))


def sparsity_of(halved: float) -> float:
    """The inverse of `halvings`; the end of an interval that lies below what a sparsity can be is 0."""
    return float(1 - np.exp2(-max(halved, 0.0)))
