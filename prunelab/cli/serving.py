"""`prunelab report STUDY --serve`."""

from __future__ import annotations

import signal
from pathlib import Path

import click

PORT = 8765


def serve(word: str, home: Path, port: int) -> None:
    """Show a study's page on this machine until Ctrl-C.

    Raises:
        ValueError: if `word` is no name of a study, or the port cannot be had.
    """
    from prunelab.basics.choices import nearest
    from prunelab.cli.report import claims_file, description
    from prunelab.records.frame import studies
    from prunelab.records.writer import check_study_name
    from prunelab.results.claim_files import evaluate
    from prunelab.results.live import LiveReport
    from prunelab.results.serving import HOST, server

    records = home / "records"
    names = studies(records)
    if word not in names and (":" in word or Path(word).exists()):
        raise ValueError(f"--serve follows the records of a study below {records}; leave it out for the report of {word!r}")
    study = check_study_name(word)
    claims = claims_file(study)
    report = LiveReport(
        records,
        study,
        description=description(study),
        claims_of=(lambda frame: evaluate(claims, frame)) if claims.is_file() else None,
    )
    try:
        listening = server(report, port)
        if study not in names:
            match = nearest(study, names)
            click.echo(f"no records of {study!r} below {records} yet; the page waits." + (f" Did you mean {match!r}?" if match else ""))
        click.echo(f"report: http://{HOST}:{listening.server_port}/  (Ctrl-C ends it)")
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does, and leaves nothing behind
        with listening:
            listening.serve_forever()
    except KeyboardInterrupt:
        click.echo("stopped")
    finally:
        report.close()
