"""Choosing rows of a results frame: by control, by weights left, by level, by any axis."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from prunelab.basics.choices import choose, unknown
from prunelab.records.schema import AXES
from prunelab.results.frames import MissingData
from prunelab.results.units import percent

CONTROLS: tuple[str, ...] = (
    "none", "reinit", "shuffle", "random", "small_dense", "inverted", "signs", "supermask", "supermask_signs"
)  # fmt: skip
DENSITY_TOLERANCE = 1e-9


def select(
    frame: pd.DataFrame,
    *,
    control: str | None = None,
    density: tuple[float, float] | None = None,
    level: int | Iterable[int] | None = None,
    kind: str = "point",
    **axes: object,
) -> pd.DataFrame:
    """The rows that agree with everything asked. No such row gives an empty frame that remembers what was asked.

    Args:
        frame: records.
        control: "none" for the method's own networks, else which comparison network.
        density: smallest and largest fraction of the prunable weights left, both included.
        level: one level or several.
        kind: "point" or "barrier".
        **axes: any other axis of a record, such as `criterion="snip"`; a list takes any of its values.

    Raises:
        ValueError: for an unknown control, kind or axis, or a density range that is not one.
    """
    rows = frame["kind"] == choose("kind of record", kind, ("point", "barrier"))
    asked = []
    if control is not None:
        known = {*CONTROLS, *frame["control"].unique()}
        rows &= frame["control"] == choose("control", control, known)
        asked.append(f"control {control}")
    if density is not None:
        low, high = density
        if not 0 <= low <= high <= 1:
            raise ValueError(f"density={density!r} must be (smallest, largest) fraction of weights left, within 0 and 1")
        left = 1 - pd.to_numeric(frame["sparsity"]).astype(float)
        rows &= left.between(low - DENSITY_TOLERANCE, high + DENSITY_TOLERANCE)
        asked.append(f"{percent(low)} to {percent(high)} of the weights left")
    if level is not None:
        levels = [level] if isinstance(level, (int, np.integer)) else list(level)
        rows &= frame["level"].isin(levels)
        asked.append(f"level {', '.join(map(str, levels))}")
    for axis, value in axes.items():
        if axis not in AXES:
            raise unknown("axis of a record", axis, AXES)
        values = list(value) if isinstance(value, (list, tuple, set)) else [value]
        rows &= frame[axis].isin(values)
        asked.append(f"{axis} {', '.join(map(str, values))}")
    chosen = frame[rows]
    chosen.attrs["asked"] = ", ".join(asked)
    return chosen


def dense(frame: pd.DataFrame) -> pd.DataFrame:
    """The unpruned networks: level 0 of the method itself."""
    return select(frame, control="none", level=0)


def tickets(frame: pd.DataFrame, *, density: tuple[float, float] | None = None) -> pd.DataFrame:
    """The method's own pruned networks, without the dense one."""
    own = select(frame, control="none", density=density)
    pruned = own[own["level"] > 0]
    pruned.attrs["asked"] = own.attrs["asked"]
    return pruned


def nearest_level(frame: pd.DataFrame, density: float) -> int:
    """The level whose networks keep closest to `density` of their weights, compared on a log scale.

    Raises:
        ValueError: for a density outside (0, 1].
        MissingData: if no row says its sparsity.
    """
    if not 0 < density <= 1:
        raise ValueError(f"density={density!r} must be a fraction of weights left, in (0, 1]")
    left = (1 - pd.to_numeric(frame["sparsity"]).astype(float)).groupby(frame["level"]).mean()
    left = left[left > 0]
    if left.empty:
        raise MissingData(f"no measured point near {percent(density)} of the weights left")
    return int(left.index[int(np.abs(np.log(left.to_numpy() / density)).argmin())])
