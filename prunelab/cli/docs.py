"""`prunelab docs`: the pages that are written from the code."""

from __future__ import annotations

import os

import click

from prunelab.cli.checkout import checkout
from prunelab.cli.errors import guarded
from prunelab.cli.options import debug_option


@click.command()
@debug_option
def docs(debug: bool) -> None:
    """Write docs/methods.md from the code: every method, and what combines with what."""
    guarded(debug, _write)


def _write() -> None:
    from prunelab.cli.methods import page

    path = checkout() / "docs" / "methods.md"
    path.write_text(page())
    click.echo(f"wrote {os.path.relpath(path)}")
