"""Figures for papers, by matplotlib: PNG, SVG and PDF whose bytes depend on the data alone."""

from __future__ import annotations

import math
import textwrap
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from fontTools import subset
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure as Canvas
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D

from prunelab.results.figure_parts import LOG_MARKS, Axis, Figure, HeatFigure, HeatPanel, HeatScale, Line, LineFigure, Panel, capital
from prunelab.results.look import (
    BAND_OPACITY,
    INK,
    MATPLOTLIB_DASH,
    MATPLOTLIB_MARKER,
    MUTED,
    VERMILION,
    Style,
)
from prunelab.results.paper_styles import DEFAULT, FORMATS, STYLES, PaperStyle

DOTS_PER_INCH = 200
_fonts = threading.Lock()  # of what matplotlib embeds fonts with, which is one for all threads
_RING, _CROSS = 2.1, 1.75  # times the size of a marker


def save(figure: Figure, directory: Path, style: PaperStyle = STYLES[DEFAULT], prefix: str = "") -> list[Path]:
    """Draw a figure and write `KEY.png`, `KEY.svg` and `KEY.pdf`, after a prefix, into a folder."""
    paths = [Path(directory) / f"{prefix}{figure.key}.{extension}" for extension in FORMATS]
    with mpl.rc_context(dict(style.settings)):  # pyright: ignore[reportArgumentType]
        canvas = draw(figure, style)
        # `savefig` would settle the layout anew for each format, by drawing everything once more.
        canvas.get_layout_engine().execute(canvas)  # pyright: ignore[reportOptionalMemberAccess]
        canvas.set_layout_engine("none")
        for path, write in zip(paths, (_write_png, _write_svg, _write_pdf), strict=True):
            canvas.set_dpi(DOTS_PER_INCH)  # the writers of SVG and PDF leave it at 72
            write(canvas, path)
    return paths


def _write_png(canvas: Canvas, path: Path) -> None:
    FigureCanvasAgg(canvas).print_png(path, metadata={"Software": None})


def _write_svg(canvas: Canvas, path: Path) -> None:
    FigureCanvasSVG(canvas).print_svg(path, metadata={"Date": None})


def _write_pdf(canvas: Canvas, path: Path) -> None:
    with _fonts:
        before, subset.Options = subset.Options, _PlacedGlyphs
        try:
            FigureCanvasPdf(canvas).print_pdf(path, metadata={"CreationDate": None, "ModDate": None})
        finally:
            subset.Options = before


class _PlacedGlyphs(subset.Options):
    """Fonts for glyphs that are in their places, as in a PDF: without the tables that say which go together, and where.

    Matplotlib would carry them into each file, for half of the time that writing it takes.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.drop_tables = [*self.drop_tables, "GDEF", "GPOS", "GSUB", "kern"]


def draw(figure: Figure, style: PaperStyle = STYLES[DEFAULT]) -> Canvas:
    """The matplotlib figure; in `matplotlib.rc_context(style.settings)` it looks as saved."""
    return _draw_heat(figure, style) if isinstance(figure, HeatFigure) else _draw_lines(figure, style)


def literal(words: str) -> str:
    """Words for matplotlib, which reads dollar signs as mathematics and hides labels that start with an underscore."""
    escaped = words.replace("\\", "\N{REVERSE SOLIDUS}").replace("$", r"\$")
    return f" {escaped}" if escaped.startswith("_") else escaped


def _draw_lines(figure: LineFigure, style: PaperStyle) -> Canvas:
    columns = style.across(len(figure.panels))
    rows = math.ceil(len(figure.panels) / columns)
    several = len(figure.panels) > 1
    canvas = Canvas(figsize=(style.width, style.height), layout="constrained")
    grid = canvas.subplots(rows, columns, squeeze=False, sharey=several)
    entries: dict[str, object] = {}
    for axes, panel in zip(grid.flat, figure.panels, strict=False):
        _draw_panel(axes, figure, panel, entries)
    if figure.y.bounds:  # once all panels, which share it, have stretched the axis
        low, high = grid.flat[0].get_ylim()
        room = 0.02 * (figure.y.bounds[1] - figure.y.bounds[0])
        grid.flat[0].set_ylim(max(low, figure.y.bounds[0] - room), min(high, figure.y.bounds[1] + room))
    for axes in list(grid.flat)[len(figure.panels) :]:
        axes.set_axis_off()
    _label(canvas, list(grid.flat)[: len(figure.panels)], figure, style, columns)
    longest = max((len(label) for label in entries), default=1)
    across = max(1, min(len(entries), 4, style.letters(style.width, "legend.fontsize") // (longest + 9)))
    if several:
        names = 1.6 * math.ceil(len(entries) / across) * FontProperties(size=mpl.rcParams["legend.fontsize"]).get_size_in_points() / 72
        canvas.set_figheight(max(style.least_height, 0.2 + names + rows * style.row_height))
    canvas.legend(list(entries.values()), list(entries), loc="outside upper left", ncols=across, borderaxespad=0.2)  # pyright: ignore
    return canvas


def _label(canvas: Canvas, drawn: Sequence[Axes], figure: LineFigure, style: PaperStyle, columns: int) -> None:
    """Titles of axes and panels, where there is room for them: one for all panels where each has too little."""
    size = {"size": mpl.rcParams["axes.labelsize"], "color": mpl.rcParams["axes.labelcolor"]}
    width = style.width / columns - 0.3
    alike = len({axes.get_xlim() for axes in drawn}) == 1
    one_x = columns > 1 and len(figure.x.title) > 0.8 * style.letters(width, "axes.labelsize")
    one_y = len(drawn) > columns and len(figure.y.title) > 0.8 * style.letters(style.row_height - 0.4, "axes.labelsize")
    if one_x:
        canvas.supxlabel(literal(figure.x.title), **size)
    if one_y:
        canvas.supylabel(literal(figure.y.title), **size)
    for index, (axes, panel) in enumerate(zip(drawn, figure.panels, strict=True)):
        lowest = index >= len(drawn) - columns
        if index % columns == 0 and not one_y:
            axes.set_ylabel(literal(figure.y.title))
        if lowest and not one_x:
            axes.set_xlabel(literal(figure.x.title))
        axes.tick_params(axis="x", labelbottom=lowest or not alike)
        if panel.title:
            lines = textwrap.wrap(panel.title, max(8, style.letters(width, "axes.titlesize")), break_on_hyphens=False)
            axes.set_title("\n".join(map(literal, lines)), loc="left", color=INK, y=1.0)


def _draw_panel(axes: Axes, figure: LineFigure, panel: Panel, entries: dict[str, object]) -> None:
    for reference in panel.references:
        look = reference.style
        if math.isfinite(reference.low):
            axes.axhspan(reference.low, reference.high, color=look.colour, alpha=BAND_OPACITY, linewidth=0)
        axes.axhline(reference.y, color=look.colour, linestyle=MATPLOTLIB_DASH[look.dash], linewidth=0.86 * _line_width())
        entries.setdefault(literal(reference.label), _handle(look, marker=False, joined=True))
    for line in panel.lines:
        _draw_line(axes, line, banded=line.joined and not figure.crowded)
        entries.setdefault(literal(line.label), _handle(line.style, marker=line.markers, joined=line.joined))
    _draw_marks(axes, figure, panel.lines, entries)
    places = [x for line in panel.lines for x in line.x]
    _set_x(axes, figure.x, (min(places), max(places)) if places else (0.0, 1.0))


def _line_width() -> float:
    return float(mpl.rcParams["lines.linewidth"])


def _marker_size() -> float:
    return float(mpl.rcParams["lines.markersize"])


def _handle(look: Style, *, marker: bool, joined: bool) -> Line2D:
    return Line2D(
        [], [], color=look.colour, linestyle=MATPLOTLIB_DASH[look.dash] if joined else "none",
        marker=MATPLOTLIB_MARKER[look.marker] if marker else "none",
    )  # fmt: skip


def _draw_line(axes: Axes, line: Line, *, banded: bool) -> None:
    x, y, low, high = (np.asarray(values, dtype=float) for values in (line.x, line.y, line.low, line.high))
    look = line.style
    if banded:
        axes.fill_between(x, low, high, color=look.colour, alpha=BAND_OPACITY, linewidth=0)
    else:
        known = np.isfinite(high)
        axes.errorbar(
            x[known], y[known], yerr=high[known] - y[known], fmt="none", ecolor=look.colour, elinewidth=_line_width() / 2, alpha=0.6
        )
    axes.plot(
        x, y, color=look.colour, linestyle=MATPLOTLIB_DASH[look.dash] if line.joined else "none",
        marker=MATPLOTLIB_MARKER[look.marker] if line.markers else "none", markeredgecolor="white", markeredgewidth=0.1 * _marker_size(),
    )  # fmt: skip


def _draw_marks(axes: Axes, figure: LineFigure, lines: Sequence[Line], entries: dict[str, object]) -> None:
    size, width = _marker_size(), _line_width()
    looks = (
        ("ringed", figure.ring, {"marker": "o", "markersize": _RING * size, "markerfacecolor": "none", "markeredgecolor": INK}),
        (
            "flagged",
            figure.flag,
            {"marker": "x", "markersize": _CROSS * size, "markeredgecolor": VERMILION, "markeredgewidth": 1.1 * width},
        ),
    )
    for attribute, label, look in looks:
        for line in lines:
            on = np.asarray(getattr(line, attribute) or (False,) * len(line.x), dtype=bool)
            if on.any():
                axes.plot(np.asarray(line.x)[on], np.asarray(line.y)[on], linestyle="none", **look)  # pyright: ignore
                entries.setdefault(literal(capital(label)), Line2D([], [], linestyle="none", **look))  # pyright: ignore


def _set_x(axes: Axes, axis: Axis, ends: tuple[float, float]) -> None:
    low, high = ends
    if axis.log:
        axes.set_xscale("log")
        axes.minorticks_off()
        room = (high / low) ** 0.03 if high > low else 1.1
        low, high = low / room, high * room
    else:
        room = 0.03 * (high - low) or 0.1
        low, high = low - room, high + room
    if axis.ticks is not None:
        axes.set_xticks([place for place, _ in axis.ticks], [literal(label) for _, label in axis.ticks])
    axes.set_xlim(*((high, low) if axis.falling else (low, high)))


def _draw_heat(figure: HeatFigure, style: PaperStyle) -> Canvas:
    line = FontProperties(size=mpl.rcParams["ytick.labelsize"]).get_size_in_points() / 72
    tallest = [line * max(8, 3.6 + 2 * len(panel.rows)) for panel in figure.panels]
    canvas = Canvas(figsize=(style.width, 5.4 * line + sum(tallest)), layout="constrained")
    grid = canvas.subplots(len(figure.panels), 1, squeeze=False, height_ratios=tallest)
    norm, marks = _scale_of(figure)
    image = None
    for axes, panel, below in zip(grid.flat, figure.panels, [*figure.panels[1:], None], strict=True):
        image = _draw_heat_panel(axes, panel, norm, figure.scale, most=max(4, int(style.width / (4.1 * line))))
        axes.tick_params(axis="x", labelbottom=below is None or below.columns != panel.columns)
    list(grid.flat)[-1].set_xlabel(literal(figure.x_title))
    assert image is not None
    bar = canvas.colorbar(image, ax=grid, aspect=30, pad=0.015, fraction=0.04)
    bar.set_ticks(marks, labels=[f"{mark:g}" for mark in marks])
    bar.ax.minorticks_off()
    bar.set_label(literal(figure.scale_title), color=MUTED)
    bar.outline.set_visible(False)  # pyright: ignore
    return canvas


def _scale_of(figure: HeatFigure) -> tuple[Normalize, list[float]]:
    """What colours mean, and which values are named beside them."""
    if figure.scale is not None:
        return Normalize(vmin=figure.scale.low, vmax=figure.scale.high), list(figure.scale.ticks)
    lowest = min([*(cell for panel in figure.panels for row in panel.values for cell in row if cell > 0), 10.0])
    return LogNorm(vmin=lowest, vmax=100), [mark for mark in LOG_MARKS if mark >= lowest]


def _draw_heat_panel(axes: Axes, panel: HeatPanel, norm: Normalize, scale: HeatScale | None, *, most: int):
    matrix = np.asarray(panel.values, dtype=float)
    shown = matrix if scale else np.where(matrix > 0, matrix, norm.vmin)  # pyright: ignore
    colours = "RdBu" if scale and scale.diverging else "viridis"
    image = axes.imshow(shown, aspect="auto", cmap=colours, norm=norm, interpolation="nearest")
    axes.set_yticks(range(len(panel.rows)), [literal(row) for row in panel.rows])
    every = math.ceil(len(panel.columns) / most)
    axes.set_xticks(range(0, len(panel.columns), every), [literal(column) for column in panel.columns[::every]])
    if max(map(len, panel.columns)) > 5:
        axes.tick_params(axis="x", rotation=90)
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if panel.title:
        axes.set_title(literal(panel.title), loc="left", y=1.0)
    if matrix.size <= 240 and matrix.shape[1] <= 1.5 * most:
        for (row, column), cell in np.ndenumerate(matrix):
            if math.isfinite(cell):
                place = float(norm(max(cell, norm.vmin)))  # pyright: ignore
                light = 0.2 < place < 0.8 if scale and scale.diverging else place > 0.55
                said = format(cell, scale.form) if scale else f"{cell:.2g}" if cell < 99.5 else "100"
                size, shade = 0.7 * float(mpl.rcParams["font.size"]), "black" if light else "white"
                axes.text(column, row, said, ha="center", va="center", fontsize=size, color=shade)
    return image
