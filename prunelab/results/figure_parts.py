"""What a figure shows, apart from any plotting library: both the page and the paper are drawn from it."""

from __future__ import annotations

import dataclasses

from prunelab.results.look import DENSE, Style

MOST_BANDS = 5
LOG_MARKS = (100, 50, 20, 10, 5, 2, 1, 0.1, 0.01)  # per cent, beside the colours of a heat map


def capital(words: str) -> str:
    """The words with a capital at the beginning."""
    return words[:1].upper() + words[1:]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Axis:
    """One axis.

    Attributes:
        title: quantity and unit.
        log: logarithmic.
        falling: values decrease along the axis, as weights left do from left to right.
        ticks: places and their labels; None leaves them to the library.
        bounds: values that cannot be passed, so that an interval is not drawn beyond them; None if there are none.
        linear_title: of a logarithmic axis, its title once the reader of the page makes it linear; None if that is not offered.
    """

    title: str
    log: bool = False
    falling: bool = False
    ticks: tuple[tuple[float, str], ...] | None = None
    bounds: tuple[float, float] | None = None
    linear_title: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Line:
    """A series: points in the order they are joined.

    Attributes:
        label: its name in the legend.
        x: places along the x axis.
        y: means.
        low: lower ends of the intervals; NaN where there is none.
        high: upper ends, likewise.
        style: how it looks.
        hover: what is said of each point.
        flagged: points to mark with a cross, because a run behind them diverged.
        ringed: points to mark with a ring, because they are on the front.
        joined: whether a line joins the points.
        markers: whether points are marked.
    """

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    style: Style
    hover: tuple[str, ...] = ()
    flagged: tuple[bool, ...] = ()
    ringed: tuple[bool, ...] = ()
    joined: bool = True
    markers: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reference:
    """A horizontal line across a panel with its interval, such as the dense network's."""

    label: str
    y: float
    low: float
    high: float
    style: Style = DENSE


@dataclasses.dataclass(frozen=True, kw_only=True)
class Panel:
    """One pair of axes."""

    title: str
    lines: tuple[Line, ...]
    references: tuple[Reference, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class LineFigure:
    """Panels that share their axes' meaning.

    Attributes:
        key: file name and anchor.
        title: heading.
        caption: what is seen and how it was computed.
        alternative: what is seen, for a reader who does not see it.
        x: the x axis.
        y: the y axis.
        panels: at least one.
        flag: what a crossed point means.
        ring: what a ringed point means.
        group: heading of the figures that the page shows one at a time; "" for a figure that stands alone.
        choice: what the figure is called among these.
    """

    key: str
    title: str
    caption: str
    alternative: str
    x: Axis
    y: Axis
    panels: tuple[Panel, ...]
    flag: str = "a run diverged"
    ring: str = "on the front"
    group: str = ""
    choice: str = ""

    @property
    def crowded(self) -> bool:
        """Whether bands would hide each other, so that intervals are drawn as bars in all panels."""
        return any(len({line.label for line in panel.lines}) > MOST_BANDS for panel in self.panels)


@dataclasses.dataclass(frozen=True, kw_only=True)
class HeatScale:
    """A linear scale of colours.

    Attributes:
        low: value of the first colour.
        high: value of the last.
        ticks: values to name beside it.
        diverging: two colours that part at the middle, for values with a sign.
        form: how a value is written, as Python's format does.
    """

    low: float
    high: float
    ticks: tuple[float, ...]
    diverging: bool = False
    form: str = ".3g"


@dataclasses.dataclass(frozen=True, kw_only=True)
class HeatPanel:
    """A matrix: `values[row][column]`, NaN where there is none.

    Attributes:
        title: heading; "" for none.
        rows: names of the rows.
        columns: names of the columns.
        values: percentages left of a tensor, or what the figure's scale says.
        hover: what is said of each cell, in the shape of the values; () for what the densities of layers need.
    """

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    hover: tuple[tuple[str, ...], ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class HeatFigure:
    """Heat maps one below the other, with one colour scale; see `LineFigure` for the other fields.

    Attributes:
        scale: of the colours; None for percentages on a logarithmic one.
    """

    key: str
    title: str
    caption: str
    alternative: str
    x_title: str
    y_title: str
    scale_title: str
    panels: tuple[HeatPanel, ...]
    group: str = ""
    scale: HeatScale | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Exemplar:
    """One example of a gallery, and what networks make of it.

    Attributes:
        index: its number in the test set.
        picture: the image as a data URI; "" if it is none.
        words: the text; "" if it is none.
        label: its class.
        dense: what dense networks predict, in words.
        pruned: what pruned networks predict.
    """

    index: int
    picture: str
    words: str
    label: int
    dense: str
    pruned: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class GalleryPanel:
    """Examples side by side."""

    title: str
    exemplars: tuple[Exemplar, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Gallery:
    """Test examples with their label and what networks predict; see `LineFigure` for the fields."""

    key: str
    title: str
    caption: str
    alternative: str
    panels: tuple[GalleryPanel, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Absent:
    """A figure that cannot be drawn, and why."""

    key: str
    title: str
    reason: str


Figure = LineFigure | HeatFigure
