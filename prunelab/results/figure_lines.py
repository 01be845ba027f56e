"""The figures over sparsity: accuracy, tickets against controls, and the early-stopping step."""

from __future__ import annotations

import math

import pandas as pd

from prunelab.results import curves
from prunelab.results.figure_parts import Absent, Axis, Line, LineFigure, Panel, Reference, capital
from prunelab.results.look import DENSE, style
from prunelab.results.methods import Place, control_name, own_name, places
from prunelab.results.selection import CONTROLS
from prunelab.results.units import Unit, percent, significant, unit_of

MOST_PANELS = 12
PERCENT = (0.0, 100.0)
WEIGHTS_LEFT, WEIGHTS_LEFT_LINEAR = "Weights left (%, log scale)", "Weights left (%)"


def accuracy_figure(frame: pd.DataFrame) -> LineFigure | Absent:
    """Test accuracy against weights left; with one method its controls too."""
    key, title = "accuracy", "Accuracy against weights left"
    found = curves.accuracy(frame)
    if not (found["level"] > 0).any():
        return Absent(key=key, title=title, reason="No pruned network has a test accuracy.")
    caption = f"Test accuracy at the last step of training. {_interval_words(found)} The dotted line is the dense network."
    return _figure(key, title, caption, "Test accuracy (%)", _panels(frame, found, "test_top1"))


def controls_figure(frame: pd.DataFrame) -> LineFigure | Absent | None:
    """Each method against its controls, a panel a method; None where the accuracy figure shows that already."""
    key, title = "controls", "Each method against its controls"
    found = curves.accuracy(frame)
    if found["method"].nunique() < 2:
        return None
    if (found["control"] == "none").all():
        return Absent(key=key, title=title, reason="No control network was measured.")
    with_controls = [m for m, rows in found.groupby("method", sort=False) if (rows["control"] != "none").any()]
    panels = tuple(
        _controls_panel(str(method), found[found["method"] == method], "test_top1", own_name(frame))
        for method in with_controls[:MOST_PANELS]
    )
    caption = f"Test accuracy of each method's networks and of the controls with as many weights. {_interval_words(found)}"
    if len(with_controls) > MOST_PANELS:
        caption += f" The first {MOST_PANELS} of {len(with_controls)} methods are shown; the tables have all."
    return _figure(key, title, caption, "Test accuracy (%)", panels)


def early_stop_figure(frame: pd.DataFrame) -> LineFigure | Absent:
    """Step of the lowest validation loss against weights left."""
    key, title = "early_stop", "Early-stopping step"
    found = curves.early_stop(frame)
    if not (found["level"] > 0).any():
        return Absent(key=key, title=title, reason="No pruned network recorded the step of its lowest validation loss.")
    caption = f"Optimizer step with the lowest validation loss; lower is faster learning. {_interval_words(found)}"
    return _figure(key, title, caption, "Step of lowest validation loss", _panels(frame, found, "early_stop_step"))


def _figure(key: str, title: str, caption: str, y_title: str, panels: tuple[Panel, ...]) -> LineFigure:
    places = [x for panel in panels for line in panel.lines for x in line.x]
    ticks = log_ticks(min(places), max(places))
    x = Axis(title=WEIGHTS_LEFT, log=True, falling=True, ticks=ticks, linear_title=WEIGHTS_LEFT_LINEAR)
    names = ", ".join(dict.fromkeys(line.label for panel in panels for line in panel.lines))
    alternative = f"{title}: lines for {names}; {significant(max(places))} to {significant(min(places))} % of the weights left."
    alternative += " The numbers are in the tables below."
    y = Axis(title=y_title, bounds=PERCENT if y_title.endswith("(%)") else None)
    return LineFigure(key=key, title=title, caption=caption, alternative=alternative, x=x, y=y, panels=panels)


def _panels(frame: pd.DataFrame, found: pd.DataFrame, column: str) -> tuple[Panel, ...]:
    """One method beside its controls, or several methods without theirs, a panel for each circumstance they share."""
    if found["method"].nunique() < 2:
        return (_controls_panel("", found, column, own_name(frame)),)
    own = found[found["control"] == "none"]
    shown, where = own if len(own) else found, places(frame)
    names = list(dict.fromkeys(place.line for place in where.values()))
    panels = []
    for title in dict.fromkeys(place.panel for place in where.values()):
        rows = shown[[where[method].panel == title for method in shown["method"]]]
        if (rows["level"] > 0).any():
            panels.append(_methods_panel(capital(title), rows, column, where, names))
    return tuple(panels)


def _methods_panel(title: str, rows: pd.DataFrame, column: str, where: dict[str, Place], names: list[str]) -> Panel:
    unit = unit_of(column)
    lines, references = [], []
    for method in [method for method in where if (rows["method"] == method).any()]:
        points, label = rows[rows["method"] == method], where[method].line
        place = names.index(label)
        visible = points[points["density"] > 0]
        if (visible["level"] > 0).any():
            lines.append(_line(label, visible, unit, place))
        references += [_reference(label, row, unit, style(place).colour) for _, row in points[points["level"] == 0].iterrows()]
    return Panel(title=title, lines=tuple(lines), references=_once(references))


def _controls_panel(title: str, found: pd.DataFrame, column: str, own: str) -> Panel:
    unit = unit_of(column)
    lines, references = [], []
    for control, points in found.groupby("control", sort=False):
        label = own if control == "none" else control_name(str(control))
        visible = points[points["density"] > 0]
        if (visible["level"] > 0).any():
            lines.append(_line(label, visible, unit, control_place(str(control))))
        if control == "none":
            references += [_reference("", row, unit, style(0).colour) for _, row in points[points["level"] == 0].iterrows()]
    return Panel(title=title, lines=tuple(lines), references=_once(references))


def control_place(control: str) -> int:
    """The index of a control's look, the same in every figure."""
    return CONTROLS.index(control) if control in CONTROLS else len(CONTROLS)


def _line(label: str, points: pd.DataFrame, unit: Unit, index: int) -> Line:
    return Line(
        label=label,
        x=tuple(100 * points["density"]),
        y=tuple(unit.scale * points["mean"]),
        low=tuple(unit.scale * points["low"]),
        high=tuple(unit.scale * points["high"]),
        style=style(index),
        hover=tuple(hover(label, row, unit) for row in points.to_dict("records")),
        flagged=tuple(points["num_diverged"] > 0),
    )


def hover(label: str, row: dict, unit: Unit) -> str:
    """What is said of a point: where it is, its mean and interval, and each seed's value."""
    half = (row["high"] - row["low"]) / 2
    spread = f" ± {unit.number(half)}" if not math.isnan(half) else " (one seed)"
    each = ", ".join(f"{seed}: {unit.number(value)}" for seed, value in zip(row["seeds"][:10], row["values"][:10], strict=True))
    lines = [label, f"{percent(row['density'])} of the weights left, level {row['level']}"]
    lines += [f"{unit.number(row['mean'])}{spread} {unit.of_value}".strip(), f"by seed {each}"]
    if row["num_diverged"]:
        lines.append(f"{row['num_diverged']} diverged")
    return "\n".join(lines)


def _reference(label: str, row: pd.Series, unit: Unit, colour: str) -> tuple[str, Reference, str]:
    found = Reference(label="Dense", y=unit.scale * row["mean"], low=unit.scale * row["low"], high=unit.scale * row["high"])
    return label, found, colour


def _once(references: list[tuple[str, Reference, str]]) -> tuple[Reference, ...]:
    """One grey line if all methods share their dense network, else one a method in its colour."""
    if len({(round(r.y, 9), str(r.low)) for _, r, _ in references}) <= 1:
        return tuple(reference for _, reference, _ in references[:1])
    return tuple(
        Reference(label=f"Dense, {label}", y=r.y, low=r.low, high=r.high, style=type(DENSE)(colour=c, marker="circle", dash="dot"))
        for label, r, c in references
    )


def log_ticks(low: float, high: float) -> tuple[tuple[float, str], ...]:
    """Ticks at round numbers from `low` to `high`, fewer a decade the more decades there are."""
    span = math.log10(high / low)
    steps = (1, 2, 3, 5, 7) if span <= 1.2 else (1, 2, 5) if span <= 3 else (1,)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    places = [step * 10.0**decade for decade in decades for step in steps]
    return tuple((place, significant(place)) for place in places if low * 0.999 <= place <= high * 1.001)


def _interval_words(found: pd.DataFrame) -> str:
    fewest, most = int(found["num_seeds"].min()), int(found["num_seeds"].max())
    if most == 1:
        return "One seed: single measurements, without intervals."
    count = f"{most} seeds" if fewest == most else f"{fewest} to {most} seeds"
    return f"Mean over {count}; bands and bars are 95 % intervals of the mean."
