"""W&B runs, from wherever, as a frame of records."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import pandas as pd

from prunelab.records.mirror import row_of
from prunelab.records.rows import axes_of, frame_of_rows, usable


def frame_of_runs(runs: Sequence[dict[str, Any]], *, source: str) -> pd.DataFrame:
    """The frame of runs with `run_id`, `start_time`, `config` and `summary`.

    A point may have several runs, of one id or not: one whose online start failed is kept under another id, and the point may be
    measured again. The run that was started last, of those that were measured, is the one that counts.

    Raises:
        ValueError: if none mirrors a record, or a run's config is not that of a record.
    """
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    unfinished: dict[tuple[Any, ...], str] = {}
    for run in sorted(runs, key=lambda run: str(run["start_time"])):
        if "kind" not in run["config"]:  # of a study as a whole, of a prune, or not of prunelab
            continue
        row = row_of(run["config"], run["summary"]) | {"wandb_id": run["run_id"]}
        point = axes_of(row, where=f"{source}, run {run['run_id']}")
        if usable(row):
            rows[point] = row
        else:
            unfinished[point] = run["run_id"]
    lost = sorted({run_id for point, run_id in unfinished.items() if point not in rows})
    if lost:
        warnings.warn(f"{source}: {len(lost)} runs ended before their point was measured and are left out: {some(lost)}", stacklevel=3)
    if not rows:
        raise ValueError(f"none of the {len(runs)} W&B runs in {source} holds a measured point (sparsity and an accuracy)")
    return frame_of_rows(list(rows.values()), source=source)


def some(names: Sequence[str], most: int = 5) -> str:
    """The first few names."""
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")
