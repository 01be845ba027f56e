"""`prunelab report`."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from prunelab.cli.errors import guarded
from prunelab.cli.options import debug_option, home_folder, home_option


@click.command()
@click.argument("source")
@home_option
@click.option("--output", help="Folder of the report; HOME/reports/NAME if not given.")
@debug_option
def report(source: str, home: str | None, output: str | None, debug: bool) -> None:
    r"""Write the report of SOURCE: one HTML page, its figures as PNG, SVG and PDF, its points as CSV.

    \b
    prunelab report lottery_mnist5k          a study, from its records
    prunelab report wandb:me/prunelab        a W&B project; wandb:me/prunelab/GROUP for one study of it
    prunelab report runs/wandb               a folder of W&B runs on disk, sent or not
    prunelab report points.csv               any table with a sparsity and an accuracy
    """
    guarded(debug, lambda: click.echo(f"report: {_report(source, home_folder(home), output)}"))


def _report(word: str, home: Path, output: str | None = None) -> Path:
    from prunelab.records.frame import studies
    from prunelab.records.sources import source_of
    from prunelab.results.claim_files import evaluate
    from prunelab.results.report import write_report

    source = source_of(word, home=home)
    study, frame = source.name, source.load()
    claims_file = Path("experiments") / study / "claims.py"
    claims = evaluate(claims_file, frame) if claims_file.is_file() else None
    target = Path(output) if output else home / "reports" / study
    inspect = shlex.join(["prunelab", "inspect", study]) if study in studies(home / "records") else ""
    return write_report(frame, target, title=study, description=description(study), claims=claims, inspect=inspect)


def description(study: str) -> str:
    """The sentence that an experiment's config has for its report."""
    import yaml

    from prunelab.config import conf_dir

    path = conf_dir() / "experiment" / f"{study}.yaml"
    return yaml.safe_load(path.read_text()).get("description", "") if path.is_file() else ""
