"""From records to tidy series: a measure against sparsity, layer densities, barriers.

Each function takes a frame of records and returns a frame with one row a plotted point, so that any plotting library, or
a person, can read it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from prunelab.results.frames import barriers
from prunelab.results.intervals import mean_intervals
from prunelab.results.methods import labelled, with_methods
from prunelab.results.remembering import remembered
from prunelab.results.selection import CONTROLS

SERIES = ["method", "control", "level"]


@remembered
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
    beside = ["sparsity", "compression_ratio", "measured_speedup", "diverged", column]
    rows = labelled(frame, beside)
    rows = rows[np.isfinite(rows[column])]
    if rows.empty:
        return _no_series()
    rows = rows.assign(density=1 - rows["sparsity"], measured_speedup=pd.to_numeric(rows["measured_speedup"]).astype(float))
    found = averaged(rows, SERIES, column)
    groups = rows.groupby(SERIES, observed=True)
    means = groups[["density", "compression_ratio", "measured_speedup"]].mean().assign(num_diverged=groups["diverged"].sum())
    return _in_order(found.merge(means.reset_index(), on=SERIES))


def averaged(rows: pd.DataFrame, keys: list[str], column: str) -> pd.DataFrame:
    """The mean of a column over the rows of each group, one row a seed, with its interval.

    Returns:
        A row a group, in order of the keys: these, `mean`, `low`, `high` (NaN with one seed), `num_seeds`, and the tuples `seeds` and
        `values`, in order of the seeds.
    """
    rows = rows.sort_values([*keys, "seed"], kind="stable")
    sizes = rows.groupby(keys, observed=True).size()
    values, seeds = rows[column].to_numpy(dtype=float), rows["seed"].to_numpy()
    starts = np.concatenate([[0], np.cumsum(sizes.to_numpy())])[:-1]
    numbers = np.empty((3, len(sizes)))
    for size in np.unique(sizes):
        alike = np.flatnonzero(sizes.to_numpy() == size)
        numbers[:, alike] = mean_intervals(values[starts[alike] + np.arange(size)[:, None]])
    found = sizes.rename("num_seeds").reset_index()
    blocks = list(zip(starts.tolist(), (starts + sizes.to_numpy()).tolist(), strict=True))
    return found.assign(
        mean=numbers[0],
        low=numbers[1],
        high=numbers[2],
        seeds=pd.Series([tuple(seeds[start:end].tolist()) for start, end in blocks], dtype=object),
        values=pd.Series([tuple(values[start:end].tolist()) for start, end in blocks], dtype=object),
    )


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


@remembered
def layer_density(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """For each method, the mean density over seeds of each prunable tensor of its own networks.

    Returns:
        By method label: rows are tensors in order of the network, columns are levels, values fractions in [0, 1]. The
        density of the whole network at each level is in `.attrs["density"]`.
    """
    rows = labelled(frame, ["sparsity", "layer_density"])
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
    return _with_density(rows, ["method", "level", "rewind_step"], "barrier")


def _with_density(rows: pd.DataFrame, keys: list[str], column: str) -> pd.DataFrame:
    density = (1 - rows.groupby(keys, observed=True)["sparsity"].mean()).rename("density").reset_index()
    return density.merge(averaged(rows, keys, column), on=keys).astype({"method": str})


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
        alpha=pd.Series([[round(float(a), 9) for a in curve["alpha"]] for curve in rows["barrier_curve"]], index=rows.index, dtype=object),
        error=pd.Series([list(curve["test_error"]) for curve in rows["barrier_curve"]], index=rows.index, dtype=object),
    )
    long = long.explode(["alpha", "error"]).astype({"alpha": float, "error": float})
    return _with_density(long, ["method", "level", "rewind_step", "alpha"], "error")


def _barrier_rows(frame: pd.DataFrame) -> pd.DataFrame:
    rows = barriers(frame)
    rows = rows.assign(barrier=pd.to_numeric(rows["barrier"]).astype(float))
    return rows.assign(method="") if rows.empty else with_methods(rows, ignoring=("rewind_step",))
