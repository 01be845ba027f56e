"""From records to tidy series: a measure against sparsity, layer densities, barriers.

Each function takes a frame of records and returns a frame with one row a plotted point, so that any plotting library, or
a person, can read it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from prunelab.results.frames import barriers, points
from prunelab.results.methods import with_methods
from prunelab.results.selection import CONTROLS
from prunelab.results.statistics import half_width

SERIES = ["method", "control", "level"]


def series(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """The mean of a measure over seeds, for each method, control and level.

    Args:
        frame: records.
        column: the measure, such as `test_top1` or `early_stop_step`.

    Returns:
        Rows in order of method, control and level (dense first, as level 0 of control "none") with `density`,
        `compression_ratio`, `measured_speedup`, `mean`, `low`, `high` (NaN with one seed), `num_seeds`, `num_diverged` and
        the tuples `seeds` and `values`. Seeds without a value are not averaged; a level at which no seed has one has no row.
    """
    rows = with_methods(points(frame))
    rows = rows[np.isfinite(rows[column])].sort_values([*SERIES, "seed"], kind="stable")
    if rows.empty:
        return _no_series()
    groups = rows.groupby(SERIES, observed=True)
    found = groups.agg(
        density=("sparsity", lambda s: 1 - s.mean()),
        compression_ratio=("compression_ratio", "mean"),
        measured_speedup=("measured_speedup", _mean),
        mean=(column, "mean"),
        deviation=(column, "std"),
        num_seeds=(column, "size"),
        num_diverged=("diverged", "sum"),
        seeds=("seed", tuple),
        values=(column, tuple),
    ).reset_index()
    width = half_width(found["deviation"].to_numpy(), found["num_seeds"].to_numpy())
    found = found.assign(low=found["mean"] - width, high=found["mean"] + width).drop(columns="deviation")
    return _in_order(found)


def _mean(values: pd.Series) -> float:
    """Of what was measured; NaN if nothing was."""
    return float(pd.to_numeric(values).astype(float).mean())


def _no_series() -> pd.DataFrame:
    numbers = ["density", "compression_ratio", "measured_speedup", "mean", "num_seeds", "num_diverged", "low", "high"]
    columns = [*SERIES, *numbers, "seeds", "values"]
    return pd.DataFrame({column: pd.Series(dtype=object if column in ("seeds", "values") else float) for column in columns})


def _in_order(found: pd.DataFrame) -> pd.DataFrame:
    known = [*CONTROLS, *sorted(set(found["control"]) - set(CONTROLS))]
    rank = found["control"].map({control: index for index, control in enumerate(known)})
    ordered = found.assign(rank=rank).sort_values(["method", "rank", "level"], kind="stable").drop(columns="rank")
    return ordered.astype({"method": str}).reset_index(drop=True)


def accuracy(frame: pd.DataFrame) -> pd.DataFrame:
    """Test accuracy against sparsity; see `series`."""
    return series(frame, "test_top1")


def early_stop(frame: pd.DataFrame) -> pd.DataFrame:
    """Optimizer step of the lowest validation loss against sparsity; see `series`."""
    return series(frame, "early_stop_step")


def layer_density(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """For each method, the mean density over seeds of each prunable tensor of its own networks.

    Returns:
        By method label: rows are tensors in order of the network, columns are levels, values fractions in [0, 1]. The
        density of the whole network at each level is in `.attrs["density"]`.
    """
    rows = with_methods(points(frame))
    rows = rows[(rows["control"] == "none") & rows["layer_density"].map(lambda cell: isinstance(cell, dict) and bool(cell))]
    matrices = {}
    for method, own in rows.groupby("method", observed=True):
        cells = pd.DataFrame(list(own["layer_density"]), index=pd.Index(own["level"], name="level"))
        matrix = cells.groupby(level=0).mean().T
        matrix.attrs["density"] = (1 - own.groupby("level")["sparsity"].mean()).to_dict()
        matrices[str(method)] = matrix
    return matrices


def barrier(frame: pd.DataFrame) -> pd.DataFrame:
    """Error barrier against rewind step, for each method and level.

    Returns:
        Rows with `method`, `level`, `density`, `rewind_step`, `mean`, `low`, `high`, `num_seeds`, `seeds`, `values`.
    """
    rows = _barrier_rows(frame)
    rows = rows[np.isfinite(rows["barrier"])].sort_values("seed", kind="stable")
    if rows.empty:
        return pd.DataFrame(columns=["method", "level", "rewind_step", "density", "mean", "low", "high", "num_seeds"])
    keys = ["method", "level", "rewind_step"]
    found = rows.groupby(keys, observed=True).agg(
        density=("sparsity", lambda s: 1 - s.mean()),
        mean=("barrier", "mean"),
        deviation=("barrier", "std"),
        num_seeds=("barrier", "size"),
        seeds=("seed", tuple),
        values=("barrier", tuple),
    )
    width = half_width(found["deviation"].to_numpy(), found["num_seeds"].to_numpy())
    found = found.assign(low=found["mean"] - width, high=found["mean"] + width).drop(columns="deviation")
    return found.reset_index().astype({"method": str})


def interpolation(frame: pd.DataFrame) -> pd.DataFrame:
    """Test error along the line between two children, averaged over seeds.

    Returns:
        Rows with `method`, `level`, `density`, `rewind_step`, `alpha`, `mean`, `low`, `high`, `num_seeds`.
    """
    rows = _barrier_rows(frame)
    rows = rows[rows["barrier_curve"].map(lambda cell: isinstance(cell, dict) and len(cell.get("alpha", ())) > 0)]
    if rows.empty:
        return pd.DataFrame(columns=["method", "level", "rewind_step", "alpha", "density", "mean", "low", "high", "num_seeds"])
    long = rows[["method", "level", "rewind_step", "seed", "sparsity"]].assign(
        alpha=[[round(float(a), 9) for a in curve["alpha"]] for curve in rows["barrier_curve"]],
        error=[list(curve["test_error"]) for curve in rows["barrier_curve"]],
    )
    long = long.explode(["alpha", "error"]).astype({"alpha": float, "error": float})
    found = long.groupby(["method", "level", "rewind_step", "alpha"], observed=True).agg(
        density=("sparsity", lambda s: 1 - s.mean()),
        mean=("error", "mean"),
        deviation=("error", "std"),
        num_seeds=("error", "size"),
    )
    width = half_width(found["deviation"].to_numpy(), found["num_seeds"].to_numpy())
    found = found.assign(low=found["mean"] - width, high=found["mean"] + width).drop(columns="deviation")
    return found.reset_index().astype({"method": str})


def _barrier_rows(frame: pd.DataFrame) -> pd.DataFrame:
    rows = barriers(frame)
    rows = rows.assign(barrier=pd.to_numeric(rows["barrier"]).astype(float))
    return rows.assign(method="") if rows.empty else with_methods(rows, ignoring=("rewind_step",))
