"""What the figures of an inspection share: lines over weights left, and what series are called."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from prunelab.results.figure_lines import WEIGHTS_LEFT, log_ticks
from prunelab.results.figure_parts import Axis, Line, Panel
from prunelab.results.look import Style, style
from prunelab.results.methods import control_name
from prunelab.results.units import percent

MOST_LINES = 9
PERCENT = (0.0, 100.0)


def side_name(method: str, control: str, own: str) -> str:
    """A method's own networks, or one of its controls, in a legend."""
    kind = own if control == "none" else control_name(control)
    return (method or kind) if control == "none" else f"{method} · {kind}" if method else kind


def weights_left(panels: Sequence[Panel]) -> Axis:
    """The axis of lines over weights left, in per cent."""
    places = [x for panel in panels for line in panel.lines for x in line.x]
    return Axis(title=WEIGHTS_LEFT, log=True, falling=True, ticks=log_ticks(min(places), max(places)))


def range_line(label: str, rows: pd.DataFrame, column: str, look: Style, *, scale: float = 100.0, markers: bool = True) -> Line:
    """The mean at each level, with a band from the lowest to the highest value.

    Args:
        label: of the legend.
        rows: with `level`, `density` and the column.
        column: what is drawn.
        look: of the line.
        scale: number in a cell times this is the drawn one.
        markers: whether to mark points and draw the band.
    """
    groups = rows.groupby("level")
    means, low, high = (scale * getattr(groups[column], kind)() for kind in ("mean", "min", "max"))
    places, counts = 100 * groups["density"].mean(), groups.size()
    nothing = [math.nan] * len(means)
    hover = tuple(
        f"{label}\n{percent(place / 100)} of the weights left, level {level}\n{mean:.1f} %"
        + (f", {count} pairs from {least:.1f} to {most:.1f} %" if count > 1 else ", one pair")
        for level, place, mean, least, most, count in zip(means.index, places, means, low, high, counts, strict=True)
    )
    several = markers and bool((counts > 1).any())
    return Line(
        label=label, x=tuple(places), y=tuple(means), low=tuple(low if several else nothing), high=tuple(high if several else nothing),
        style=look, hover=hover, markers=markers,
    )  # fmt: skip


def looks(names: Sequence[str]) -> Mapping[str, Style]:
    """A look for each name, the same in all panels."""
    return {name: style(index) for index, name in enumerate(names)}


def matrix(names: Sequence[str], cells: Mapping[tuple[str, str], float], diagonal: float) -> tuple[tuple[float, ...], ...]:
    """A symmetric matrix from its pairs; NaN where there is none."""
    found = [[diagonal if one == other else cells.get((one, other), cells.get((other, one), math.nan)) for other in names] for one in names]
    return tuple(tuple(float(cell) for cell in row) for row in found)


def pair_means(rows: pd.DataFrame, column: str, scale: float = 1.0) -> dict[tuple[str, str], float]:
    """Mean of a column over the rows of each pair (`one`, `other`), in either order; pairs without a number are left out."""
    ordered = [tuple(sorted(pair)) for pair in zip(rows["one"], rows["other"], strict=True)]
    values = rows[column].to_numpy(dtype=float)
    found: dict[tuple[str, str], list[float]] = {}
    for pair, value in zip(ordered, values, strict=True):
        if np.isfinite(value):
            found.setdefault((str(pair[0]), str(pair[1])), []).append(scale * float(value))
    return {pair: float(np.mean(numbers)) for pair, numbers in found.items()}
