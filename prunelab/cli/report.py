"""`prunelab report`."""

from __future__ import annotations

from pathlib import Path

import click

from prunelab.cli.errors import guarded
from prunelab.cli.options import debug_option, home_folder, home_option


@click.command()
@click.argument("study")
@home_option
@click.option("--output", help="Folder of the report; HOME/reports/STUDY if not given.")
@debug_option
def report(study: str, home: str | None, output: str | None, debug: bool) -> None:
    """Write the report of STUDY: one HTML page, its figures as PNG, SVG and PDF, its points as CSV."""
    guarded(debug, lambda: click.echo(f"report: {_report(study, home_folder(home), output)}"))


def _report(study: str, home: Path, output: str | None = None) -> Path:
    from prunelab.records.frame import load
    from prunelab.results.claim_files import evaluate
    from prunelab.results.report import write_report

    frame = load(home / "records", study)
    claims_file = Path("experiments") / study / "claims.py"
    claims = evaluate(claims_file, frame) if claims_file.is_file() else None
    target = Path(output) if output else home / "reports" / study
    return write_report(frame, target, title=study, description=description(study), claims=claims)


def description(study: str) -> str:
    """The sentence that an experiment's config has for its report."""
    import yaml

    from prunelab.config import conf_dir

    path = conf_dir() / "experiment" / f"{study}.yaml"
    return yaml.safe_load(path.read_text()).get("description", "") if path.is_file() else ""
