"""The figures that are not over sparsity: layer densities and loss barriers."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from prunelab.results import curves
from prunelab.results.figure_parts import Absent, Axis, HeatFigure, HeatPanel, Line, LineFigure, Panel, Reference, capital
from prunelab.results.look import style
from prunelab.results.methods import Place, places
from prunelab.results.units import FRACTION, percent, significant

MOST_HEAT_PANELS = 10
MOST_LINES = 6
STABLE_BELOW = 0.02


def layers_figure(frame: pd.DataFrame) -> HeatFigure | Absent:
    """Density of each prunable tensor at each level."""
    key, title = "layers", "Layer-wise density"
    matrices = {method: matrix for method, matrix in curves.layer_density(frame).items() if matrix.shape[1] > 1}
    if not matrices:
        return Absent(key=key, title=title, reason="No pruned network recorded the density of its layers.")
    matrices = _distinct(matrices, places(frame))
    shown = list(matrices.items())[:MOST_HEAT_PANELS]
    panels = tuple(_heat_panel(method, matrix) for method, matrix in shown)
    caption = "Weights left in each prunable tensor, in per cent, averaged over seeds; tensors in order of the network."
    if len(matrices) > len(shown):
        caption += f" The first {len(shown)} of {len(matrices)} methods are shown."
    tensors = ", ".join(panels[0].rows[:12]) + (" and more" if len(panels[0].rows) > 12 else "")
    return HeatFigure(
        key=key, title=title, caption=caption, alternative=f"Heat map of the density of {tensors} at each level of pruning.",
        x_title="Weights left in the whole network (%)", y_title="", scale_title="Left (%)", panels=panels,
    )  # fmt: skip


def _distinct(matrices: dict[str, pd.DataFrame], where: dict[str, Place]) -> dict[str, pd.DataFrame]:
    """Methods whose masks leave as much of each tensor, as where only the retraining differs, are shown once."""
    kept: dict[str, pd.DataFrame] = {}
    for method in [method for method in where if method in matrices]:
        alike = [name for name in kept if where[name].line == where[method].line]
        if not any(np.allclose(kept[name], matrices[method]) for name in alike if kept[name].shape == matrices[method].shape):
            kept[method] = matrices[method]
    lines = [where[method].line for method in kept]
    return {line if lines.count(line) == 1 else method: kept[method] for line, method in zip(lines, kept, strict=True)}


def _heat_panel(method: str, matrix: pd.DataFrame) -> HeatPanel:
    density = matrix.attrs["density"]
    columns = [significant(100 * density[level]) for level in matrix.columns]
    if len(set(columns)) < len(columns):
        columns = [f"{text} (level {level})" for text, level in zip(columns, matrix.columns, strict=True)]
    values = tuple(tuple(float(100 * cell) for cell in row) for row in matrix.to_numpy())
    return HeatPanel(title=method, rows=tuple(map(str, matrix.index)), columns=tuple(columns), values=values)


def barrier_figure(frame: pd.DataFrame) -> LineFigure | Absent:
    """Error barrier against rewind step."""
    key, title = "barrier", "Error barrier against rewind step"
    found = curves.barrier(frame)
    if found.empty:
        return Absent(key=key, title=title, reason="No instability analysis was recorded (kind 'barrier').")
    steps = sorted(found["rewind_step"].unique())
    place = {step: index for index, step in enumerate(steps)}
    groups = list(found.groupby(["method", "level"], sort=False))
    lines = tuple(
        _interval_line(
            _network_name(str(key_[0]), rows),  # pyright: ignore[reportIndexIssue]
            [float(place[step]) for step in rows["rewind_step"]],
            rows,
            index,
            [f"{_network_name('', rows)}, step {row.rewind_step}\n{FRACTION.value(row.mean)}" for row in rows.itertuples()],
        )
        for index, (key_, rows) in enumerate(_spread(groups))
    )
    stable = Reference(label="Stable below 2 %", y=100 * STABLE_BELOW, low=math.nan, high=math.nan)
    caption = (
        "Rise of the test error on the straight line between two networks trained from the same weights with different data "
        "orders (Frankle et al. 2020). Rewind steps are evenly spaced, not to scale."
    )
    if len(groups) > MOST_LINES:
        caption += f" {MOST_LINES} of {len(groups)} series are shown."
    return LineFigure(
        key=key, title=title, caption=caption,
        alternative=f"Error barrier at rewind steps {', '.join(map(str, steps))} for {', '.join(line.label for line in lines)}.",
        x=Axis(title="Rewind step", ticks=tuple((float(index), f"{step:,}") for step, index in place.items())),
        y=Axis(title="Error barrier (points)"), panels=(Panel(title="", lines=lines, references=(stable,)),),
    )  # fmt: skip


def interpolation_figure(frame: pd.DataFrame) -> LineFigure | Absent:
    """Test error between two children, a panel a network and a line a rewind step."""
    key, title = "interpolation", "Error along the interpolation"
    found = curves.interpolation(frame)
    if found.empty:
        return Absent(key=key, title=title, reason="No interpolation between two children was recorded.")
    panels, steps = [], sorted(found["rewind_step"].unique())  # a step looks alike in all panels
    for (method, _), rows in _spread(list(found.groupby(["method", "level"], sort=False))):  # pyright: ignore[reportGeneralTypeIssues]
        groups = _spread(list(rows.groupby("rewind_step")))
        lines = [
            _interval_line(
                f"Rewound to {step}", list(points["alpha"]), points, steps.index(step),
                [f"alpha {row.alpha:.2f}\n{FRACTION.value(row.mean)}" for row in points.itertuples()],  # pyright: ignore
            )
            for step, points in groups
        ]  # fmt: skip
        panels.append(Panel(title=_network_name(str(method), rows), lines=tuple(lines)))
    return LineFigure(
        key=key, title=title, caption="Test error of the weighted mean of two children's weights, averaged over seeds.",
        alternative=f"Curves of test error along the interpolation for {', '.join(panel.title for panel in panels)}.",
        x=Axis(title="Interpolation (0: first child, 1: second)"), y=Axis(title="Test error (%)"), panels=tuple(panels),
    )  # fmt: skip


def _network_name(method: str, rows: pd.DataFrame) -> str:
    first = rows.iloc[0]
    size = "dense" if first["level"] == 0 else f"{percent(first['density'])} left"
    return f"{method}, {size}" if method else capital(size)


def _spread(groups: list) -> list:
    """At most `MOST_LINES` of the groups, first and last among them."""
    if len(groups) <= MOST_LINES:
        return groups
    return [groups[int(index)] for index in np.linspace(0, len(groups) - 1, MOST_LINES).round()]


def _interval_line(label: str, x: list[float], rows: pd.DataFrame, index: int, said: list[str]) -> Line:
    return Line(
        label=label, x=tuple(x), y=tuple(100 * rows["mean"]), low=tuple(100 * rows["low"]), high=tuple(100 * rows["high"]),
        style=style(index), hover=tuple(f"{label}\n{text}" for text in said), markers=len(rows) <= 12,
    )  # fmt: skip
