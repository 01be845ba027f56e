"""How series look, in every figure: colours that colour-blind readers can tell apart, with marker and dash.

Six of Okabe & Ito, and for more than six series three darker ones of Tol's muted scheme, which differ from them in lightness.
Two series never differ by colour alone. Each colour has a twin that is legible on a dark page.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Style:
    """Colour, marker and dash of a series; markers and dashes by plotly's names."""

    colour: str
    marker: str
    dash: str


BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY = "#0072b2", "#d55e00", "#009e73", "#e69f00", "#cc79a7", "#56b4e9"
WINE, OLIVE, INDIGO = "#882255", "#8a8a2e", "#332288"
INK, MUTED, GRID, PAPER, DENSE_GREY = "#1b1b1f", "#5c5c66", "#e4e4e8", "#ffffff", "#6e6e78"

DARK_TWIN = {
    BLUE: "#4aa8e0", VERMILION: "#f08a4b", GREEN: "#3cc79d", ORANGE: "#f0b93a", PURPLE: "#dd9fc2", SKY: "#8fd0f5",
    WINE: "#c4588f", OLIVE: "#bfbf63", INDIGO: "#8d80e0",
    INK: "#ececf0", MUTED: "#a5a5b0", GRID: "#33333b", PAPER: "#17171b", DENSE_GREY: "#9c9ca8",
}  # fmt: skip

_COLOURS = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, WINE, OLIVE, INDIGO)
_MARKERS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "star")
_DASHES = ("solid", "dash", "dashdot", "longdash")
DENSE = Style(colour=DENSE_GREY, marker="circle", dash="dot")
BAND_OPACITY = 0.13

MATPLOTLIB_MARKER = {
    "circle": "o", "square": "s", "diamond": "D", "triangle-up": "^", "triangle-down": "v", "cross": "P", "star": "*",
}  # fmt: skip
MATPLOTLIB_DASH = {
    "solid": "-",
    "dash": (0, (5, 2)),
    "dashdot": (0, (6, 2, 1.5, 2)),
    "longdash": (0, (9, 2.5)),
    "dot": (0, (1, 1.6)),
}


def style(index: int) -> Style:
    """The look of the series at `index`; all differ up to the 252nd."""
    return Style(colour=_COLOURS[index % len(_COLOURS)], marker=_MARKERS[index % len(_MARKERS)], dash=_DASHES[index % len(_DASHES)])


def translucent(colour: str, opacity: float = BAND_OPACITY) -> str:
    """The colour as plotly's `rgba(...)`."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def dark_twins() -> dict[str, str]:
    """Every colour a figure may hold, and what to show on a dark page instead."""
    return DARK_TWIN | {translucent(light): translucent(dark, BAND_OPACITY + 0.04) for light, dark in DARK_TWIN.items()}
