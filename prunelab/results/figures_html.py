"""Figures for the page, by plotly: one interactive plot a panel, so that panels stack on a narrow screen.

The legend is the page's, one for all panels of a figure (`legend.py`): a trace says in `meta.groups` which of its names must be
switched on for it to be seen.
"""

from __future__ import annotations

import dataclasses
import html
import math
from collections.abc import Iterator, Sequence

import plotly.graph_objects as go

from prunelab.results.figure_parts import (
    LOG_MARKS,
    Axis,
    Figure,
    HeatFigure,
    HeatPanel,
    HeatScale,
    Line,
    LineFigure,
    Panel,
    Reference,
    capital,
)
from prunelab.results.look import GRID, INK, MUTED, PAPER, VERMILION, translucent

HEIGHT = 440
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
MOST_ANNOTATED_CELLS = 240
ROW_HEIGHT = 26


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plot:
    """One panel.

    Attributes:
        title: of the panel.
        figure: what plotly draws.
        linear: plotly's settings of the x axis once it is linear; None where that is not offered.
    """

    title: str
    figure: go.Figure
    linear: dict | None = None


def panels(figure: Figure) -> list[Plot]:
    """The plot of each panel of a figure."""
    if isinstance(figure, HeatFigure):
        return [Plot(title=panel.title, figure=_heat(figure, panel)) for panel in figure.panels]
    return [_lines(figure, panel) for panel in figure.panels]


def text(words: str) -> str:
    """Words for plotly, which reads labels as a dialect of HTML."""
    return html.escape(words).replace("\n", "<br>")


def _lines(figure: LineFigure, panel: Panel) -> Plot:
    plot = go.Figure(layout=_layout())
    places = [x for line in panel.lines for x in line.x]
    ends = (min(places), max(places)) if places else (0.0, 1.0)
    for reference in panel.references:
        plot.add_traces(list(_reference(reference, ends)))
    for line in panel.lines:
        plot.add_traces(list(_line(line, banded=line.joined and not figure.crowded)))
    plot.add_traces(list(_marks(panel.lines, figure)))
    plot.update_xaxes(**_axis(figure.x, ends))
    plot.update_yaxes(**_axis(figure.y, None), range=_range(figure))
    return Plot(title=panel.title, figure=plot, linear=_linear(figure.x, ends))


def _linear(axis: Axis, ends: tuple[float, float]) -> dict | None:
    if not axis.log or axis.linear_title is None:
        return None
    return _axis(dataclasses.replace(axis, log=False, ticks=None, title=axis.linear_title), ends)


def _range(figure: LineFigure) -> list[float] | None:
    """One range for all panels, so that heights can be compared between them, within bounds; else the plot finds its own."""
    if len(figure.panels) == 1 and not figure.y.bounds:
        return None
    ends = [y for panel in figure.panels for line in panel.lines for side in (line.y, line.low, line.high) for y in side]
    ends = [y for y in ends if math.isfinite(y)]
    room = 0.05 * (max(ends) - min(ends)) or 1.0
    low, high = min(ends) - room, max(ends) + room
    if figure.y.bounds:
        beyond = 0.02 * (figure.y.bounds[1] - figure.y.bounds[0])
        low, high = max(low, figure.y.bounds[0] - beyond), min(high, figure.y.bounds[1] + beyond)
    return [low, high]


def _layout() -> go.Layout:
    return go.Layout(
        template=go.layout.Template(),
        height=HEIGHT,
        margin={"l": 8, "r": 12, "t": 12, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT, "size": 13, "color": INK},
        showlegend=False,
        hoverlabel={"bgcolor": PAPER, "bordercolor": GRID, "font": {"family": FONT, "size": 12, "color": INK}, "align": "left"},
        hovermode="closest",
    )


def _axis(axis: Axis, ends: tuple[float, float] | None) -> dict:
    settings: dict = {
        "title": {"text": text(axis.title), "standoff": 10, "font": {"size": 13, "color": MUTED}},
        "tickfont": {"color": MUTED},
        "gridcolor": GRID,
        "linecolor": GRID,
        "zeroline": False,
        "automargin": True,
    }
    if axis.ticks is not None:
        settings |= {"tickvals": [place for place, _ in axis.ticks], "ticktext": [text(label) for _, label in axis.ticks]}
    if ends is not None:
        low, high = (math.log10(ends[0]), math.log10(ends[1])) if axis.log else ends
        room = 0.03 * (high - low) or 0.1
        span = [low - room, high + room]
        settings |= {"type": "log" if axis.log else "linear", "range": span[::-1] if axis.falling else span, "showgrid": False}
        settings |= {"ticks": "outside", "tickcolor": GRID, "showline": True}
    return settings


def _line(line: Line, *, banded: bool) -> Iterator[go.Scatter]:
    if banded:
        yield from _band(line.label, line.x, line.low, line.high, line.style.colour)
    bars = [high - y if math.isfinite(high) else 0 for y, high in zip(line.y, line.high, strict=True)]
    yield go.Scatter(
        name=text(line.label),
        meta=_belonging(line.label),
        x=line.x,
        y=line.y,
        mode="+".join(mode for mode, wanted in (("lines", line.joined), ("markers", line.markers)) if wanted),
        line={"color": line.style.colour, "width": 2, "dash": line.style.dash},
        marker={"color": line.style.colour, "symbol": line.style.marker, "size": 8, "line": {"width": 0.7, "color": PAPER}},
        error_y=None if banded else {"type": "data", "array": bars, "color": line.style.colour, "thickness": 1, "width": 0},
        text=[text(words) for words in line.hover] or None,
        hovertemplate="%{text}<extra></extra>" if line.hover else None,
        hoverinfo=None if line.hover else "skip",
    )


def _band(label: str, x: Sequence[float], low: Sequence[float], high: Sequence[float], colour: str) -> Iterator[go.Scatter]:
    """One closed outline for each stretch of points that have an interval."""
    across: list[float | None] = []
    outline: list[float | None] = []
    for start, stop in _stretches(low):
        across += [*x[start:stop], *reversed(x[start:stop]), None]
        outline += [*high[start:stop], *reversed(low[start:stop]), None]
    if across:
        yield go.Scatter(
            x=across[:-1], y=outline[:-1], fill="toself", fillcolor=translucent(colour), mode="lines", line={"width": 0},
            meta=_belonging(label), hoverinfo="skip", showlegend=False,
        )  # fmt: skip


def _stretches(values: Sequence[float]) -> Iterator[tuple[int, int]]:
    start = None
    for index, value in enumerate([*values, math.nan]):
        if math.isfinite(value) and start is None:
            start = index
        elif not math.isfinite(value) and start is not None:
            yield start, index
            start = None


def _reference(reference: Reference, ends: tuple[float, float]) -> Iterator[go.Scatter]:
    yield from _band(reference.label, ends, (reference.low,) * 2, (reference.high,) * 2, reference.style.colour)
    yield go.Scatter(
        name=text(reference.label), meta=_belonging(reference.label), x=ends, y=(reference.y,) * 2, mode="lines",
        line={"color": reference.style.colour, "width": 1.8, "dash": reference.style.dash},
        hovertemplate=f"{text(reference.label)}<br>%{{y:.4g}}<extra></extra>",
    )  # fmt: skip


def _marks(lines: Sequence[Line], figure: LineFigure) -> Iterator[go.Scatter]:
    looks = (
        ("ringed", figure.ring, {"symbol": "circle-open", "size": 15, "color": INK, "line": {"width": 1.6, "color": INK}}),
        ("flagged", figure.flag, {"symbol": "x-thin", "size": 12, "line": {"width": 2.4, "color": VERMILION}}),
    )
    for attribute, label, marker in looks:
        for line in lines:
            on = getattr(line, attribute)
            marked = [(x, y) for x, y, here in zip(line.x, line.y, on, strict=True) if here] if on else []
            if marked:
                yield go.Scatter(
                    x=[x for x, _ in marked], y=[y for _, y in marked], mode="markers", marker=marker, name=text(capital(label)),
                    meta=_belonging(line.label, capital(label)), hoverinfo="skip",
                )  # fmt: skip


def _belonging(*names: str) -> dict:
    return {"groups": list(names)}


def _heat(figure: HeatFigure, panel: HeatPanel) -> go.Figure:
    colours, bottom, top, marks, form = _on_log_scale(panel) if figure.scale is None else _on_scale(figure.scale, panel)
    said = [[form.format(cell) if math.isfinite(cell) else "" for cell in row] for row in panel.values]
    annotated = len(panel.rows) * len(panel.columns) <= MOST_ANNOTATED_CELLS
    hover = "%{customdata}" if panel.hover else "%{y}<br>%{x} % of the network left<br>%{text} % of this tensor left"
    spoken = [[text(words) for words in row] for row in panel.hover] or None
    plot = go.Figure(layout=_layout())
    plot.add_trace(
        go.Heatmap(
            x=[text(column) for column in panel.columns], y=[text(row) for row in panel.rows], z=colours, zmin=bottom, zmax=top,
            text=said, texttemplate="%{text}" if annotated else None, customdata=spoken,
            textfont={"size": 11}, colorscale="RdBu" if figure.scale and figure.scale.diverging else "Viridis", xgap=1, ygap=1,
            hoverongaps=False, hovertemplate=f"{hover}<extra></extra>",
            colorbar={
                "title": {"text": text(figure.scale_title), "side": "top", "font": {"size": 12, "color": MUTED}}, "thickness": 10,
                "tickvals": [place for place, _ in marks], "ticktext": [label for _, label in marks],
                "tickfont": {"color": MUTED}, "outlinewidth": 0, "x": 1.01, "xpad": 4,
            },
        )
    )  # fmt: skip
    plot.update_layout(height=max(220, 120 + ROW_HEIGHT * len(panel.rows)))
    plot.update_xaxes(**_axis(Axis(title=figure.x_title), None) | {"type": "category", "showgrid": False})
    plot.update_yaxes(
        **_axis(Axis(title=figure.y_title), None) | {"type": "category", "autorange": "reversed", "showgrid": False, "ticks": ""}
    )
    return plot


_Scaled = tuple[list[list[float | None]], float, float, list[tuple[float, str]], str]


def _on_log_scale(panel: HeatPanel) -> _Scaled:
    """Colour is the logarithm of the density: from 100 to 50 per cent counts as much as from 10 to 5."""
    floor = min((cell for row in panel.values for cell in row if cell > 0), default=1.0)
    bottom = min(math.log10(floor), 1.0)
    colours: list[list[float | None]] = [[math.log10(cell) if cell > 0 else bottom for cell in row] for row in panel.values]
    marks = [(math.log10(place), f"{place:g}") for place in LOG_MARKS if math.log10(place) >= bottom]
    return colours, bottom, 2.0, marks, "{:.3g}"


def _on_scale(scale: HeatScale, panel: HeatPanel) -> _Scaled:
    cells = [[cell if math.isfinite(cell) else None for cell in row] for row in panel.values]
    return cells, scale.low, scale.high, [(place, f"{place:g}") for place in scale.ticks], f"{{:{scale.form}}}"
