"""What a results frame must hold before anything is computed from it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from prunelab.records.schema import AXES, COLUMNS

NUMERIC: tuple[str, ...] = (
    "sparsity_requested", "sparsity", "effective_sparsity", "compression_ratio", "theoretical_speedup", "multiply_adds",
    "parameters", "weights_left", "collapsed_layers", "size_bytes", "zipped_bytes", "latency_seconds", "latency_low",
    "latency_high", "dense_latency_seconds", "measured_speedup", "throughput", "latency_batch", "latency_length", "latency_threads",
    "peak_memory_bytes", "executed_multiply_adds", "compact_parameters", "compact_size_bytes", "compact_difference", "energy_joules",
    "test_top1", "test_top5", "test_loss", "test_f1", "test_ece", "validation_top1", "validation_loss", "early_stop_step",
    "early_stop_loss", "early_stop_top1", "train_loss", "total_steps", "barrier", "train_seconds", "stage_seconds",
)  # fmt: skip


class MissingData(ValueError):  # noqa: N818 - it reads as what happened, and callers catch it to say so
    """A question was asked of records that do not exist (yet)."""


def checked(frame: pd.DataFrame) -> pd.DataFrame:
    """A copy of `frame` with numbers as floats, known to hold each measured point once.

    Args:
        frame: one row a record, columns as in `prunelab.records.schema.COLUMNS`.

    Raises:
        ValueError: if the frame has no rows, lacks columns, or holds one point twice (a seed that counts twice makes
            every interval too narrow).
    """
    absent = [column for column in COLUMNS if column not in frame.columns]
    if absent:
        raise ValueError(f"not a frame of prunelab records; it has no column {', '.join(absent)}")
    if frame.empty:
        raise ValueError("the frame has no rows: no measured point to report; run the study first")
    frame = frame.reset_index(drop=True)
    frame = frame.assign(
        **{column: pd.to_numeric(frame[column]).astype(float) for column in NUMERIC},
        diverged=np.asarray([value is True or value == 1 for value in frame["diverged"]], dtype=bool),
    )
    twice = frame.duplicated(list(AXES))
    if twice.any():
        first = frame.loc[twice, list(AXES)].iloc[0]
        point = ", ".join(f"{axis}={value}" for axis, value in first.items() if value != "")
        raise ValueError(f"{int(twice.sum())} measured points are in the frame twice; the first is {point}")
    return frame


def points(frame: pd.DataFrame, columns: list[str] | None = None) -> pd.DataFrame:
    """The rows of trained networks; all columns, or these alone."""
    return (frame if columns is None else frame[columns])[frame["kind"] == "point"]


def barriers(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of instability analysis."""
    return frame[frame["kind"] == "barrier"]


def same_networks(frame: pd.DataFrame) -> None:
    """Check that each seed and level is one network, so that a mean over seeds mixes nothing else.

    Raises:
        ValueError: naming the axes on which rows of the same seed and level differ.
    """
    if frame.duplicated(["seed", "level"]).any():
        mixed = [a for a in AXES if a not in ("seed", "level") and frame.groupby(["seed", "level"])[a].nunique().max() > 1]
        raise ValueError(f"several networks have the same seed and level; select one value of {', '.join(mixed) or 'a row'}")
