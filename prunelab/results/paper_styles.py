"""How large figures for papers are, and their fonts and lines: for a page, a column of it, slides, or by a style file of matplotlib."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prunelab.basics.choices import nearest, unknown
from prunelab.results.look import GRID, INK, MUTED

FORMATS: tuple[str, ...] = ("png", "svg", "pdf")  # of each figure
FILE_ENDING = ".mplstyle"
_LETTERS_AN_EM = 1.7
_SIZES = ("font.size", "axes.titlesize", "axes.labelsize")
_SMALL_SIZES = ("legend.fontsize", "xtick.labelsize", "ytick.labelsize")
_COMMON = {
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "axes.edgecolor": MUTED, "axes.labelcolor": INK, "text.color": INK,
    "xtick.color": MUTED, "ytick.color": MUTED, "axes.spines.top": False, "axes.spines.right": False, "axes.grid.axis": "y",
    "axes.grid": True, "grid.color": GRID, "axes.axisbelow": True, "legend.frameon": False, "legend.handlelength": 2.6,
    "svg.hashsalt": "prunelab", "pdf.fonttype": 42,
}  # fmt: skip


@dataclasses.dataclass(frozen=True, kw_only=True)
class PaperStyle:
    """One way to draw all figures of a report.

    Attributes:
        name: what it is asked for by.
        width: of a figure, in inches.
        height: of a figure of one panel, in inches.
        row_height: of each row of several panels, in inches.
        least_height: of a figure of several, in inches.
        most_across: panels side by side.
        stacked: so many panels stand one below the other before others stand beside them.
        settings: matplotlib's, over its defaults.
    """

    name: str
    width: float
    height: float
    row_height: float
    least_height: float = 0.0
    most_across: int
    stacked: int
    settings: Mapping[str, Any]

    def across(self, panels: int) -> int:
        """How many of so many panels stand side by side."""
        return min(self.most_across, math.ceil(panels / self.stacked))

    def letters(self, inches: float, setting: str) -> int:
        """About how many letters fit into so many inches, in the size that a setting of matplotlib has now."""
        import matplotlib as mpl
        from matplotlib.font_manager import FontProperties

        points = FontProperties(size=mpl.rcParams[setting]).get_size_in_points()  # pyright: ignore[reportArgumentType]
        return int(_LETTERS_AN_EM * inches * 72 / points)


def _settings(size: float, small: float, line: float) -> dict[str, Any]:
    """Points: letters, small letters, and the lines of series; all other lines go with these."""
    thin = 0.43 * line
    return {
        **_COMMON, **dict.fromkeys(_SIZES, size), **dict.fromkeys(_SMALL_SIZES, small), "lines.linewidth": line,
        "lines.markersize": 2.86 * line,
        **dict.fromkeys(("axes.linewidth", "grid.linewidth", "xtick.major.width", "ytick.major.width"), thin),
    }  # fmt: skip


STYLES = {
    found.name: found
    for found in (
        PaperStyle(name="paper", width=5.5, height=3.5, row_height=2.3, most_across=2, stacked=1, settings=_settings(8.5, 8, 1.4)),
        PaperStyle(name="column", width=3.25, height=2.7, row_height=1.9, most_across=2, stacked=4, settings=_settings(7.5, 7, 1.1)),
        PaperStyle(
            name="slides",
            width=10,
            height=5.625,
            row_height=2.7,
            least_height=5.625,
            most_across=3,
            stacked=1,
            settings=_settings(16, 14, 2.6),
        ),
    )
}
DEFAULT = "paper"


def paper_style(word: str) -> PaperStyle:
    """The style that a word means: `paper` (5.5 inches), `column` (3.25 inches), `slides` (16:9), or the path of an `.mplstyle` file.

    A file's settings go over those of `paper`; if it sets `figure.figsize`, that is the size of a figure of one panel.

    Raises:
        ValueError: for an unknown word, naming the nearest; for a file that is not there, or that sets what matplotlib has not.
    """
    if word in STYLES:
        return STYLES[word]
    if word.endswith(FILE_ENDING):
        return _of_file(Path(word))
    raise ValueError(f"{unknown('style', word, STYLES)} Or give the path of a matplotlib style file, NAME{FILE_ENDING}.")


def _of_file(path: Path) -> PaperStyle:
    import matplotlib as mpl

    if not path.is_file():
        beside = [str(other) for other in path.parent.glob(f"*{FILE_ENDING}")] if path.parent.is_dir() else []
        match = nearest(str(path), [*beside, *STYLES])
        raise ValueError(
            f"no style file {path}." + (f" Did you mean {match!r}?" if match else "") + f" Valid: {', '.join(STYLES)}, or a file."
        )
    _check_keys(path)
    try:
        given = dict(mpl.rc_params_from_file(path, fail_on_error=True, use_default_template=False))
    except Exception as error:  # matplotlib says here what it cannot read with a bare Exception
        raise ValueError(f"{path} is no style file of matplotlib: {error}") from error
    paper = STYLES[DEFAULT]
    width, height = given.get("figure.figsize", (paper.width, paper.height))
    settings = {**paper.settings, **given}
    return dataclasses.replace(
        paper, name=path.stem, width=width, height=height, row_height=paper.row_height * width / paper.width, settings=settings
    )


def _check_keys(path: Path) -> None:
    """A key that matplotlib does not know is only logged by it."""
    import matplotlib as mpl

    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        key = line.partition("#")[0].partition(":")[0].strip()
        if key and key not in mpl.rcParams:
            match = nearest(key, mpl.rcParams)
            raise ValueError(f"{path}, line {number}: matplotlib has no setting {key!r}." + (f" Did you mean {match!r}?" if match else ""))
