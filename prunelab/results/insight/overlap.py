"""Overlap of masks, as lines, heat maps and a table."""

from __future__ import annotations

import math

import pandas as pd

from prunelab.results.figure_parts import Absent, Axis, Figure, HeatFigure, HeatPanel, HeatScale, Line, LineFigure, Panel
from prunelab.results.insight.drawing import MOST_LINES, PERCENT, looks, matrix, pair_means, range_line, side_name, weights_left
from prunelab.results.insight.found import Inspection
from prunelab.results.look import DENSE, Style
from prunelab.results.sections import Section
from prunelab.results.units import FRACTION, percent

MOST_HEAT_PANELS = 10
SCALE = HeatScale(low=0, high=100, ticks=(0, 20, 40, 60, 80, 100), form=".1f")
_MEANING = "Overlap is the weights that both masks keep over those that either keeps."
_CHANCE = "Dotted: what two independent random masks with the same density in every tensor have in common."


def overlap_figures(found: Inspection) -> list[Figure | Absent]:
    """Across seeds, against controls, across methods, across levels."""
    pairs = found.parts["overlap"].tables["overlap"]
    made = (_seeds(pairs, found), _controls(pairs, found), _methods(pairs, found), _levels(pairs, found))
    return [figure for figure in made if figure is not None]


def _seeds(pairs: pd.DataFrame, found: Inspection) -> LineFigure | Absent:
    key, title = "overlap_seeds", "Overlap of masks across seeds"
    rows = pairs[pairs["comparison"] == "seeds"]
    if rows.empty:
        return Absent(key=key, title=title, reason="No two seeds have a mask of the same method and level in the store.")
    several = rows["method"].nunique() > 1
    shown = rows[rows["control"] == "none"] if several and (rows["control"] == "none").any() else rows
    sides = _named(shown, found)
    panel = Panel(title="", lines=_with_chance(sides))
    left_out = f" The first {MOST_LINES} of {sides['one'].nunique()} are shown." if sides["one"].nunique() > MOST_LINES else ""
    return LineFigure(
        key=key, title=title,
        caption=f"{_MEANING} Mean over pairs of seeds; bands reach from the lowest to the highest pair. {_CHANCE}{left_out}",
        alternative=f"Overlap in per cent against weights left for {', '.join(line.label for line in panel.lines)}.",
        x=weights_left([panel]), y=Axis(title="Overlap (%)", bounds=PERCENT), panels=(panel,),
    )  # fmt: skip


def _controls(pairs: pd.DataFrame, found: Inspection) -> LineFigure | Absent:
    key, title = "overlap_controls", "Overlap of masks with controls of the same seed"
    rows = pairs[(pairs["comparison"] == "methods") & (pairs["method"] == pairs["other_method"])]
    rows = rows[(rows["control"] == "none") | (rows["other_control"] == "none")]
    if rows.empty:
        return Absent(key=key, title=title, reason="No control with a mask of its own is in the store.")
    control = rows["other_control"].where(rows["control"] == "none", rows["control"])
    rows = rows.assign(one=[side_name("", name, found.own_name) for name in control])
    methods = list(dict.fromkeys(rows["method"]))
    panels = tuple(Panel(title=method, lines=_with_chance(rows[rows["method"] == method])) for method in methods[:MOST_HEAT_PANELS])
    left_out = f" The first {MOST_HEAT_PANELS} of {len(methods)} methods are shown." if len(methods) > MOST_HEAT_PANELS else ""
    return LineFigure(
        key=key, title=title,
        caption=f"{_MEANING} The method's own mask with that of each control, mean and range over seeds. {_CHANCE}{left_out}",
        alternative=f"Overlap with controls in per cent against weights left for {', '.join(methods) or 'the method'}.",
        x=weights_left(panels), y=Axis(title="Overlap (%)", bounds=PERCENT), panels=panels,
    )  # fmt: skip


def _methods(pairs: pd.DataFrame, found: Inspection) -> HeatFigure | Absent:
    key, title = "overlap_methods", f"Overlap of masks between methods at {percent(found.level.density)} of the weights left"
    rows = pairs[(pairs["comparison"] == "methods") & (pairs["level"] == found.level.number)]
    between = rows[rows["method"] != rows["other_method"]]
    if between.empty:
        between, title = rows, title.replace("methods", "a method and its controls")
    if between.empty:
        return Absent(key=key, title=title, reason=f"At level {found.level.number} no two masks of the same seed are in the store.")
    sides = _named(between, found)
    names = list(dict.fromkeys([*sides["one"], *sides["other"]]))
    panels = tuple(
        HeatPanel(title=words, rows=tuple(names), columns=tuple(names), values=cells, hover=_said(names, cells, column))
        for words, column in (("Observed, mean over seeds", "iou"), ("Expected by chance", "chance"))
        for cells in [matrix(names, pair_means(sides, column, 100), 100.0 if column == "iou" else math.nan)]
    )
    return HeatFigure(
        key=key, title=title, caption=f"{_MEANING} Masks of the same seed at level {found.level.number}, in per cent.",
        alternative=f"Heat map of the overlap between the masks of {', '.join(names)}.",
        x_title="", y_title="", scale_title="Overlap (%)", panels=panels, scale=SCALE,
    )  # fmt: skip


def _levels(pairs: pd.DataFrame, found: Inspection) -> HeatFigure | Absent:
    key, title = "overlap_levels", "Overlap of masks across levels of one seed"
    rows = pairs[(pairs["comparison"] == "levels") & (pairs["control"] == "none")]
    if rows.empty:
        return Absent(key=key, title=title, reason="No seed has masks of two levels in the store.")
    nested = (rows["iou"] >= rows["greatest"] - 1e-12).groupby(rows["method"]).all()
    free = [method for method in dict.fromkeys(rows["method"]) if not nested[method]]
    if not free:
        reason = (
            "Every level keeps a part of what the level before it kept, as ladders do that prune further what is left: the overlap is "
            "the ratio of the weights left, the greatest there can be."
        )
        return Absent(key=key, title=title, reason=reason)
    panels = tuple(_levels_panel(method, rows[rows["method"] == method]) for method in free[:MOST_HEAT_PANELS])
    others = [method for method in nested.index if nested[method]]
    caption = f"{_MEANING} Levels by their weights left, mean over seeds, in per cent."
    caption += f" Masks of {', '.join(others)} are nested, so that theirs is the ratio of the weights left." if others else ""
    return HeatFigure(
        key=key, title=title, caption=caption, alternative=f"Heat map of the overlap between levels for {', '.join(free) or 'the method'}.",
        x_title="Weights left (%)", y_title="Weights left (%)", scale_title="Overlap (%)", panels=panels, scale=SCALE,
    )  # fmt: skip


def _levels_panel(method: str, rows: pd.DataFrame) -> HeatPanel:
    sides = pd.concat([rows[["level", "density"]], rows[["other_level", "other_density"]].set_axis(["level", "density"], axis=1)])
    names = {level: f"{100 * density:.3g} (level {level})" for level, density in sides.groupby("level")["density"].mean().items()}
    named = rows.assign(one=rows["level"].map(names), other=rows["other_level"].map(names))
    cells = matrix(list(names.values()), pair_means(named, "iou", 100), 100.0)
    chance = matrix(list(names.values()), pair_means(named, "chance", 100), math.nan)
    labels = list(names.values())
    hover = tuple(
        tuple(f"{one} with {other}\n{cells[i][j]:.1f} %, by chance {chance[i][j]:.1f} %" for j, other in enumerate(labels))
        for i, one in enumerate(labels)
    )
    return HeatPanel(title=method, rows=tuple(labels), columns=tuple(labels), values=cells, hover=hover)


def _named(rows: pd.DataFrame, found: Inspection) -> pd.DataFrame:
    """With what both sides are called."""
    sides = {
        name: [side_name(m, c, found.own_name) for m, c in zip(rows[f"{prefix}method"], rows[f"{prefix}control"], strict=True)]
        for name, prefix in (("one", ""), ("other", "other_"))
    }
    return rows.assign(**sides)


def _with_chance(rows: pd.DataFrame) -> tuple[Line, ...]:
    """A line a name in `one`, and a dotted one of chance: one for all where they nearly share it."""
    names = list(dict.fromkeys(rows["one"]))[:MOST_LINES]
    shown = rows[rows["one"].isin(names)]
    own = [range_line(name, shown[shown["one"] == name], "iou", look) for name, look in looks(names).items()]
    spread = shown.groupby(["level", "one"])["chance"].mean().groupby("level").agg(lambda side: side.max() - side.min()).max()
    if spread < 0.01:
        return (*own, range_line("Chance", shown, "chance", DENSE, markers=False))
    dotted = {name: Style(colour=look.colour, marker=look.marker, dash="dot") for name, look in looks(names).items()}
    by_chance = [range_line(f"Chance, {name}", shown[shown["one"] == name], "chance", dotted[name], markers=False) for name in names]
    return (*own, *by_chance)


def _said(names: list[str], cells: tuple[tuple[float, ...], ...], column: str) -> tuple[tuple[str, ...], ...]:
    what = "overlap" if column == "iou" else "expected by chance"
    return tuple(tuple(f"{one} with {other}\n{what} {cells[i][j]:.1f} %" for j, other in enumerate(names)) for i, one in enumerate(names))


def overlap_section(found: Inspection) -> Section | None:
    """Across seeds at every level, and between methods and controls at the one looked at closely."""
    pairs = found.parts["overlap"].tables["overlap"]
    close = (pairs["comparison"] == "seeds") | ((pairs["comparison"] == "methods") & (pairs["level"] == found.level.number))
    rows = _named(pairs[close], found)
    if rows.empty:
        return None
    lines = []
    for (comparison, level, one, other), group in rows.groupby(["comparison", "level", "one", "other"], sort=False):  # pyright: ignore
        means = group[["density", "iou", "chance", "greatest"]].mean()
        same = group["method"].iloc[0] == group["other_method"].iloc[0]
        partner = side_name("", group["other_control"].iloc[0], found.own_name) if same else other
        what = f"{one}, across seeds" if comparison == "seeds" else f"{one} with {partner}"
        reach = f"{FRACTION.number(group['iou'].min())} to {FRACTION.number(group['iou'].max())}" if len(group) > 1 else "one pair"
        cells = [FRACTION.number(float(means[name])) for name in ("iou", "chance", "greatest")]
        lines.append((what, str(level), percent(float(means["density"])), cells[0], reach, *cells[1:], str(len(group))))
    lede = (
        f"{_MEANING} Chance: expected of two independent random masks that keep as many weights of each tensor. Greatest: the most that "
        "masks which keep as many can have in common. Pairs share networks, so that their range is no interval of confidence."
    )
    headings = ("Masks", "Level", "Weights left", "Overlap, %", "Lowest to highest", "Chance, %", "Greatest, %", "Pairs")
    return Section(key="overlap-table", title="Overlap of masks", lede=lede, headings=headings, rows=tuple(lines))
