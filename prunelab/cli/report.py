"""`prunelab report`."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from prunelab.basics.garbage import importing
from prunelab.cli.errors import guarded
from prunelab.cli.options import debug_option, home_folder, home_option, style_option


@click.command()
@click.argument("source")
@home_option
@click.option("--output", help="Folder of the report; HOME/reports/NAME if not given.")
@click.option("--serve", is_flag=True, help="Write nothing: show the page on this machine, and renew it as records arrive.")
@click.option("--port", type=click.IntRange(0, 65535), help="Of --serve; 8765 if not given, 0 for any that is free.")
@style_option
@debug_option
def report(source: str, home: str | None, output: str | None, serve: bool, port: int | None, style: str | None, debug: bool) -> None:
    """Write the report of SOURCE: one HTML page, figures as PNG, SVG and PDF, tables as Markdown and LaTeX, points as CSV.

    \b
    prunelab report lottery_mnist5k          a study, from its records
    prunelab report lottery_mnist5k --serve  the same while it runs, at http://127.0.0.1:8765
    prunelab report wandb:me/prunelab        a W&B project; wandb:me/prunelab/GROUP for one study of it
    prunelab report runs/wandb               a folder of W&B runs on disk, sent or not
    prunelab report points.csv               the points of a report, or any table with a sparsity and a test accuracy
    """
    if not serve and port is not None:
        raise click.UsageError("--port is of --serve")
    if serve and (output is not None or style is not None):
        raise click.UsageError(f"--serve writes nothing; leave out {'--output' if output is not None else '--style'}")
    if serve:
        from prunelab.cli import serving

        guarded(debug, lambda: serving.serve(source, home_folder(home), serving.PORT if port is None else port))
    else:
        guarded(debug, lambda: click.echo(f"report: {_report(source, home_folder(home), output, style or 'paper')}"))


def _report(word: str, home: Path, output: str | None = None, style: str = "paper") -> Path:
    from prunelab.results import drawing

    drawing.get_ready()
    with importing():
        from prunelab.records.frame import studies
        from prunelab.records.sources import source_of
        from prunelab.results.claim_files import evaluate
        from prunelab.results.report import write_report

    source = source_of(word, home=home)
    study, claimed = source.name, claims_file(source.name).is_file()
    frame = source.load(curves=claimed)  # no report shows them; claims may read them
    claims = evaluate(claims_file(study), frame) if claimed else None
    target = Path(output) if output else home / "reports" / source.folder
    inspect = shlex.join(["prunelab", "inspect", study]) if study in studies(home / "records") else ""
    words = {"title": study, "description": description(study), "inspect": inspect, "style": style}
    return write_report(frame, target, **words, claims=claims)


def claims_file(study: str) -> Path:
    """Where a checkout has the claims of an experiment."""
    return Path("experiments") / study / "claims.py"


def description(study: str) -> str:
    """The sentence that an experiment's config has for its report."""
    import yaml

    from prunelab.config import conf_dir

    path = conf_dir() / "experiment" / f"{study}.yaml"
    return yaml.safe_load(path.read_text()).get("description", "") if path.is_file() else ""
