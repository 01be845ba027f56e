"""`prunelab inspect`."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from prunelab.cli.errors import guarded
from prunelab.cli.options import debug_option, home_folder, home_option, style_option

if TYPE_CHECKING:
    from prunelab.basics.component import Component
    from prunelab.study.insight.progress import Progress

_CRITERIA = "magnitude,gradient,snip,taylor"


@click.command()
@click.argument("study")
@click.option("--level", type=int, help="Level to look at closely: heat maps, reliability, pictures. The last if not given.")
@click.option("--sparsity", type=float, help="The same by the fraction of weights removed: the nearest level.")
@click.option("--only", help="Some of overlap,agreement,exemplars,calibration; all if not given.")
@click.option("--criteria", default=_CRITERIA, show_default=True, help="Criteria to compare with the study's own; '' for none.")
@home_option
@click.option("--output", help="Folder of the page; HOME/reports/STUDY if not given.")
@style_option
@debug_option
def inspect(
    study: str,
    level: int | None,
    sparsity: float | None,
    only: str | None,
    criteria: str,
    home: str | None,
    output: str | None,
    style: str | None,
    debug: bool,
) -> None:
    """Look into STUDY: what its masks and networks show that records alone cannot. Nothing is trained.

    \b
    overlap      do masks agree beyond chance, across seeds, levels, methods and controls
    agreement    do criteria rank the weights of the dense network alike, and remove the same ones
    exemplars    test examples that pruned networks see otherwise than dense ones (Hooker et al. 2019)
    calibration  do networks know when they are right: calibration error, Brier score, reliability

    \b
    prunelab inspect lottery_mnist5k
    prunelab inspect lottery_mnist5k --sparsity 0.9 --only overlap,exemplars
    prunelab inspect criteria_shootout --only agreement --criteria magnitude,obd,wanda

    Writes inspect.html, one page that needs no network, its figures as PNG, SVG and PDF and its tables as CSV, beside the study's report.
    What networks predict is kept in the store, so that a second look is quick.
    """
    guarded(debug, lambda: _inspect(study, level, sparsity, only, criteria, home_folder(home), output, style))


def _inspect(
    study: str,
    level: int | None,
    sparsity: float | None,
    only: str | None,
    criteria: str,
    home: Path,
    output: str | None,
    style: str | None,
) -> None:
    from prunelab.records.frame import load
    from prunelab.results import drawing
    from prunelab.results.insight.found import PARTS
    from prunelab.results.insight.page import write_inspection
    from prunelab.results.paper_styles import DEFAULT, paper_style
    from prunelab.results.report import PAGE_NAME
    from prunelab.store.store import Store
    from prunelab.study.insight.inspect import inspect as look_into

    style = style or DEFAULT
    paper_style(style)  # what is wrong with it is said before anything is computed
    parts = PARTS if only is None else tuple(_words(only))
    frame = load(home / "records", study)
    with _progress() as progress:
        found = look_into(
            Store(home / "store"),
            frame,
            study=study,
            criteria={name: _criterion(name) for name in _words(criteria)},
            only=parts,
            level=level,
            sparsity=sparsity,
            progress=progress,
        )
    drawing.get_ready()
    target = Path(output) if output else home / "reports" / study
    asked = criteria if criteria != _CRITERIA else None
    given = {"--level": level, "--sparsity": sparsity, "--only": only, "--criteria": asked, "--style": style if style != DEFAULT else None}
    words = [word for option, value in given.items() if value is not None for word in (option, str(value))]
    report = PAGE_NAME if (target / PAGE_NAME).is_file() else ""
    command = shlex.join(["prunelab", "inspect", study, *words])
    page = write_inspection(found, target, command=command, page_of_report=report, style=style)
    click.echo(f"page: {page}")
    if report and f'href="{page.name}"' not in (target / report).read_text(encoding="utf-8"):
        click.echo("the report links to it once it is written again: " + shlex.join(["prunelab", "report", study]), err=True)


def _words(given: str) -> list[str]:
    return list(dict.fromkeys(word.strip() for word in given.split(",") if word.strip()))


def _criterion(name: str) -> Component:
    """The criterion of conf/pruning/criterion/NAME.yaml with its default options.

    Raises:
        ValueError: if there is none, naming the nearest.
    """
    import yaml

    from prunelab.basics.choices import choose
    from prunelab.basics.component import component
    from prunelab.cli.families import choices
    from prunelab.config import conf_dir

    choose("criterion", name, [known for known, _ in choices("pruning/criterion")])
    settings = yaml.safe_load((conf_dir() / "pruning" / "criterion" / f"{name}.yaml").read_text())
    return component(name, settings.pop("_target_"), settings)


@contextlib.contextmanager
def _progress() -> Iterator[Progress]:
    """A bar on a terminal's error stream; elsewhere nothing."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("left"), TimeRemainingColumn())
    with Bars(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        tasks: dict[str, int] = {}

        def progress(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = int(bars.add_task(what, total=total))
            bars.update(tasks[what], completed=done, total=total)  # pyright: ignore[reportArgumentType]

        yield progress
