"""The measures that a front can trade against each other: which way is better, on what scale, and what nothing gained is."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from prunelab.basics.choices import unknown


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measure:
    """A column of a frame as one side of a trade.

    Attributes:
        column: of a record, or one that `ledger.with_search_cost` adds.
        name: what a person calls it.
        maximise: whether more is better.
        log: whether what counts is how many times, not how much: from 2 to 4 is then as far as from 8 to 16.
        floor: what a network has that gains nothing, from where volumes are counted; None for costs, of which it is the
            largest one in the comparison.
    """

    column: str
    name: str
    maximise: bool
    log: bool = False
    floor: float | None = None


def _gain(column: str, name: str) -> Measure:
    return Measure(column=column, name=name, maximise=True, floor=0.0)


def _ratio(column: str, name: str) -> Measure:
    return Measure(column=column, name=name, maximise=True, log=True, floor=1.0)


def _cost(column: str, name: str) -> Measure:
    return Measure(column=column, name=name, maximise=False, log=True)


_KNOWN = (
    _gain("test_top1", "test accuracy"), _gain("test_top5", "test top-5 accuracy"), _gain("test_f1", "test F1"),
    _gain("validation_top1", "validation accuracy"), _gain("sparsity", "sparsity"),
    Measure(column="test_loss", name="test loss", maximise=False), Measure(column="test_ece", name="calibration error", maximise=False),
    _ratio("compression_ratio", "compression"), _ratio("theoretical_speedup", "theoretical speed-up"),
    _ratio("measured_speedup", "measured speed-up"), _ratio("throughput", "throughput"),
    _cost("multiply_adds", "multiply-adds"), _cost("parameters", "parameters"), _cost("weights_left", "weights left"),
    _cost("latency_seconds", "latency"), _cost("size_bytes", "size"), _cost("zipped_bytes", "zipped size"),
    _cost("compact_size_bytes", "size when compacted"), _cost("peak_memory_bytes", "peak memory"),
    _cost("energy_joules", "energy"), _cost("early_stop_step", "early-stopping step"), _cost("search_steps", "search cost in steps"),
    _cost("search_multiply_adds", "search cost in multiply-adds"),
)  # fmt: skip
MEASURES: dict[str, Measure] = {measure.column: measure for measure in _KNOWN}


def measure_of(column: str) -> Measure:
    """The measure of that column.

    Raises:
        ValueError: naming the nearest if there is none.
    """
    if column not in MEASURES:
        raise unknown("measure", column, MEASURES)
    return MEASURES[column]


def gaining(column: str) -> int:
    """1 if more of the column is better, -1 if less is.

    Raises:
        ValueError: naming the nearest measure if it is none.
    """
    return 1 if measure_of(column).maximise else -1


def scaled(frame: pd.DataFrame, columns: tuple[str, ...]) -> np.ndarray:
    """The columns as numbers of which more is better, ratios and costs as base-2 logarithms.

    Args:
        frame: with these columns.
        columns: measures.

    Returns:
        Shape (rows, columns). A value that is missing, infinite, or not positive on a logarithmic scale is NaN: no front and no
        volume can hold it.

    Raises:
        ValueError: for an unknown measure, or one that the frame lacks.
    """
    return np.column_stack([one_scaled(_column(frame, column), measure_of(column)) for column in columns])


def scaled_by_seed(frame: pd.DataFrame, columns: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    """The rows of `scaled` without gaps, of the seeds that have a pruned network among them.

    A dense network belongs to every method, so one that is alone says nothing of a method's front.

    Args:
        frame: with `seed`, `level` (0 is dense), and these columns.
        columns: measures.

    Returns:
        Points of shape (rows, columns), the seed of each, and the seeds that are left out.

    Raises:
        ValueError: for an unknown measure, or one that the frame lacks.
    """
    points, seeds = scaled(frame, columns), frame["seed"].to_numpy()
    usable = ~np.isnan(points).any(axis=1)
    having = np.unique(seeds[usable & (frame["level"].to_numpy() > 0)])
    kept = usable & np.isin(seeds, having)
    return points[kept], seeds[kept], tuple(int(seed) for seed in np.setdiff1d(seeds, having))


def one_scaled(values: np.ndarray, measure: Measure) -> np.ndarray:
    """The values of one measure as in `scaled`."""
    values = np.where(np.isfinite(values) & ((values > 0) | (not measure.log)), values, np.nan)
    better = np.log2(values) if measure.log else values
    return better if measure.maximise else -better


def _column(frame: pd.DataFrame, column: str) -> np.ndarray:
    measure_of(column)
    if column not in frame.columns:
        raise ValueError(f"the frame has no column {column}; ledger.with_search_cost adds what a search costs")
    return pd.to_numeric(frame[column]).astype(float).to_numpy()
