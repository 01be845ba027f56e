"""`prunelab list`: the choices of a config group."""

from __future__ import annotations

import click

from prunelab.cli.families import GROUPS, choices


@click.command("list")
@click.argument("family", type=click.Choice(list(GROUPS)))
def list_(family: str) -> None:
    """List the choices of FAMILY, one line each, with their source."""
    rows = choices(GROUPS[family])
    width = max(len(name) for name, _ in rows)
    for name, meaning in rows:
        click.echo(f"{name:<{width}}  {meaning}")
