"""Paired differences by seed, with their intervals."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from prunelab.results.frames import MissingData, same_networks
from prunelab.results.intervals import CONFIDENCE, MeanInterval, half_width, mean_interval, mean_intervals
from prunelab.results.power import power, seeds_needed

__all__ = [
    "CONFIDENCE", "MeanInterval", "PairedDifference", "half_width", "mean_interval", "mean_intervals", "paired_difference", "power",
    "seeds_needed",
]  # fmt: skip


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


def paired_difference(frame_a: pd.DataFrame, frame_b: pd.DataFrame, column: str, *, confidence: float = CONFIDENCE) -> PairedDifference:
    """Mean of `column` in a minus b over their common seeds, with the interval of the differences.

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
