"""What a study comes to, for the one W&B run at the end of a sweep: its front, its means, and numbers to compare sweeps by."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import pandas as pd

from prunelab.results.curves import series
from prunelab.results.frames import points
from prunelab.results.methods import control_name
from prunelab.results.pareto import front
from prunelab.tracking.tracker import Digest, Line, Sheet

QUALITIES = ("test_top1", "test_f1")
_COLUMNS = ["method", "control", "level", "sparsity", "compression_ratio"]


def digest_of(frame: pd.DataFrame, study: str, own: Collection[str]) -> Digest:
    """The digest of a study's records.

    Args:
        frame: all records of the study: its tables and plots are made of them.
        study: its name.
        own: keys of the trainings of this sweep, which the numbers are about: a W&B sweep compares them over its jobs.
    """
    quality = next((name for name in QUALITIES if frame[name].notna().any()), QUALITIES[0])
    means = series(frame, quality)
    means = means.assign(sparsity=1 - means["density"].astype(float)).rename(columns={"mean": quality})
    best = front(means, ("compression_ratio", quality)) if len(means) else means
    columns = [*_COLUMNS, quality, "low", "high", "num_seeds", "num_diverged"]
    return Digest(
        study=study,
        numbers=_numbers(frame[frame["stage_key"].isin(list(own))]),
        sheets={
            "pareto": Sheet(columns=columns, rows=_cells(best, columns), x="compression_ratio", y=quality),
            "points": Sheet(columns=columns, rows=_cells(means, columns), x="sparsity", y=quality),
        },
        lines={"quality": Line(x="sparsity", y=quality, series=_lines(means, quality))},
    )


def _numbers(frame: pd.DataFrame) -> dict[str, float]:
    """Means over the method's own pruned networks; a search is to look at the validation ones."""
    rows = points(frame)
    pruned = rows[(rows["control"] == "none") & (rows["level"] > 0)]
    found: dict[str, float] = {"networks": len(rows), "diverged": int(rows["diverged"].sum()), "seeds": int(rows["seed"].nunique())}
    for name in ("validation_top1", *QUALITIES, "sparsity", "compression_ratio", "theoretical_speedup", "measured_speedup"):
        mean = float(pd.to_numeric(pruned[name]).mean()) if len(pruned) else math.nan
        found |= {name: mean} if math.isfinite(mean) else {}
    return found


def _cells(frame: pd.DataFrame, columns: list[str]) -> list[list[Any]]:
    """JSON has no NaN: what is not known is None."""
    rows = frame[columns].astype(object).to_numpy().tolist() if len(frame) else []
    return [[None if isinstance(cell, float) and not math.isfinite(cell) else cell for cell in row] for row in rows]


def _lines(means: pd.DataFrame, quality: str) -> dict[str, tuple[list[float], list[float]]]:
    found: dict[str, tuple[list[float], list[float]]] = {}
    for (method, control), rows in means.groupby(["method", "control"], sort=False):
        rows = rows.sort_values("sparsity")
        name = " · ".join(part for part in (str(method), control_name(str(control))) if part)
        found[name] = (rows["sparsity"].astype(float).tolist(), rows[quality].astype(float).tolist())
    return found
