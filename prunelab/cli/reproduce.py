"""`prunelab reproduce`: an experiment, and whether its published claims hold."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from prunelab.cli.errors import guarded
from prunelab.cli.families import complete_experiment, complete_override
from prunelab.cli.options import HYDRA_ARGUMENTS, debug_option
from prunelab.cli.report import description


@click.command(context_settings=HYDRA_ARGUMENTS)
@click.argument("name", shell_complete=complete_experiment)
@debug_option
@click.argument("overrides", nargs=-1, type=click.UNPROCESSED, shell_complete=complete_override)
def reproduce(name: str, debug: bool, overrides: tuple[str, ...]) -> None:
    """Run experiment NAME and check its published claims; exits 0 only if all hold.

    Writes experiments/NAME/results/: claims.json, records.csv, environment.json and the figures.
    """
    guarded(debug, lambda: _reproduce(name, overrides))


def _reproduce(name: str, overrides: tuple[str, ...]) -> None:
    from rich.console import Console

    from prunelab.basics.choices import choose
    from prunelab.cli.sweep import run_all
    from prunelab.records.frame import load
    from prunelab.results.claim_files import evaluate, to_json, to_table
    from prunelab.results.claims import Verdict
    from prunelab.results.report import write_report

    folder = Path("experiments")
    if not folder.is_dir():
        raise ValueError("no folder experiments/ here: reproduce runs from a checkout of prunelab")
    choose("experiment with claims", name, [path.parent.name for path in folder.glob("*/claims.py")])
    homes = run_all((f"experiment={name}", *overrides))
    frame = load(homes[0] / "records", name)
    claims = evaluate(folder / name / "claims.py", frame)
    Console().print(to_table(claims))
    results = folder / name / "results"
    page = write_report(
        frame, homes[0] / "reports" / name, title=name, description=description(name), claims=claims, inspect=f"prunelab inspect {name}"
    )
    _keep_results(page, results, to_json(claims))
    click.echo(f"results: {results}\nreport: {page}")
    if any(claim.verdict is not Verdict.HOLDS for claim in claims):
        sys.exit(1)


def _keep_results(page: Path, results: Path, claims: str) -> None:
    """What an experiment keeps in the repository: small files that can be read and compared."""
    import json
    import platform
    import shutil

    import torch

    results.mkdir(parents=True, exist_ok=True)
    (results / "claims.json").write_text(claims)
    shutil.copyfile(page.parent / "points.csv", results / "records.csv")
    for figure in sorted(page.parent.rglob("*.png")):
        shutil.copyfile(figure, results / figure.name)
    environment = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "processor": platform.machine(),
        "threads": torch.get_num_threads(),
    }
    (results / "environment.json").write_text(json.dumps(environment, indent=1))
