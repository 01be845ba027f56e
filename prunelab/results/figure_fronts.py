"""Accuracy against what a network costs, with the networks that no other beats: Pareto fronts."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from prunelab.results import curves
from prunelab.results.figure_lines import PERCENT, hover, log_ticks
from prunelab.results.figure_parts import Absent, Axis, Line, LineFigure, Panel
from prunelab.results.look import style
from prunelab.results.methods import control_name, own_name, places
from prunelab.results.pareto import non_dominated
from prunelab.results.units import FRACTION

_LOG_FROM = 4.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Gain:
    """What is gained by pruning: more is better.

    Attributes:
        column: of a record.
        name: of the gain, for the hover.
        lacking: of networks without it, for the caption.
    """

    key: str
    title: str
    column: str
    axis: str
    name: str
    lacking: str
    absent: str
    words: str


_COMPRESSION = _Gain(
    key="pareto",
    title="Compression against accuracy",
    column="compression_ratio",
    axis="Compression ratio",
    name="compression",
    lacking="Recorded without a compression ratio",
    absent="No pruned network has both a compression ratio and a test accuracy.",
    words="no other network of the panel is at least as small and as accurate, and better in one",
)
_SPEED = _Gain(
    key="latency",
    title="Measured speed against accuracy",
    column="measured_speedup",
    axis="Dense latency / latency, measured in turns",
    name="speed-up",
    lacking="Not timed",
    absent="No pruned network was timed; measure=latency times them.",
    words="no other network of the panel is at least as fast and as accurate, and better in one",
)


def pareto_figure(frame: pd.DataFrame) -> LineFigure | Absent:
    """Accuracy against compression ratio with the non-dominated points ringed."""
    return _front(frame, _COMPRESSION)


def latency_figure(frame: pd.DataFrame) -> LineFigure | Absent:
    """Accuracy against measured speed-up with the non-dominated points ringed."""
    return _front(frame, _SPEED)


def _front(frame: pd.DataFrame, gain: _Gain) -> LineFigure | Absent:
    found = curves.accuracy(frame)
    lacking = found[found[gain.column].isna()]
    found = found[np.isfinite(found[gain.column])]
    if not (found["level"] > 0).any():
        return Absent(key=gain.key, title=gain.title, reason=gain.absent)
    if found["method"].nunique() > 1 and (found["control"] == "none").any():
        found = found[found["control"] == "none"]
    panels, fronts = _panels(frame, found, gain)
    names = [control_name(control).lower() for control in dict.fromkeys(lacking["control"])]
    low, high = found[gain.column].min(), found[gain.column].max()
    best = pd.concat(fronts).drop_duplicates([gain.column, "mean"])
    caption = f"Ringed points are not dominated: {gain.words}. The front is that of the means over seeds; bars are 95 % intervals."
    if names:
        caption += f" {gain.lacking}, so not shown: {', '.join(names)}."
    return LineFigure(
        key=gain.key, title=gain.title, caption=caption,
        alternative=f"Accuracy against {gain.name}; {len(best)} points from {best[gain.column].min():.3g} to "
        f"{best[gain.column].max():.3g} times are on the front.",
        x=_axis(gain, max(low, 1e-9), high),
        y=Axis(title="Test accuracy (%)", bounds=PERCENT), panels=panels, ring="Not dominated",
    )  # fmt: skip


def _axis(gain: _Gain, low: float, high: float) -> Axis:
    """Logarithmic where the gain spans enough for it; within a few times a logarithmic axis has one tick."""
    if high / low < _LOG_FROM:
        return Axis(title=gain.axis)
    return Axis(title=f"{gain.axis} (log scale)", log=True, ticks=log_ticks(low, high))


def _panels(frame: pd.DataFrame, found: pd.DataFrame, gain: _Gain) -> tuple[tuple[Panel, ...], list[pd.DataFrame]]:
    """The panels, and the points on the front of each."""
    where = places(frame)
    names = list(dict.fromkeys(place.line for place in where.values()))
    panels, fronts = [], []
    for title in dict.fromkeys(place.panel for place in where.values()):
        here = found[[where[method].panel == title for method in found["method"]]]
        if not (here["level"] > 0).any():
            continue
        front = pd.Series(non_dominated(here[[gain.column, "mean"]]), index=here.index)
        fronts.append(here[front])
        lines = []
        for index, ((method, control), rows) in enumerate(here.groupby(["method", "control"], sort=False)):  # pyright: ignore
            own = own_name(frame) if control == "none" else control_name(str(control))
            label, look = (where[str(method)].line, names.index(where[str(method)].line)) if len(where) > 1 else (own, index)
            lines.append(_line(label, rows, front, look, gain))
        panels.append(Panel(title=title[:1].upper() + title[1:], lines=tuple(sorted(lines, key=_name) if len(where) > 1 else lines)))
    return tuple(panels), fronts


def _name(line: Line) -> str:
    return line.label


def _line(label: str, rows: pd.DataFrame, front: pd.Series, look: int, gain: _Gain) -> Line:
    return Line(
        label=label, x=tuple(rows[gain.column]), y=tuple(100 * rows["mean"]), low=tuple(100 * rows["low"]),
        high=tuple(100 * rows["high"]), style=style(look), joined=False, ringed=tuple(front[rows.index]),
        hover=tuple(
            hover(label, row, FRACTION) + f"\n{gain.name} {row[gain.column]:.3g}" for row in rows.to_dict("records")
        ),
    )  # fmt: skip
