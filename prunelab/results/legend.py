"""The legend of a figure on the page: one button a series, with the line and marker that the plot has.

Buttons, and not plotly's legend, so that a series can be hidden from the keyboard, that one legend serves all panels, and that
names wrap on a narrow screen.
"""

from __future__ import annotations

import dataclasses
import math

from prunelab.results.figure_parts import Figure, HeatFigure, LineFigure, capital
from prunelab.results.look import DARK_TWIN, INK, VERMILION, Style

_MIDDLE, _REACH = (17.0, 7.0), 4.2  # of a swatch of 34 x 14
_DASHARRAY = {"solid": "", "dash": "6 3", "dashdot": "7 3 2 3", "longdash": "10 3", "dot": "2 3"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """One name of a legend.

    Attributes:
        label: the series.
        colour: on a light page.
        dark: on a dark page.
        line: SVG path of its line; "" without.
        dashes: SVG's `stroke-dasharray`.
        marker: SVG path of its marker; "" without.
        open: whether the marker is an outline.
    """

    label: str
    colour: str
    dark: str
    line: str = ""
    dashes: str = ""
    marker: str = ""
    open: bool = False


def legend(figure: Figure) -> list[Entry]:
    """The entries of a figure, each name once, in the order of drawing; none for a heat map."""
    if isinstance(figure, HeatFigure):
        return []
    found: dict[str, Entry] = {}
    for panel in figure.panels:
        for line in panel.lines:
            found.setdefault(line.label, _entry(line.label, line.style, joined=line.joined, marked=line.markers))
        for reference in panel.references:
            found.setdefault(reference.label, _entry(reference.label, reference.style, joined=True, marked=False))
    return [*found.values(), *_marks(figure)]


def _entry(label: str, look: Style, *, joined: bool, marked: bool) -> Entry:
    return Entry(
        label=label, colour=look.colour, dark=DARK_TWIN.get(look.colour, look.colour), line="M1 7H33" if joined else "",
        dashes=_DASHARRAY[look.dash], marker=_marker(look.marker) if marked else "",
    )  # fmt: skip


def _marks(figure: LineFigure) -> list[Entry]:
    lines = [line for panel in figure.panels for line in panel.lines]
    found = []
    if any(any(line.ringed) for line in lines):
        found.append(Entry(label=capital(figure.ring), colour=INK, dark=DARK_TWIN[INK], marker=_circle(6.0), open=True))
    if any(any(line.flagged) for line in lines):
        cross = "M12 2L22 12M12 12L22 2"
        found.append(Entry(label=capital(figure.flag), colour=VERMILION, dark=DARK_TWIN[VERMILION], marker=cross, open=True))
    return found


def _marker(name: str) -> str:
    """The marker as an SVG path, in the shape that plotly gives it.

    Raises:
        KeyError: for a marker that no series of ours has.
    """
    x, y = _MIDDLE
    r = _REACH
    shapes = {
        "circle": _circle(r),
        "square": f"M{x - r} {y - r}h{2 * r}v{2 * r}h{-2 * r}z",
        "diamond": f"M{x} {y - 1.3 * r}L{x + 1.3 * r} {y}L{x} {y + 1.3 * r}L{x - 1.3 * r} {y}z",
        "triangle-up": f"M{x} {y - 1.2 * r}L{x + 1.2 * r} {y + r}H{x - 1.2 * r}z",
        "triangle-down": f"M{x} {y + 1.2 * r}L{x + 1.2 * r} {y - r}H{x - 1.2 * r}z",
        "cross": _plus(r),
        "star": _star(1.4 * r),
    }
    return shapes[name]


def _circle(r: float) -> str:
    x, y = _MIDDLE
    return f"M{x - r} {y}a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0 {-2 * r} 0z"


def _plus(r: float) -> str:
    x, y = _MIDDLE
    a, b = round(1.2 * r, 2), round(0.42 * r, 2)
    corners = [(-b, -a), (b, -a), (b, -b), (a, -b), (a, b), (b, b), (b, a), (-b, a), (-b, b), (-a, b), (-a, -b), (-b, -b)]
    return "M" + "L".join(f"{x + across:.2f} {y + down:.2f}" for across, down in corners) + "z"


def _star(r: float) -> str:
    x, y = _MIDDLE
    corners = [(r if turn % 2 == 0 else 0.4 * r, math.pi * (turn / 5 - 0.5)) for turn in range(10)]
    return "M" + "L".join(f"{x + reach * math.cos(angle):.2f} {y + reach * math.sin(angle):.2f}" for reach, angle in corners) + "z"
