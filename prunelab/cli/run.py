"""`prunelab run`."""

from __future__ import annotations

import click

from prunelab.cli.errors import guarded
from prunelab.cli.families import complete_override
from prunelab.cli.options import HYDRA_ARGUMENTS, debug_option


@click.command(context_settings=HYDRA_ARGUMENTS)
@click.option("--plan", "only_plan", is_flag=True, help="Show what is done, what would run and how long it takes; run nothing.")
@debug_option
@click.argument("overrides", nargs=-1, type=click.UNPROCESSED, shell_complete=complete_override)
def run(only_plan: bool, debug: bool, overrides: tuple[str, ...]) -> None:
    """Run a study. OVERRIDES are Hydra's: group=choice, option=value, -m for sweeps, --cfg job to see the config.

    Finished stages are never computed again: the same command after a crash goes on where it stopped.
    """

    def action() -> None:
        from prunelab.cli.sweep import run_all

        run_all(overrides, only_plan=only_plan)

    guarded(debug, action)
