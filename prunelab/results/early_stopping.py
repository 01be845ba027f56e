"""Early-stopping advantage: how many steps sooner tickets reach their lowest validation loss than a control does."""

from __future__ import annotations

import dataclasses

import pandas as pd

from prunelab.results.frames import MissingData
from prunelab.results.holm import against_reference
from prunelab.results.intervals import MeanInterval, mean_interval
from prunelab.results.methods import labelled
from prunelab.results.over_seeds import named

COLUMN = "early_stop_step"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Advantage:
    """The early-stopping step of one method's networks minus that of its control; below zero where they learn faster.

    Attributes:
        method: its label.
        levels: a row a level, see `holm.against_reference`.
        overall: mean over levels of each seed, and its interval over seeds.
        num_at_end: networks of either side whose lowest loss was at the last step: they might have gone on, so their steps are at
            least that.
        uneven: seeds that fewer levels pair than others, so that their mean is over other levels.
    """

    method: str
    levels: pd.DataFrame
    overall: MeanInterval
    num_at_end: int
    uneven: tuple[int, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What of it is a bound, or uneven, in words."""
        found = []
        if self.num_at_end:
            networks = f"{self.num_at_end} network{'s' if self.num_at_end > 1 else ''}"
            found.append(f"{networks} had the lowest loss at the last step, and might have gone on")
        return (*found, *([f"{named(self.uneven)} paired at fewer levels than the others"] if self.uneven else []))


def early_stopping_advantage(frame: pd.DataFrame, control: str = "reinit") -> list[Advantage]:
    """For each method that has this control, its advantage in optimizer steps, paired by seed and level.

    Raises:
        MissingData: if no method has the control.
        ValueError: for an unknown control.
    """
    table = against_reference(frame, COLUMN, control)
    ended, found = _at_end(frame, control), []
    for method, levels in table[table["num_seeds"] > 0].groupby("method", sort=False):
        each = levels[["seeds", "values"]].explode(["seeds", "values"])
        by_seed = each["values"].astype(float).groupby(each["seeds"]).agg(["mean", "size"])
        overall, at_end = mean_interval(by_seed["mean"].to_numpy()), int(ended.get(method, 0))
        uneven = tuple(int(seed) for seed in by_seed.index[by_seed["size"] < by_seed["size"].max()])
        found.append(Advantage(method=str(method), levels=levels, overall=overall, num_at_end=at_end, uneven=uneven))
    if not found:
        raise MissingData(f"no network shares seed and level with one of control {control}")
    return found


def _at_end(frame: pd.DataFrame, control: str) -> pd.Series:
    """By method, networks whose lowest loss was at the last step."""
    rows = labelled(frame, [COLUMN, "total_steps"])
    rows = rows[rows["control"].isin(["none", control]) & (rows["level"] > 0) & (rows[COLUMN] >= rows["total_steps"])]
    return rows.astype({"method": str}).groupby("method").size()
