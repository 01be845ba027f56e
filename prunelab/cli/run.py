"""`prunelab run`."""

from __future__ import annotations

import click

from prunelab.cli.errors import guarded
from prunelab.cli.families import GROUPS, choices
from prunelab.cli.jobs import run_all
from prunelab.cli.options import HYDRA_ARGUMENTS, debug_option


def _complete_override(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Config groups and their choices, for the shell."""
    if "=" not in incomplete:
        return [f"{group}=" for group in GROUPS.values() if group.startswith(incomplete)]
    group = incomplete.partition("=")[0]
    return [f"{group}={name}" for name, _ in choices(group) if f"{group}={name}".startswith(incomplete)]


@click.command(context_settings=HYDRA_ARGUMENTS)
@click.option("--plan", "only_plan", is_flag=True, help="Show what is done, what would run and how long it takes; run nothing.")
@debug_option
@click.argument("overrides", nargs=-1, type=click.UNPROCESSED, shell_complete=_complete_override)
def run(only_plan: bool, debug: bool, overrides: tuple[str, ...]) -> None:
    """Run a study. OVERRIDES are Hydra's: group=choice, option=value, -m for sweeps, --cfg job to see the config.

    Finished stages are never computed again: the same command after a crash goes on where it stopped.
    """
    guarded(debug, lambda: run_all(overrides, only_plan=only_plan))
