"""Calibration over weights left, reliability diagrams and a table."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from prunelab.results.curves import averaged
from prunelab.results.figure_parts import Absent, Axis, Figure, Line, LineFigure, Panel, Reference
from prunelab.results.insight.drawing import MOST_LINES, PERCENT, looks, side_name, weights_left
from prunelab.results.insight.found import Inspection
from prunelab.results.look import DENSE, Style
from prunelab.results.sections import Section
from prunelab.results.units import FRACTION, NUMBER, Unit, percent

_ECE = (("ece", "15 bins of equal width"), ("adaptive_ece", "15 bins of equal counts"))
_WORDS = {
    "ece": "Expected calibration error: how far confidence is from accuracy, averaged over examples binned by confidence. Lower is better.",
    "brier": "Brier score: squared distance of the predicted probabilities from the class, 0 to 2. Lower is better.",
    "nll": "Negative log-likelihood of the class in nats. Lower is better.",
}


def calibration_figures(found: Inspection) -> list[Figure | Absent]:
    """Calibration error, Brier score and likelihood over weights left; reliability of the dense networks and at one level."""
    tables = found.parts["calibration"].tables
    rows = tables["calibration"]
    own = found.own_name
    return [
        _lines("ece", "Calibration error", rows, _ECE, "Calibration error (%)", FRACTION, own),
        _lines("brier", "Brier score", rows, (("brier", ""),), "Brier score", NUMBER, own),
        _lines("nll", "Negative log-likelihood", rows, (("nll", ""),), "Nats an example", NUMBER, own),
        _reliability(tables["reliability"], found),
    ]


def _lines(
    key: str, title: str, rows: pd.DataFrame, columns: tuple[tuple[str, str], ...], y_title: str, unit: Unit, own: str
) -> LineFigure | Absent:
    if not (rows["level"] > 0).any():
        return Absent(key=key, title=title, reason="No pruned network's predictions could be had.")
    panels = tuple(_panel(words, rows, column, unit, own) for column, words in columns)
    seeds = int(rows.groupby(["method", "level"]).size().max())
    spread = f"Mean over up to {seeds} seeds; bands and bars are 95 % intervals." if seeds > 1 else "One seed: no intervals."
    names = list(dict.fromkeys(rows["method"]))
    left_out = f" The first {MOST_LINES} of {len(names)} methods are shown." if len(names) > MOST_LINES else ""
    return LineFigure(
        key=key, title=title, caption=f"{_WORDS[key]} On the test set. {spread} The dotted line is the dense network.{left_out}",
        alternative=f"{title} against weights left for {', '.join(line.label for line in panels[0].lines)}.",
        x=weights_left(panels), y=Axis(title=y_title, bounds=PERCENT if unit is FRACTION else None), panels=panels,
    )  # fmt: skip


def _panel(words: str, rows: pd.DataFrame, column: str, unit: Unit, own: str) -> Panel:
    lines, references = [], {}
    names = list(dict.fromkeys(rows["method"]))[:MOST_LINES]
    for method, look in looks(names).items():
        mine = rows[rows["method"] == method]
        found = averaged(mine, ["level"], column)
        found["density"] = found["level"].map(mine.groupby("level")["density"].mean())
        pruned, label = found[found["level"] > 0], side_name(method, "none", own)
        if len(pruned):
            lines.append(_line(label, pruned, look, unit))
        for row in found[found["level"] == 0].itertuples():
            ends = [unit.scale * float(value) for value in (row.mean, row.low, row.high)]  # pyright: ignore
            references.setdefault(str([round(end, 9) for end in ends]), (label, ends, look))
    shared = len(references) == 1
    dense = tuple(
        Reference(
            label="Dense" if shared else f"Dense, {label}", y=ends[0], low=ends[1], high=ends[2],
            style=DENSE if shared else Style(colour=look.colour, marker="circle", dash="dot"),
        )
        for label, ends, look in references.values()
    )  # fmt: skip
    return Panel(title=words, lines=tuple(lines), references=dense)


def _line(label: str, rows: pd.DataFrame, look: Style, unit: Unit) -> Line:
    hover = tuple(
        f"{label}\n{percent(row['density'])} of the weights left, level {row['level']}\n{unit.value(row['mean'])}"
        f" {unit.interval(row['low'], row['high'])}"
        for row in rows.to_dict("records")
    )
    y, low, high = (tuple(unit.scale * rows[name]) for name in ("mean", "low", "high"))
    return Line(label=label, x=tuple(100 * rows["density"]), y=y, low=low, high=high, style=look, hover=hover)


def _reliability(bins: pd.DataFrame, found: Inspection) -> LineFigure | Absent:
    key, title = "reliability", "Reliability diagrams"
    panels = []
    for level, words in ((0, "Dense"), (found.level.number, f"Level {found.level.number}, {percent(found.level.density)} left")):
        rows = bins[bins["level"] == level]
        lines = _diagrams(rows, found.own_name, dense=level == 0)
        if lines:
            panels.append(Panel(title=words, lines=(*lines, _perfect())))
    if not panels:
        return Absent(key=key, title=title, reason="No predictions of dense networks or of the chosen level could be had.")
    return LineFigure(
        key=key, title=title,
        caption="Accuracy against confidence of the test examples in 15 bins of equal width, the predictions of all seeds pooled. Below "
        "the dotted line a network is more confident than it is right; hover for the examples of a bin, which are few in some.",
        alternative="Accuracy against confidence for dense networks and those of the chosen level, with the line of perfect calibration.",
        x=Axis(title="Confidence (%)", ticks=tuple((float(place), str(place)) for place in range(0, 101, 20))),
        y=Axis(title="Accuracy (%)", bounds=PERCENT), panels=tuple(panels),
    )  # fmt: skip


def _diagrams(rows: pd.DataFrame, own: str, *, dense: bool) -> list[Line]:
    lines: dict[tuple[tuple[float, ...], ...], Line] = {}
    names = list(dict.fromkeys(rows["method"]))[:MOST_LINES]
    for method, look in looks(names).items():
        mine = rows[rows["method"] == method]
        weighted = mine.assign(confidence=mine["count"] * mine["confidence"], accuracy=mine["count"] * mine["accuracy"])
        sums = weighted.groupby(["low", "high"], as_index=False)[["count", "confidence", "accuracy"]].sum()
        x, y = (tuple(100 * sums[name] / sums["count"]) for name in ("confidence", "accuracy"))
        label = side_name(method, "none", own)
        hover = tuple(
            f"{label}\nconfidence {row['low']:.2f} to {row['high']:.2f}: {int(row['count'])} examples\naccuracy "
            f"{FRACTION.value(row['accuracy'] / row['count'])}, mean confidence {FRACTION.value(row['confidence'] / row['count'])}"
            for row in sums.to_dict("records")
        )
        nothing = (math.nan,) * len(sums)
        line = Line(label=label, x=x, y=y, low=nothing, high=nothing, style=look, hover=hover)
        lines.setdefault((x, y), line)  # methods share dense networks
    if dense and len(lines) == 1:
        only = next(iter(lines.values()))
        return [Line(label="Dense", x=only.x, y=only.y, low=only.low, high=only.high, style=_DENSE_LINE, hover=only.hover)]
    return list(lines.values())


_DENSE_LINE = Style(colour=DENSE.colour, marker="circle", dash="solid")


def _perfect() -> Line:
    places = tuple(float(place) for place in np.linspace(0, 100, 11))
    nothing = (math.nan,) * len(places)
    return Line(
        label="Perfect", x=places, y=places, low=nothing, high=nothing, style=DENSE, hover=("Perfect",) * len(places), markers=False
    )


def calibration_section(found: Inspection) -> Section | None:
    """A row a method and level."""
    rows = found.parts["calibration"].tables["calibration"]
    if rows.empty:
        return None
    columns = (("top1", FRACTION), ("ece", FRACTION), ("adaptive_ece", FRACTION), ("brier", NUMBER), ("nll", NUMBER))
    lines = []
    for (method, level), own in rows.groupby(["method", "level"], sort=False):  # pyright: ignore
        cells = [_cell(averaged(own.assign(all=0), ["all"], column).iloc[0], unit) for column, unit in columns]
        name = side_name(str(method), "none", found.own_name) if level else f"Dense, {method}" if method else "Dense"
        lines.append((name, str(level), percent(float(own["density"].mean())), *cells, str(len(own))))
    dense = {line[1:] for line in lines if line[0].startswith("Dense") and line[1] == "0"}
    if len(dense) == 1:  # shared by all methods
        lines = [("Dense", *dense.pop()), *(line for line in lines if line[1] != "0")]
    lede = (
        "Means over seeds ± half the 95 % interval, or [low, high] where it is not symmetric, on the test set. "
        "Calibration error over 15 bins of equal width (Guo et al. 2017), which "
        "hold their upper end, and over 15 of equal counts (Nguyen & O'Connor 2015), where equal confidences are never parted. "
        "Brier score in [0, 2]; negative log-likelihood in nats. Controls are left out."
    )
    headings = ("Networks", "Level", "Weights left", "Accuracy, %", "Equal width, %", "Equal counts, %", "Brier score", "Nats", "Seeds")
    return Section(key="calibration-table", title="Calibration", lede=lede, headings=headings, rows=tuple(lines))


def _cell(row: pd.Series, unit: Unit) -> str:
    mean, low, high = (float(row[name]) for name in ("mean", "low", "high"))
    if not math.isfinite(low):
        return unit.number(mean)
    symmetric = math.isclose(mean - low, high - mean, rel_tol=1e-6, abs_tol=1e-12)
    return f"{unit.number(mean)} ± {unit.number(high - mean)}" if symmetric else f"{unit.number(mean)} {unit.interval(low, high)}"
