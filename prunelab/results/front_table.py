"""The table of the networks that no other beats in three measures at once: accuracy, compression and speed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from prunelab.results.curves import SERIES
from prunelab.results.ledger import MULTIPLY_ADDS
from prunelab.results.methods import control_name, own_name
from prunelab.results.pareto import front
from prunelab.results.sections import Section
from prunelab.results.trades import SEARCH_UNIT, costed
from prunelab.results.units import FRACTION, NONE, percent, significant

MOST_ROWS = 20
_SPEEDS = {"measured_speedup": "measured speed-up", "theoretical_speedup": "theoretical speed-up"}
_COSTS = {
    "compression_ratio": "Compression, times", "theoretical_speedup": "Speed-up in theory, times",
    "measured_speedup": "Speed-up as measured, times", "size_bytes": "Size, MB", MULTIPLY_ADDS: "Search, dense trainings by multiply-adds",
}  # fmt: skip


def front_table(frame: pd.DataFrame) -> Section | None:
    """The front over accuracy, compression and the first known of measured and theoretical speed-up.

    Args:
        frame: records with numbers as floats (`frames.checked`).

    Returns:
        A row a network, of means over seeds, the most accurate first; None where no pruned network has all three.
    """
    rows = costed(frame)
    rows = rows[np.isfinite(rows["test_top1"])]
    if rows["method"].nunique() > 1 and (rows["control"] == "none").any():
        rows = rows[rows["control"] == "none"]
    means = rows.groupby(SERIES, observed=True)[["sparsity", "test_top1", *_COSTS]].mean().reset_index()
    pruned = means[means["level"] > 0]
    speed = next((column for column in _SPEEDS if np.isfinite(pruned[column]).any()), None)
    if speed is None or not np.isfinite(pruned["compression_ratio"]).any():
        return None
    found = front(means, ("test_top1", "compression_ratio", speed)).iloc[::-1]
    shown = {column: heading for column, heading in _COSTS.items() if np.isfinite(found[column]).any()}
    more = f" The {MOST_ROWS} most accurate of {len(found)} are shown." if len(found) > MOST_ROWS else ""
    more += f" Search is in {SEARCH_UNIT}." if MULTIPLY_ADDS in shown else ""
    return Section(
        key="front",
        title="Networks that no other beats",
        lede=f"Means over seeds, not dominated in accuracy, compression and {_SPEEDS[speed]} at once: {len(found)} of {len(means)}.{more}",
        headings=("Network", "Weights left", "Test accuracy, %", *shown.values()),
        rows=tuple(_row(row, own_name(frame), list(shown)) for row in found.head(MOST_ROWS).to_dict("records")),
    )


def _row(row: dict, own: str, costs: list[str]) -> tuple[str, ...]:
    name = "Dense" if row["level"] == 0 else str(row["method"]) or (own if row["control"] == "none" else control_name(row["control"]))
    numbers = [significant(row[column]) if np.isfinite(row[column]) else NONE for column in costs]
    return name, percent(1 - row["sparsity"]), FRACTION.number(row["test_top1"]), *numbers
