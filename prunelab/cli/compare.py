"""`prunelab compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from prunelab.cli.errors import guarded
from prunelab.cli.options import debug_option, home_folder, home_option

if TYPE_CHECKING:
    from rich.table import Table

    from prunelab.results.attainment import Dominance
    from prunelab.results.compare import Comparison
    from prunelab.results.intervals import MeanInterval
    from prunelab.results.units import Unit


@click.command()
@click.argument("first")
@click.argument("second")
@home_option
@click.option("--measure", default="test_top1", show_default=True, help="Column of the records; --measure '?' says which there are.")
@click.option("--margin", type=float, help="Differences within it count as none; 0.005 (half a point) for accuracies, else 0.")
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON.")
@debug_option
def compare(first: str, second: str, home: str | None, measure: str, margin: float | None, as_json: bool, debug: bool) -> None:
    """Compare FIRST with SECOND, paired by seed and by weights left: a verdict in one sentence, and the numbers under it.

    Either is STUDY, STUDY:METHOD, STUDY:CONTROL or STUDY:METHOD:CONTROL; methods are called as in the report. STUDY may
    be anything that `prunelab report` takes.

    \b
    prunelab compare lottery_mnist5k lottery_mnist5k:reinit
    prunelab compare shootout:magnitude shootout:snip --measure test_loss
    prunelab compare "shootout:obs,fine-tuned" lottery_mnist5k
    prunelab compare lottery_mnist5k wandb:me/prunelab/lottery_mnist5k:reinit
    prunelab compare points.csv:reinit runs/wandb
    """
    guarded(debug, lambda: _compare((first, second), home_folder(home), measure, margin, as_json))


def _compare(words: tuple[str, str], home: Path, measure: str, margin: float | None, as_json: bool) -> None:
    from prunelab.records.sources import source_of, source_parts
    from prunelab.results.compare import compare as compared
    from prunelab.results.matching import MARGIN
    from prunelab.results.sides import side_of
    from prunelab.results.units import FRACTION, unit_of

    sides = [side_of(word, lambda study: source_of(study, home=home).load(), split=source_parts) for word in words]
    if margin is None:
        margin = MARGIN if unit_of(measure) is FRACTION else 0.0
    found = compared(sides[0], sides[1], measure, margin)
    click.echo(_json(found) if as_json else found.verdict)
    if not as_json:
        _print(found)


def _json(found: Comparison) -> str:
    """Every number, not rounded; what is not a number is null."""
    import dataclasses
    import json
    import math

    def plain(value: object) -> object:
        if isinstance(value, float):
            return value if math.isfinite(value) else None
        if isinstance(value, dict):
            return {str(key): plain(entry) for key, entry in value.items()}
        return [plain(entry) for entry in value] if isinstance(value, (list, tuple)) else value

    return json.dumps(plain(dataclasses.asdict(found)), indent=1)


def _print(found: Comparison) -> None:
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    for place, name in zip(("First", "Second"), found.names, strict=True):
        console.print(f"{place}: {name}", markup=False)
    console.print(_levels(found))
    console.print(_totals(found))
    if found.dominance is not None:
        console.print(_dominance(found.dominance, found), markup=False)
    for note in found.notes:
        console.print(f"- {note}", markup=False)


def _dominance(counted: Dominance, found: Comparison) -> str:
    from prunelab.results.over_seeds import named
    from prunelab.results.units import FRACTION

    first, second = found.names
    seeds = counted.num_first + counted.num_second + counted.num_equal + counted.num_neither
    return (
        f"On {counted.num_first} of {seeds} seeds the front of {first} dominates that of {second} in compression and {found.column}: "
        f"probability {FRACTION.value(counted.probability)} {FRACTION.interval(counted.low, counted.high)}; the other way round on "
        f"{counted.num_second}, equal on {counted.num_equal}, neither on {counted.num_neither}"
        + (f"; {named(counted.unpaired)} without a pruned network of both." if counted.unpaired else ".")
    )


def _levels(found: Comparison) -> Table:
    from rich.markup import escape
    from rich.table import Table

    from prunelab.results.units import percent, unit_of

    unit = unit_of(found.column)
    table = Table(title=f"{found.column}, {unit.of_value or unit.name}, paired by seed", title_justify="left")
    for heading in ("Weights left", "First", "Second", "Difference, 95 % interval", "p (Holm)", "Seeds", "Note"):
        table.add_column(heading)
    for pair in found.levels:
        interval = pair.difference.interval
        table.add_row(
            percent(pair.density), unit.number(pair.first), unit.number(pair.second), _difference(interval, "", unit),
            "–" if pair.adjusted != pair.adjusted else f"{pair.adjusted:.2g}", str(interval.num_seeds), escape(pair.note),
        )  # fmt: skip
    return table


def _totals(found: Comparison) -> Table:
    from rich.markup import escape
    from rich.table import Table

    from prunelab.results.units import FRACTION, NUMBER, unit_of

    table = Table(title="Over all levels of each", title_justify="left")
    for heading in ("", "First", "Second", "Difference, 95 % interval", "Note"):
        table.add_column(heading)
    for total in found.totals:
        unit = FRACTION if total.name.startswith("Matching") else NUMBER if total.name == "Hypervolume" else unit_of(found.column)
        *of_sides, of_difference = total.bounds
        cells = [_mean(side, bound, unit) for side, bound in zip((total.first, total.second), of_sides, strict=True)]
        table.add_row(total.name, *cells, _difference(total.difference, of_difference, unit), escape(total.note))
    return table


def _mean(found: MeanInterval | None, bound: str, unit: Unit) -> str:
    from prunelab.results.over_seeds import ends

    return "–" if found is None else f"{bound} {unit.value(found.mean)} {ends(found, bound, unit)}".strip()


def _difference(found: MeanInterval | None, bound: str, unit: Unit) -> str:
    from prunelab.results.over_seeds import ends

    return "–" if found is None else f"{bound} {unit.number(found.mean, signed=True)} {ends(found, bound, unit, signed=True)}".strip()
