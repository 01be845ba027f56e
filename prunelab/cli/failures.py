"""What failed in a sweep, with what a person needs to go on."""

from __future__ import annotations

from collections.abc import Sequence

from prunelab.cli.jobs import Job
from prunelab.cli.work import Outcome


def failure_table(jobs: Sequence[Job], failed: Sequence[Outcome]) -> str:
    """Job, stage, error, log and the command to try again, of each failure.

    Lines, not columns: commands and paths are to be copied whole.
    """
    by_number = {job.number: job for job in jobs}
    lines = [f"{len(failed)} of {len(jobs)} jobs failed:" if len(jobs) > 1 else "failed:"]
    for outcome in failed:
        job = by_number[outcome.number]
        for failure in outcome.failures:
            lines += [f"  job {job.number}, {failure.stage} {failure.key[:16]} for {failure.point}", f"    error: {failure.error}"]
        if outcome.error:
            lines += [f"  job {job.number}", f"    error: {outcome.error}"]
        lines += [f"    log: {job.log}", f"    again: {job.command}"]
    return "\n".join(lines)
