"""`prunelab status`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from prunelab.cli.errors import guarded
from prunelab.cli.options import debug_option, home_folder, home_option


@click.command()
@click.argument("study")
@home_option
@debug_option
def status(study: str, home: str | None, debug: bool) -> None:
    """Say how far the last sweep of STUDY is, wherever it runs: from the store and the records alone.

    Exits 1 if something in it failed.
    """
    guarded(debug, lambda: _status(study, home_folder(home)))


def _status(study: str, home: Path) -> None:
    from prunelab.cli.looking import in_words
    from prunelab.store.plans import read_jobs
    from prunelab.store.store import Store
    from prunelab.study.overview import Lookout

    store = Store(home / "store")
    jobs = read_jobs(store.root, study)
    found = Lookout(jobs, store, home / "records").look()
    click.echo(f"{study}, started {jobs[0].sweep[:19].replace('T', ' ')} UTC")
    click.echo(in_words(found))
    if found.failures:
        for job in jobs:
            if any(key in found.failures for key in job.stages):
                click.echo(f"  job {job.number}: log {job.log}\n    again: {job.command}")
        sys.exit(1)
