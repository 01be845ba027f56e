"""Matching sparsity: how far a method prunes before it is worse than the dense network."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from prunelab.results.frames import MissingData
from prunelab.results.selection import dense, tickets
from prunelab.results.statistics import PairedDifference, paired_difference

MARGIN = 0.005


@dataclasses.dataclass(frozen=True, kw_only=True)
class LevelDifference:
    """One level of a method against its dense network.

    Attributes:
        level: the level.
        density: mean fraction of weights left there.
        mean: mean measure there.
        difference: level minus dense, paired by seed.
    """

    level: int
    density: float
    mean: float
    difference: PairedDifference


def against_dense(frame: pd.DataFrame, column: str = "test_top1") -> list[LevelDifference]:
    """Each pruned level of one method against its dense network, from the densest on.

    Raises:
        MissingData: if the frame has no dense network with the measure.
        ValueError: if the frame mixes several methods.
    """
    reference = dense(frame)
    if not np.isfinite(reference[column]).any():
        raise MissingData(f"no dense network has {column}")
    found = []
    for level, rows in tickets(frame).groupby("level"):
        measured = rows[np.isfinite(rows[column])]
        try:
            difference = paired_difference(measured, reference, column)
        except MissingData:
            continue  # a level that shares no seed with the dense network cannot be compared; the tables show it
        density = float(1 - measured["sparsity"].mean())
        found.append(
            LevelDifference(level=int(level), density=density, mean=float(measured[column].mean()), difference=difference)  # pyright: ignore[reportArgumentType]
        )
    return sorted(found, key=lambda entry: -entry.density)


def matching(levels: list[LevelDifference], margin: float = MARGIN) -> LevelDifference | None:
    """The sparsest level such that it and all denser ones have a mean not below dense by more than `margin`.

    Args:
        levels: from `against_dense`, from the densest on.
        margin: in the unit of the measure; accuracies are fractions, so 0.005 is half a point.

    Returns:
        None if already the densest level is worse.
    """
    last = None
    for entry in levels:
        if entry.difference.interval.mean < -margin:
            break
        last = entry
    return last
