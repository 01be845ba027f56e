"""Options that several commands have."""

from __future__ import annotations

import os
from pathlib import Path

import click

HYDRA_ARGUMENTS = {"ignore_unknown_options": True, "allow_extra_args": True}

debug_option = click.option("--debug", is_flag=True, help="Show the whole traceback of an error.")
home_option = click.option("--home", help="Folder of records; $PRUNELAB_HOME or ./runs if not given.")

style_option = click.option(
    "--style", help="Of figures for papers: paper (5.5 in, the default), column (3.25 in), slides (16:9), or FILE.mplstyle."
)


def home_folder(home: str | None) -> Path:
    """Where records and artifacts are: `home` if given, else $PRUNELAB_HOME, else ./runs."""
    return Path(home or os.environ.get("PRUNELAB_HOME") or "runs")
