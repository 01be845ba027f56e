"""Exemplars: a gallery, counts over levels and by class."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from prunelab.results.figure_parts import Absent, Axis, Figure, Gallery, GalleryPanel, Line, LineFigure, Panel
from prunelab.results.insight.drawing import MOST_LINES, looks, side_name, weights_left
from prunelab.results.insight.found import Inspection
from prunelab.results.look import Style
from prunelab.results.sections import Section
from prunelab.results.units import FRACTION, NONE, percent

_SOURCE = "Hooker et al. 2019"
MOST_PANELS = 6


def exemplar_figures(found: Inspection) -> list[Figure | Absent]:
    """How many there are, over weights left."""
    rows = found.parts["exemplars"].tables["exemplars"]
    key, title = "exemplar_counts", _noun(rows)
    if rows.empty:
        return [Absent(key=key, title=title, reason="There are no predictions of both dense and pruned networks.")]
    names = list(dict.fromkeys(rows["method"]))[:MOST_LINES]
    lines = tuple(_line(side_name(name, "none", found.own_name), rows[rows["method"] == name], look) for name, look in looks(names).items())
    panel = Panel(title="", lines=lines)
    return [
        LineFigure(
            key=key, title=title, caption=f"{_words(rows)} Bands reach up to those that ties leave undecided. {_noise(rows)}",
            alternative=f"{title} in per cent of the test set against weights left for {', '.join(line.label for line in lines)}.",
            x=weights_left([panel]), y=Axis(title="Share of the test set (%)"), panels=(panel,),
        )
    ]  # fmt: skip


def gallery(found: Inspection) -> Gallery | Absent:
    """The exemplars of the chosen level that most networks agree on."""
    part = found.parts["exemplars"]
    rows = part.tables["exemplars"]
    noun = _noun(rows)
    key, title = "exemplars", f"{noun} at {percent(found.level.density)} of the weights left"
    panels = tuple(GalleryPanel(title=method, exemplars=shown) for method, shown in list(part.exemplars.items())[:MOST_PANELS] if shown)
    if not panels:
        return Absent(key=key, title=title, reason=f"There are none at level {found.level.number}, or they can't be shown.")
    most = max(len(panel.exemplars) for panel in panels)
    left_out = f" The first {MOST_PANELS} of {len(part.exemplars)} methods are shown." if len(part.exemplars) > MOST_PANELS else ""
    return Gallery(
        key=key, title=title,
        caption=f"Test examples that dense and pruned networks see differently, at most {most} a method, those with "
        f"the most votes first. Each with its label, and the prediction of most dense and most pruned networks with their votes.{left_out}",
        alternative="Test examples with their label and both predictions.", panels=panels,
    )  # fmt: skip


def _noun(rows: pd.DataFrame) -> str:
    kinds = set(rows["kind"])
    return "Flipped predictions" if kinds == {"flips"} else "Pruning-identified exemplars"


def _words(rows: pd.DataFrame) -> str:
    if set(rows["kind"]) == {"flips"}:
        return (
            "Test examples that one pruned network classifies otherwise than one dense one: flips, not exemplars, which need several seeds."
        )
    return (
        "Test examples whose most frequent prediction over the seeds of pruned networks differs from that of the dense ones "
        f"({_SOURCE}), however ties are broken."
    )


def _noise(rows: pd.DataFrame) -> str:
    noise = float(rows["dense_disagreement"].mean())
    if not math.isfinite(noise):
        return "A second seed would tell how many a mere change of seed makes."
    return f"For comparison: two dense networks of different seeds differ on {FRACTION.value(noise)} of the test set."


def _line(label: str, rows: pd.DataFrame, look: Style) -> Line:
    share = 100 * rows["exemplars"] / rows["examples"]
    most = 100 * (rows["exemplars"] + rows["undecided"]) / rows["examples"]
    hover = tuple(
        f"{label}\n{percent(row['density'])} of the weights left, level {row['level']}\n"
        f"{row['exemplars']} of {row['examples']}, {row['undecided']} undecided"
        for row in rows.to_dict("records")
    )
    return Line(label=label, x=tuple(100 * rows["density"]), y=tuple(share), low=tuple(share), high=tuple(most), style=look, hover=hover)


def exemplar_sections(found: Inspection) -> list[Section]:
    """Counts and accuracies at every level; counts by class at the chosen one."""
    tables = found.parts["exemplars"].tables
    made = (_counts(tables["exemplars"], found), _classes(tables["exemplar_classes"], found))
    return [section for section in made if section is not None]


def _counts(rows: pd.DataFrame, found: Inspection) -> Section | None:
    if rows.empty:
        return None
    lines = []
    for row in rows.to_dict("records"):
        accuracies = [_change(row, f"on_{where}") for where in ("exemplars", "rest", "all")]
        lines.append((
            side_name(row["method"], "none", found.own_name), str(row["level"]), percent(row["density"]), str(row["exemplars"]),
            str(row["undecided"]), *accuracies, _change(row, "disagreement"), f"{row['num_dense']}, {row['num_pruned']}",
        ))  # fmt: skip
    lede = (
        f"{_words(rows)} Undecided: a mode is tied, and how the tie is broken would decide. "
        "Accuracy in per cent, mean over networks, dense → pruned, on the exemplars, on the rest (neither exemplar nor undecided) "
        "and on all. Disagreement: share of the test set on which two networks of the same kind and different seeds differ."
    )
    headings = (
        "Networks", "Level", "Weights left", "Exemplars", "Undecided", "Accuracy on them", "On the rest", "On all",
        "Disagreement", "Seeds",
    )  # fmt: skip
    noun = _noun(rows)
    return Section(key="exemplars-table", title=noun, lede=lede, headings=headings, rows=tuple(lines))


def _change(row: dict[Any, Any], what: str) -> str:
    """Of the dense networks and of the pruned ones, in per cent."""
    return f"{FRACTION.number(row[f'dense_{what}'])} → {FRACTION.number(row[f'pruned_{what}'])}"


def _classes(rows: pd.DataFrame, found: Inspection) -> Section | None:
    rows = rows[rows["level"] == found.level.number]
    if rows.empty:
        return None
    lines = []
    for row in rows.to_dict("records"):
        share = FRACTION.number(row["exemplars"] / row["examples"]) if row["examples"] else NONE
        lines.append((
            side_name(row["method"], "none", found.own_name), str(row["class"]), str(row["examples"]), str(row["exemplars"]), share,
            str(row["undecided"]),
        ))  # fmt: skip
    lede = f"By true class, at level {found.level.number}."
    headings = ("Networks", "Class", "Test examples", "Exemplars", "Of the class, %", "Undecided")
    return Section(key="exemplar-classes", title=f"{_noun(rows)} by class", lede=lede, headings=headings, rows=tuple(lines))
