"""Agreement of criteria, as heat maps with numbers and a table."""

from __future__ import annotations

import math

import pandas as pd

from prunelab.results.figure_parts import Absent, Figure, HeatFigure, HeatPanel, HeatScale
from prunelab.results.insight.drawing import matrix, pair_means
from prunelab.results.insight.found import Inspection
from prunelab.results.sections import Section
from prunelab.results.units import FRACTION, MINUS, NONE, percent

ALL = "all"
CORRELATION = HeatScale(low=-1, high=1, ticks=(-1, -0.5, 0, 0.5, 1), diverging=True, form="z.2f")
REMOVED = HeatScale(low=0, high=100, ticks=(0, 20, 40, 60, 80, 100), form=".1f")


def agreement_figures(found: Inspection) -> list[Figure | Absent]:
    """Rank correlation, and the overlap of what would be removed."""
    tables = found.parts["agreement"].tables
    return [_correlations(tables["agreement"]), _removed(tables["removed"])]


def _correlations(table: pd.DataFrame) -> HeatFigure | Absent:
    key, title = "agreement", "Agreement of criteria on the dense network"
    rows = _paired(table)
    if not rows["spearman"].notna().any():
        return Absent(key=key, title=title, reason="No two criteria could be asked about a dense network of the study.")
    panels = []
    for network, own in rows.groupby("network", sort=False):
        names = _names(own)
        whole, within = own[own["tensor"] == ALL], own[own["tensor"] != ALL]
        parts = (("Over all tensors", whole), ("Within tensors, mean over them", within))
        for words, part in parts if within["tensor"].nunique() > 1 else parts[:1]:
            cells = matrix(names, pair_means(part, "spearman"), 1.0)
            panels.append(_panel(_title(str(network), words), names, cells, "Spearman's correlation {:.3f}"))
    return HeatFigure(
        key=key, title=title,
        caption="Spearman's rank correlation of the scores that two criteria give the same units of the trained dense network, mean over "
        "seeds; equal scores share their mean rank. 1: the same order, 0: none in common, −1: the reverse.",
        alternative=f"Heat map of the rank correlation between {', '.join(_names(rows))}.",
        x_title="", y_title="", scale_title="Spearman", panels=tuple(panels), scale=CORRELATION,
    )  # fmt: skip


def _removed(table: pd.DataFrame) -> HeatFigure | Absent:
    key, title = "removed", "What criteria would remove alike"
    rows = _paired(table)
    if rows.empty:
        return Absent(key=key, title=title, reason="No two criteria could be asked about a dense network of the study.")
    panels = []
    for (network, fraction), own in rows.groupby(["network", "fraction"], sort=False):  # pyright: ignore
        names, chance = _names(own), float(own["chance"].mean())
        cells = matrix(names, pair_means(own, "iou", 100), 100.0)
        words = f"{percent(float(str(fraction)))} removed; by chance {FRACTION.number(chance)}"
        panels.append(_panel(_title(str(network), words), names, cells, "overlap {:.1f} %"))
    return HeatFigure(
        key=key, title=title,
        caption="Units that both criteria would remove over those that either would, in per cent, with one budget over all tensors; mean "
        "over seeds. Chance: two random choices of as many.",
        alternative=f"Heat maps of the overlap of what {', '.join(_names(rows))} would remove.",
        x_title="", y_title="", scale_title="Overlap (%)", panels=tuple(panels), scale=REMOVED,
    )  # fmt: skip


def _title(network: str, words: str) -> str:
    return f"{network}: {words[:1].lower()}{words[1:]}" if network else words


def _paired(table: pd.DataFrame) -> pd.DataFrame:
    return table.rename(columns={"first": "one", "second": "other"})


def _names(rows: pd.DataFrame) -> list[str]:
    """In the order in which the criteria were given."""
    return list(dict.fromkeys([*rows["one"], *rows["other"]]))


def _panel(title: str, names: list[str], cells: tuple[tuple[float, ...], ...], form: str) -> HeatPanel:
    said = tuple(
        tuple(
            f"{one} with {other}\n{form.format(cells[i][j]) if math.isfinite(cells[i][j]) else 'not defined'}"
            for j, other in enumerate(names)
        )
        for i, one in enumerate(names)
    )
    return HeatPanel(title=title, rows=tuple(names), columns=tuple(names), values=cells, hover=said)


def agreement_section(found: Inspection) -> Section | None:
    """A row a pair of criteria."""
    tables = found.parts["agreement"].tables
    rows, removed = _paired(tables["agreement"]), _paired(tables["removed"])
    if rows.empty:
        return None
    fractions = sorted(set(removed["fraction"]))
    lines = []
    for (network, one, other), own in rows.groupby(["network", "one", "other"], sort=False):  # pyright: ignore
        whole, within = own[own["tensor"] == ALL], own[own["tensor"] != ALL]
        gone = removed[(removed["network"] == network) & (removed["one"] == one) & (removed["other"] == other)]
        pair = f"{one} with {other}"
        overlaps = [_overlap(gone[gone["fraction"] == fraction]) for fraction in fractions]
        tied = FRACTION.number(float(gone["tied"].max())) if len(gone) else NONE
        numbers = [
            _number(whole["spearman"].mean()),
            _range(whole["spearman"]),
            _number(whole["kendall"].mean()),
            _number(within["spearman"].mean()),
        ]
        lines.append((f"{network}: {pair}" if network else pair, *numbers, *overlaps, tied))
    lede = (
        "Correlations of scores on the trained dense network, mean over seeds; Kendall's is tau-b, left out beyond 500,000 units. "
        "A dash: all scores of a criterion are equal. Removed alike: intersection over union in per cent, in brackets what chance gives. "
        "Tied: the largest share of units at the edge of what is removed that have the same score, of which the first in the network stay."
    )
    shares = [f"{percent(fraction)} removed alike" for fraction in fractions]
    headings = ("Criteria", "Spearman", "By seed", "Kendall", "Within tensors", *shares, "Tied, %")
    return Section(key="agreement-table", title="Agreement of criteria", lede=lede, headings=headings, rows=tuple(lines))


def _number(value: float) -> str:
    return f"{value:.3f}".replace("-", MINUS) if math.isfinite(value) else NONE


def _range(values: pd.Series) -> str:
    return f"{_number(values.min())} to {_number(values.max())}" if values.notna().sum() > 1 else "one seed"


def _overlap(rows: pd.DataFrame) -> str:
    return f"{FRACTION.number(float(rows['iou'].mean()))} ({FRACTION.number(float(rows['chance'].mean()))})" if len(rows) else NONE
