"""`prunelab store`: looking after artifacts."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from prunelab.cli.errors import guarded
from prunelab.cli.options import debug_option, home_folder, home_option

if TYPE_CHECKING:
    from prunelab.store.store import Store


@click.group()
def store() -> None:
    """Room, health, cleaning and moving of what stages leave."""


@store.command()
@home_option
@debug_option
def du(home: str | None, debug: bool) -> None:
    """Say how much room the artifacts of each study take, and what no study needs."""
    guarded(debug, lambda: _du(home_folder(home)))


@store.command()
@home_option
@debug_option
def verify(home: str | None, debug: bool) -> None:
    """Read every artifact and compare its checksums. Damaged ones are set aside; exits 1 if there are any."""
    guarded(debug, lambda: _verify(home_folder(home)))


@store.command()
@click.argument("studies", nargs=-1, required=True)
@click.option("--dry-run", is_flag=True, help="Say what would go; delete nothing.")
@home_option
@debug_option
def gc(studies: tuple[str, ...], dry_run: bool, home: str | None, debug: bool) -> None:
    """Keep the artifacts that STUDIES need (`all` for every study) and delete the others. Records stay."""
    guarded(debug, lambda: _gc(home_folder(home), studies, dry_run))


@store.command()
@click.argument("study")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@home_option
@debug_option
def export(study: str, file: Path, home: str | None, debug: bool) -> None:
    """Write STUDY, its records and its artifacts, to FILE (a tar file), for another machine."""
    guarded(debug, lambda: _export(home_folder(home), study, file))


@store.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@home_option
@debug_option
def import_(file: Path, home: str | None, debug: bool) -> None:
    """Take in a study that was exported to FILE. What is there already stays as it is."""
    guarded(debug, lambda: _import(home_folder(home), file))


def _open(home: Path) -> Store:
    from prunelab.store.store import Store

    if not (home / "store").is_dir():
        raise ValueError(f"no store in {home}: give the folder of records with --home, or set PRUNELAB_HOME")
    return Store(home / "store")


def _names(home: Path) -> list[str]:
    """Studies that have records or plans."""
    from prunelab.records.frame import studies as recorded
    from prunelab.store.plans import studies as planned

    return sorted({*recorded(home / "records"), *planned(home / "store")})


def _keys(home: Path, opened: Store, study: str) -> set[str]:
    from prunelab.basics.choices import choose
    from prunelab.records.frame import load, studies
    from prunelab.store.upkeep import needed

    choose("study", study, _names(home))
    recorded = set(load(home / "records", study)["stage_key"]) if study in studies(home / "records") else set()
    return needed(opened, study, recorded)


def _size(size_bytes: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size_bytes < 1000:
            return f"{size_bytes:.3g} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.3g} TB"


def _du(home: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    from prunelab.store.upkeep import report

    opened = _open(home)
    found = report(opened, {name: _keys(home, opened, name) for name in _names(home)})
    table = Table(title=f"{_size(found['all'])} of artifacts in {opened.root}")
    for column in ("study", "artifacts", "needs", "alone"):
        table.add_column(column, justify="left" if column == "study" else "right")
    for name, (all_of_it, alone, count) in found["studies"].items():
        table.add_row(name, f"{count:,}", _size(all_of_it), _size(alone))
    table.add_row("(no study)", "", _size(found["unneeded"]), "")
    Console().print(table)
    click.echo(", ".join(f"{name}: {_size(size)}" for name, size in found["rest"].items()))


def _verify(home: Path) -> None:
    from prunelab.store.upkeep import verify

    found = verify(_open(home))
    for said in (*found.damaged, *found.unreadable):
        click.echo(said)
    click.echo(f"{found.whole:,} artifacts are whole, {len(found.damaged)} were damaged, {len(found.unreadable)} are of a newer version")
    if found.damaged or found.unreadable:
        sys.exit(1)


def _gc(home: Path, studies: Sequence[str], dry_run: bool) -> None:
    from prunelab.store.upkeep import collect, find_waste

    opened = _open(home)
    named = _names(home) if list(studies) == ["all"] else list(studies)
    keep: set[str] = set().union(*(_keys(home, opened, name) for name in named))
    waste = find_waste(opened, keep, named)
    if not dry_run:
        collect(opened, waste)
        shutil.rmtree(home / "sweeps", ignore_errors=True)  # of launchers that were killed
    verb = "would go" if dry_run else "deleted"
    click.echo(
        f"{len(waste.artifacts):,} artifacts and {len(waste.folders):,} remains {verb}, {_size(waste.size_bytes)}; {len(keep):,} stay"
    )


def _export(home: Path, study: str, file: Path) -> None:
    from prunelab.store.bundle import export

    opened = _open(home)
    keys = _keys(home, opened, study)
    size = export(opened, home / "records", study, keys, file)
    click.echo(f"{file}: {study} with {len(keys):,} artifacts, {_size(size)}")


def _import(home: Path, file: Path) -> None:
    from prunelab.store.bundle import import_
    from prunelab.store.store import Store

    found = import_(Store(home / "store"), home / "records", file)
    click.echo(
        f"{found.study}: {found.artifacts:,} artifacts and {found.records:,} records are new, "
        f"{found.artifacts_known:,} and {found.records_known:,} were there"
    )
