"""How series look, in every figure: colours that colour-blind readers can tell apart, with marker and dash.

Chosen by search: on their page lines have a contrast of 3 to 1 or more (WCAG 2.2, 1.4.11), and any two of the first six are 17 apart
or more by CIEDE2000 also to readers with protanopia, deuteranopia and tritanopia (as Machado et al. 2009 simulate them), any two of
all nine 14. Of Okabe & Ito's, orange and sky blue are too pale for lines on white, and pairs come as near as 11. Two series never
differ by colour alone. Each colour has a twin for a dark page.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Style:
    """Colour, marker and dash of a series; markers and dashes by plotly's names."""

    colour: str
    marker: str
    dash: str


NAVY, VERMILION, GREEN, BROWN, MAUVE, AZURE = "#11346b", "#d55e00", "#1a7662", "#4e3e00", "#b2869f", "#008afc"
WINE, SAGE, VIOLET = "#6b0d34", "#819466", "#7d2fc5"
INK, MUTED, GRID, PAPER, DENSE_GREY = "#1b1b1f", "#5c5c66", "#e4e4e8", "#ffffff", "#6e6e78"

DARK_TWIN = {
    NAVY: "#28a0ff", VERMILION: "#c43b09", GREEN: "#05885f", BROWN: "#e4971f", MAUVE: "#ac91a7", AZURE: "#c1edfd",
    WINE: "#9f4e87", SAGE: "#f1ea8b", VIOLET: "#435fee",
    INK: "#ececf0", MUTED: "#a5a5b0", GRID: "#33333b", PAPER: "#17171b", DENSE_GREY: "#9c9ca8",
}  # fmt: skip

SERIES = (NAVY, VERMILION, GREEN, BROWN, MAUVE, AZURE, WINE, SAGE, VIOLET)
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
    return Style(colour=SERIES[index % len(SERIES)], marker=_MARKERS[index % len(_MARKERS)], dash=_DASHES[index % len(_DASHES)])


def translucent(colour: str, opacity: float = BAND_OPACITY) -> str:
    """The colour as plotly's `rgba(...)`."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def dark_twins() -> dict[str, str]:
    """Every colour a figure may hold, and what to show on a dark page instead."""
    return DARK_TWIN | {translucent(light): translucent(dark, BAND_OPACITY + 0.04) for light, dark in DARK_TWIN.items()}
