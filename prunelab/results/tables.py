"""The numbers behind the figures, as tables that can be read without them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from prunelab.results import curves
from prunelab.results.methods import Place, control_name, own_name, places
from prunelab.results.units import Unit, significant, unit_of


@dataclasses.dataclass(frozen=True, kw_only=True)
class LevelTable:
    """One measure: a row a level and a column a series of one method, or a row a method and a column a level.

    Attributes:
        caption: measure, unit, method.
        headings: of all columns.
        rows: cells as text, in order of level.
        each_seed: the same rows with every seed's value instead of the mean.
    """

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    each_seed: tuple[tuple[str, ...], ...]


def level_tables(frame: pd.DataFrame, column: str, name: str) -> list[LevelTable]:
    """`column`'s mean and its 95 % interval: methods side by side, and each method beside its controls.

    Args:
        frame: records.
        column: the measure.
        name: what it is called in the caption.
    """
    found = curves.series(frame, column)
    tables = _side_by_side(frame, found, unit_of(column), name)
    several = bool(tables)
    for method, rows in found.groupby("method", sort=False):
        if not several or (rows["control"] != "none").any():
            tables.append(_table(str(method), rows, unit_of(column), name, own_name(frame)))
    return tables


def _side_by_side(frame: pd.DataFrame, found: pd.DataFrame, unit: Unit, name: str) -> list[LevelTable]:
    """A table for each panel of the figures; none for a single method."""
    own, where = found[found["control"] == "none"], places(frame)
    if own["method"].nunique() < 2:
        return []
    tables = []
    for title in dict.fromkeys(place.panel for place in where.values()):
        methods = {method: place for method, place in where.items() if place.panel == title and (own["method"] == method).any()}
        if methods:
            tables.append(_methods_table(title, methods, own, unit, name))
    return tables


def _methods_table(title: str, methods: dict[str, Place], own: pd.DataFrame, unit: Unit, name: str) -> LevelTable:
    here = own[own["method"].isin(methods)].assign(left=lambda rows: [significant(100 * density) for density in rows["density"]])
    columns = list(here.sort_values("density", ascending=False)["left"].unique())
    most = int(here["num_seeds"].max())
    means, each = [], []
    for method, place in methods.items():
        by_left = {row["left"]: row for row in here[here["method"] == method].to_dict("records")}
        means.append((place.line, *(_mean(by_left.get(left), unit, most) for left in columns)))
        each.append((place.line, *(_each(by_left.get(left), unit) for left in columns)))
    shown_unit = f", {unit.of_value}" if unit.of_value else ""
    caption = f"{name}{shown_unit}, against weights left, %" + (f": {title}" if title else "")
    return LevelTable(caption=caption, headings=("Method", *columns), rows=tuple(means), each_seed=tuple(each))


def _table(method: str, rows: pd.DataFrame, unit: Unit, name: str, own: str) -> LevelTable:
    controls = list(dict.fromkeys(rows["control"]))
    most = int(rows["num_seeds"].max())
    by_place = {(row["level"], row["control"]): row for row in rows.to_dict("records")}
    means, each = [], []
    for level in sorted(rows["level"].unique()):
        here = [by_place.get((level, control)) for control in controls]
        first = next(row for row in here if row is not None)
        ratio = first["compression_ratio"]
        seeds = sorted({seed for row in here if row for seed in row["seeds"]})
        start = (
            "dense" if level == 0 else str(level),
            significant(100 * first["density"]),
            significant(ratio) if np.isfinite(ratio) else "–",
        )
        means.append((*start, *(_mean(row, unit, most) for row in here), ", ".join(map(str, seeds))))
        each.append((*start, *(_each(row, unit) for row in here), ", ".join(map(str, seeds))))
    shown_unit = f", {unit.of_value}" if unit.of_value else ""
    caption = f"{name}{shown_unit}" + (f": {method}" if method else "")
    series = tuple(own if control == "none" else control_name(control) for control in controls)
    headings = ("Level", "Weights left, %", "Compression", *series, "Seeds")
    return LevelTable(caption=caption, headings=headings, rows=tuple(means), each_seed=tuple(each))


def _mean(row: dict | None, unit: Unit, most: int) -> str:
    if row is None:
        return "–"
    above, below = (unit.number(end) for end in (row["high"] - row["mean"], row["mean"] - row["low"]))
    text = unit.number(row["mean"])
    if np.isfinite(row["high"]):
        # a bootstrap interval need not be symmetric
        text += f" ± {above}" if above == below else f" {unit.interval(row['low'], row['high'])}"
    notes = [f"n = {row['num_seeds']}"] if row["num_seeds"] < most else []
    notes += [f"{row['num_diverged']} diverged"] if row["num_diverged"] else []
    return f"{text} ({', '.join(notes)})" if notes else text


def _each(row: dict | None, unit: Unit) -> str:
    return "–" if row is None else "  ".join(unit.numbers(row["values"]))
