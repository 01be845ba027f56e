"""Claims: a published sentence, the number we measured for it, and whether it holds.

A file `experiments/NAME/claims.py` is a list of small functions, each taking a frame of records:

    def tickets_beat_reinitialised(frame):
        at = (0.10, 0.15)
        return difference_above(
            tickets(frame, density=at), select(frame, control="reinit", density=at), "test_top1",
            sentence="At 10 to 15 % of the weights, tickets are more accurate than reinitialised networks.",
            source="Frankle & Carbin 2019, figure 4",
        )
"""

from __future__ import annotations

import dataclasses
import enum

import pandas as pd

from prunelab.results.frames import MissingData, same_networks
from prunelab.results.statistics import (
    MeanInterval,
    PairedDifference,
    mean_interval,
    paired_difference,
    seeds_needed,
)
from prunelab.results.units import BY_NAME, unit_of


class Verdict(enum.StrEnum):
    """What the 95 % interval says of a claim."""

    HOLDS = "holds"
    DOES_NOT_HOLD = "does not hold"
    UNDECIDED = "undecided"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Claim:
    """A claim and what was measured for it.

    Attributes:
        sentence: the claim.
        source: where it was published.
        measured: the number, in the unit of the record's column (accuracies and sparsities are fractions); None if the
            data are missing.
        low: lower end of its 95 % interval; None with fewer than two seeds.
        high: upper end, likewise.
        unit: what the number counts in, such as "fraction" or "steps".
        verdict: what the interval says.
        more_seeds: for an undecided claim, how many more seeds would decide it with 80 % power if the measured number is
            the true one; None if decided, or if no number of seeds would.
        reason: why it is undecided, and which seeds could not be compared.
        num_seeds: seeds behind the number.
        is_difference: whether the number is a difference of two measures.
    """

    sentence: str
    source: str
    measured: float | None
    low: float | None
    high: float | None
    unit: str
    verdict: Verdict
    more_seeds: int | None = None
    reason: str = ""
    num_seeds: int = 0
    is_difference: bool = True

    @property
    def measured_text(self) -> str:
        """The number with its interval, as people write it."""
        if self.measured is None:
            return "not measured"
        unit = BY_NAME[self.unit]
        number = unit.difference(self.measured) if self.is_difference else unit.value(self.measured)
        return f"{number} {unit.interval(self.low, self.high, signed=self.is_difference)}"


def difference_above(
    frame_a: pd.DataFrame, frame_b: pd.DataFrame, column: str, margin: float = 0.0, *, sentence: str, source: str
) -> Claim:
    """The claim that `column` is larger in a than in b by more than `margin`, paired by seed.

    It holds if the whole 95 % interval of the difference lies above the margin, does not hold if it lies below.
    """
    return _difference(frame_a, frame_b, column, (margin, None), sentence, source)


def difference_below(
    frame_a: pd.DataFrame, frame_b: pd.DataFrame, column: str, margin: float = 0.0, *, sentence: str, source: str
) -> Claim:
    """The claim that a minus b is less than `margin`, paired by seed: `margin=0` says that a is smaller."""
    return _difference(frame_a, frame_b, column, (None, margin), sentence, source)


def difference_within(frame_a: pd.DataFrame, frame_b: pd.DataFrame, column: str, margin: float, *, sentence: str, source: str) -> Claim:
    """The claim that a and b differ by less than `margin`: the interval lies within plus and minus the margin.

    Raises:
        ValueError: for a margin that is not positive; no interval fits into it.
    """
    if margin <= 0:
        raise ValueError(f"margin={margin!r}: two measures can only be alike within a positive margin")
    return _difference(frame_a, frame_b, column, (-margin, margin), sentence, source)


def mean_above(frame: pd.DataFrame, column: str, threshold: float, *, sentence: str, source: str) -> Claim:
    """The claim that the mean of `column` over seeds is above `threshold`."""
    return _mean(frame, column, (threshold, None), sentence, source)


def mean_below(frame: pd.DataFrame, column: str, threshold: float, *, sentence: str, source: str) -> Claim:
    """The claim that the mean of `column` over seeds is below `threshold`."""
    return _mean(frame, column, (None, threshold), sentence, source)


def speedup_above(frame: pd.DataFrame, threshold: float, *, sentence: str, source: str) -> Claim:
    """The claim that one network is more than `threshold` times as fast as the dense one that was timed in turns with it.

    For a network of which there is one, not one a seed: its interval is that of the quartiles of its passes, each against
    the dense network's median.
    """
    rows = frame[frame["measured_speedup"].notna()]
    if len(rows) != 1:
        return undecided(sentence, source, f"{len(rows)} timed networks for {frame.attrs.get('asked') or 'what was asked'}, not one")
    row = rows.iloc[0]
    found = MeanInterval(
        mean=float(row["measured_speedup"]),
        low=float(row["dense_latency_seconds"] / row["latency_high"]),
        high=float(row["dense_latency_seconds"] / row["latency_low"]),
        num_seeds=1,
    )
    claim = _judge(found, 0.0, (threshold, None), sentence, source, unit_of("measured_speedup").name)
    reason = claim.reason or "quartiles of its passes, in turns with the dense network's"
    return dataclasses.replace(claim, is_difference=False, more_seeds=None, reason=reason)


def undecided(sentence: str, source: str, reason: str, *, unit: str = "number") -> Claim:
    """A claim for which there are no data."""
    return Claim(
        sentence=sentence,
        source=source,
        measured=None,
        low=None,
        high=None,
        unit=unit,
        verdict=Verdict.UNDECIDED,
        reason=reason,
    )


_Bounds = tuple[float | None, float | None]


def _difference(a: pd.DataFrame, b: pd.DataFrame, column: str, bounds: _Bounds, sentence: str, source: str) -> Claim:
    unit = unit_of(column).name
    try:
        found = paired_difference(a, b, column)
    except MissingData as missing:
        return undecided(sentence, source, str(missing), unit=unit)
    claim = _judge(found.interval, found.standard_deviation, bounds, sentence, source, unit)
    return dataclasses.replace(claim, reason="; ".join(filter(None, [claim.reason, *_named(found)])))


def _named(found: PairedDifference, most: int = 3) -> list[str]:
    more = len(found.unpaired) - most
    return [*found.unpaired[:most], f"and {more} more"] if more > 0 else list(found.unpaired)


def _mean(frame: pd.DataFrame, column: str, bounds: _Bounds, sentence: str, source: str) -> Claim:
    unit = unit_of(column).name
    try:
        same_networks(frame)
        values = pd.to_numeric(frame[column]).astype(float).groupby(frame["seed"]).mean().dropna()
        found = mean_interval(values.to_numpy())
    except MissingData:
        asked = frame.attrs.get("asked") or "what was asked"
        return undecided(sentence, source, f"no measured point has {column} for {asked}", unit=unit)
    deviation = float(values.std(ddof=1)) if len(values) > 1 else None
    claim = _judge(found, deviation, bounds, sentence, source, unit)
    return dataclasses.replace(claim, is_difference=False)


def _judge(found: MeanInterval, deviation: float | None, bounds: _Bounds, sentence: str, source: str, unit: str) -> Claim:
    """Holds if the interval lies between the bounds, does not hold if it lies wholly outside, else undecided."""
    lower, upper = bounds
    verdict, more_seeds, reason = Verdict.UNDECIDED, None, ""
    if found.low is None or found.high is None or deviation is None:
        # The spread is unknown; three seeds are the fewest whose interval is of any use (t = 4.3, against 12.7 with two).
        more_seeds, reason = 2, "one seed has no spread, so there is no interval"
    elif (lower is None or found.low > lower) and (upper is None or found.high < upper):
        verdict = Verdict.HOLDS
    elif (lower is not None and found.high < lower) or (upper is not None and found.low > upper):
        verdict = Verdict.DOES_NOT_HOLD
    else:
        distance = min(abs(found.mean - bound) for bound in bounds if bound is not None)
        more_seeds = seeds_needed(distance, deviation, found.num_seeds)
        reason = "the interval reaches across the margin"
        if more_seeds is None:
            reason += ", and the measured number lies so near to it that no affordable number of seeds would decide"
    return Claim(
        sentence=sentence, source=source, measured=found.mean, low=found.low, high=found.high, unit=unit, verdict=verdict,
        more_seeds=more_seeds, reason=reason, num_seeds=found.num_seeds,
    )  # fmt: skip
