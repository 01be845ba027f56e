"""Accuracy against what a network costs: the networks that no other beats, and what share of the seeds reaches.

Each trade has a figure of its own; the page shows one of them at a time. The better side is the right one in all of them.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from prunelab.results import curves
from prunelab.results.attainment import attainment
from prunelab.results.curves import SERIES
from prunelab.results.figure_lines import PERCENT, control_place, hover, log_ticks
from prunelab.results.figure_parts import MOST_BANDS, Absent, Axis, Line, LineFigure, Panel, capital
from prunelab.results.look import DENSE_GREY, Style, style
from prunelab.results.methods import control_name, own_name, places
from prunelab.results.pareto import non_dominated
from prunelab.results.trades import COMPRESSION, SEARCH, SIZE, SPEED, THEORY, Trade, costed
from prunelab.results.units import FRACTION

GROUP = "Accuracy against cost"
FEWEST_SEEDS = 3  # with a surface; two have no median between them
_LOG_FROM = 4.0
ALL = "All, median over seeds"
_TOGETHER = Style(colour=DENSE_GREY, marker="circle", dash="solid")


def pareto_figure(frame: pd.DataFrame) -> LineFigure | Absent:
    """Accuracy against compression ratio with the non-dominated points ringed."""
    return _front(frame, COMPRESSION)


def speedup_figure(frame: pd.DataFrame) -> LineFigure | Absent:
    """Accuracy against theoretical speed-up."""
    return _front(frame, THEORY)


def latency_figure(frame: pd.DataFrame) -> LineFigure | Absent:
    """Accuracy against measured speed-up."""
    return _front(frame, SPEED)


def size_figure(frame: pd.DataFrame) -> LineFigure | Absent:
    """Accuracy against size on disk."""
    return _front(frame, SIZE)


def search_cost_figure(frame: pd.DataFrame) -> LineFigure | Absent:
    """Accuracy against the training work behind a network."""
    return _front(frame, SEARCH)


def _front(frame: pd.DataFrame, trade: Trade) -> LineFigure | Absent:
    found = curves.accuracy(frame)
    if found.empty:
        return Absent(key=trade.key, title=trade.title, reason=trade.absent)
    rows = costed(frame).rename(columns={trade.column: "cost"})
    means = rows.groupby(SERIES, observed=True)["cost"].mean().reset_index().astype({"method": str})
    found = found.merge(means, on=SERIES, how="left")
    lacking = found[~np.isfinite(found["cost"])]
    found = found[np.isfinite(found["cost"])]
    if not (found["level"] > 0).any():
        return Absent(key=trade.key, title=trade.title, reason=trade.absent)
    if found["method"].nunique() > 1 and (found["control"] == "none").any():
        found = found[found["control"] == "none"]
    panels, fronts = _panels(frame, found, rows, trade)
    names = [control_name(control).lower() for control in dict.fromkeys(lacking["control"])]
    best = pd.concat(fronts).drop_duplicates(["cost", "mean"])
    low, high = best["cost"].min(), best["cost"].max()
    caption = f"Ringed points are not dominated: {trade.words}. The front is that of the means over seeds; bars are 95 % intervals."
    caption += trade.more
    caption += _surface_words(panels)
    if names:
        caption += f" {trade.lacking}, so not shown: {', '.join(names)}."
    return LineFigure(
        key=trade.key, title=trade.title, caption=caption,
        alternative=f"Accuracy against {trade.name}; {len(best)} points from {trade.value(low)} to {trade.value(high)} are on the front.",
        x=_axis(trade, max(found["cost"].min(), 1e-9), found["cost"].max()),
        y=Axis(title="Test accuracy (%)", bounds=PERCENT), panels=panels, ring="Not dominated", group=GROUP, choice=trade.choice,
    )  # fmt: skip


def _axis(trade: Trade, low: float, high: float) -> Axis:
    """Logarithmic where the trade spans enough for it; within a few times a logarithmic axis has one tick."""
    if high / low < _LOG_FROM:
        return Axis(title=trade.axis, falling=trade.falling)
    return Axis(title=trade.log_axis(), log=True, falling=trade.falling, ticks=log_ticks(low, high), linear_title=trade.axis)


def _panels(frame: pd.DataFrame, found: pd.DataFrame, rows: pd.DataFrame, trade: Trade) -> tuple[tuple[Panel, ...], list[pd.DataFrame]]:
    """The panels, and the points on the front of each."""
    where = places(frame)
    names = list(dict.fromkeys(place.line for place in where.values()))
    rows = rows[np.isfinite(rows["cost"]) & np.isfinite(rows["test_top1"])]
    each_seed = {(str(method), str(control)): part for (method, control), part in rows.groupby(["method", "control"], observed=True)}  # pyright: ignore
    panel_of = found["method"].map(lambda method: where[str(method)].panel)
    crowded = max(len(here[["method", "control"]].drop_duplicates()) for _, here in found.groupby(panel_of)) > MOST_BANDS
    panels, fronts = [], []
    for title in dict.fromkeys(place.panel for place in where.values()):
        here = found[panel_of == title]
        if not (here["level"] > 0).any():
            continue
        front = pd.Series(non_dominated(here[["cost", "mean"]], maximise=(not trade.falling, True)), index=here.index)
        fronts.append(here[front])
        lines, behind = [], []
        for (method, control), means in here.groupby(["method", "control"], sort=False):  # pyright: ignore
            own = own_name(frame) if control == "none" else control_name(str(control))
            place = where[str(method)].line
            label, look = (place, names.index(place)) if len(where) > 1 else (own, control_place(str(control)))
            lines.append(_line(label, means, front, look, trade))
            behind.append(each_seed[str(method), str(control)])
        surfaces = (
            [_together(lines[0], pd.concat(behind), trade)]
            if crowded
            else [_surface(*pair, trade) for pair in zip(lines, behind, strict=True)]
        )
        surfaces = [surface for surface in surfaces if surface is not None]
        if len(where) > 1:
            lines.sort(key=_name)
        panels.append(Panel(title=capital(title), lines=(*lines, *surfaces)))
    return tuple(panels), fronts


def _name(line: Line) -> str:
    return line.label


def _line(label: str, rows: pd.DataFrame, front: pd.Series, look: int, trade: Trade) -> Line:
    return Line(
        label=label, x=tuple(rows["cost"]), y=tuple(100 * rows["mean"]), low=tuple(100 * rows["low"]),
        high=tuple(100 * rows["high"]), style=style(look), joined=False, ringed=tuple(front[rows.index]),
        hover=tuple(
            hover(label, row, FRACTION) + f"\n{trade.name} {trade.value(row['cost'])}" for row in rows.to_dict("records")
        ),
    )  # fmt: skip


def _together(line: Line, rows: pd.DataFrame, trade: Trade) -> Line | None:
    """One surface of all series, without a band, where one each would hide the points."""
    surface = _surface(line, rows, trade)
    if surface is None:
        return None
    unknown = (np.nan,) * len(surface.x)
    return dataclasses.replace(surface, label=ALL, style=_TOGETHER, low=unknown, high=unknown)


def _surface(line: Line, rows: pd.DataFrame, trade: Trade) -> Line | None:
    """Steps of what half of the seeds reach; the band is from what a quarter of them reach to what three quarters do."""
    if rows.loc[rows["level"] > 0, "seed"].nunique() < FEWEST_SEEDS:
        return None
    corners = attainment(rows.rename(columns={"cost": trade.column}), (trade.column, "test_top1"))
    sign = -1.0 if trade.falling else 1.0
    places = np.unique(sign * corners[trade.column])
    heights = [_heights(places, sign * part[trade.column].to_numpy(), part["test_top1"].to_numpy()) for _, part in corners.groupby("share")]
    best, median, worst = (tuple(np.repeat(100 * height, 2)[1:]) for height in heights)
    x = tuple(sign * np.repeat(places, 2)[:-1])
    return dataclasses.replace(line, x=x, y=median, low=worst, high=best, joined=True, markers=False, ringed=(), hover=())


def _heights(places: np.ndarray, corners: np.ndarray, values: np.ndarray) -> np.ndarray:
    """What is reached at each place: the best value of the corners there or beyond; NaN beyond the last."""
    there = corners[None, :] >= places[:, None]
    return np.where(there.any(axis=1), np.where(there, values[None, :], -np.inf).max(axis=1), np.nan)


def _surface_words(panels: tuple[Panel, ...]) -> str:
    labels = {line.label for panel in panels for line in panel.lines if line.joined}
    if not labels:
        return ""
    steps = "what the fronts of at least half its seeds reach"
    if labels == {ALL}:
        return f" Steps are the median attainment surface of all series together, {steps} (Grunert da Fonseca et al. 2001)."
    return (
        f" Steps are the median attainment surface of a series, {steps}; bands go from a quarter of the seeds to three quarters "
        "(Grunert da Fonseca et al. 2001)."
    )
