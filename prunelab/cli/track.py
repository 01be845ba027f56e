"""`prunelab track`: what W&B is told after a run, and before one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from prunelab.cli.errors import guarded
from prunelab.cli.families import complete_override
from prunelab.cli.options import HYDRA_ARGUMENTS, debug_option, home_folder, home_option

if TYPE_CHECKING:
    from prunelab.cli.wandb_sweeps import Plan


@click.group()
def track() -> None:
    """Send what was kept offline to W&B; write W&B sweeps."""


@track.command()
@click.argument("study")
@click.option("--project", default="", help="W&B project; the one that the runs were made for if not given.")
@click.option("--entity", help="W&B user or team; the account's own if not given.")
@click.option("--patience", type=click.FloatRange(1), default=600.0, show_default=True, help="Seconds that a hundred runs may take.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent; send nothing.")
@home_option
@debug_option
def sync(study: str, project: str, entity: str | None, patience: float, dry_run: bool, home: str | None, debug: bool) -> None:
    """Send the runs of STUDY that W&B does not have yet, by W&B's own sync. Runs that it has are not sent again.

    Exits 1 if some could not be sent; the same command tries them again.
    """

    def action() -> None:
        from prunelab.tracking.wandb_folders import sync as send

        kept = _kept(study, home_folder(home))
        if not kept or dry_run:
            return
        done = send(kept, project=project, entity=entity, patience=patience)
        click.echo(f"sent {len(done.sent)} runs" + (f", {len(done.left)} are left" if done.left else ""))
        if done.left:
            click.echo(f"W&B says:\n{done.said[-2000:]}", err=True)
            sys.exit(1)

    guarded(debug, action)


def _kept(study: str, home: Path) -> list[Path]:
    """Logs of the runs of a study that are not sent; says how many.

    Raises:
        ValueError: if no run on disk is of this study.
    """
    from prunelab.basics.choices import choose
    from prunelab.records.from_wandb_files import run_files, studies_of
    from prunelab.tracking.wandb_folders import unsent

    folder = home / "wandb"
    files = run_files(folder)
    if not files:
        raise ValueError(f"no W&B runs in {folder}: run the study with tracking=wandb (the default) first, or give its --home")
    named = studies_of(files)
    choose("study", study, sorted({name for name in named.values() if name}))
    own = [path for path in files if named[path] == study]
    kept = unsent(own)
    click.echo(f"{study}: {len(own)} runs in {folder}, {len(kept)} not sent yet")
    return kept


@track.command(context_settings=HYDRA_ARGUMENTS)
@click.option("--method", type=click.Choice(["grid", "random", "bayes"]), default="grid", show_default=True, help="How W&B chooses.")
@click.option("--output", help="The file; NAME-sweep.yaml if not given.")
@debug_option
@click.argument("overrides", nargs=-1, type=click.UNPROCESSED, shell_complete=complete_override)
def sweep(method: str, output: str | None, debug: bool, overrides: tuple[str, ...]) -> None:
    """Write the W&B sweep of a study: each of its jobs is one run of an agent.

    OVERRIDES are those of `prunelab run`. What an experiment sweeps over is swept, and so is what is written as a list of choices:

    \b
    prunelab track sweep experiment=criteria_shootout
    prunelab track sweep dataset=digits pruning/criterion=magnitude,lamp
    prunelab track sweep --method random "optimizer.lr=interval(1e-4,1e-2)"
    """

    def action() -> None:
        from prunelab.cli.wandb_sweeps import plan_of

        made: Plan = plan_of(overrides, method)
        path = Path(output or f"{made.name}-sweep.yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made.text())
        click.echo(f"{path}: {made.size} of {', '.join(made.parameters)}")
        where = f" --entity {made.entity}" if made.entity else ""
        click.echo(f"start it: wandb sweep --project {made.project}{where} {path}, then wandb agent with the name that it prints")

    guarded(debug, action)
