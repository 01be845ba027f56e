"""`prunelab list`: the choices of a config group."""

from __future__ import annotations

import click

from prunelab.cli.errors import guarded
from prunelab.cli.families import GROUPS, choices, complete_family, group_of


@click.command("list")
@click.argument("family", required=False, shell_complete=complete_family)
def list_(family: str | None) -> None:
    """List the choices of FAMILY, one line each, with their source; without it, the families.

    A choice is used as GROUP=NAME: `prunelab list criterion`, then `prunelab run pruning/criterion=snip`.
    """
    guarded(False, lambda: _say(choices(group_of(family)) if family else list(GROUPS.items())))


def _say(rows: list[tuple[str, str]]) -> None:
    width = max((len(name) for name, _ in rows), default=0)
    for name, meaning in rows:
        click.echo(f"{name:<{width}}  {meaning}")
