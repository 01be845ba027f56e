"""Looking on while a sweep runs elsewhere."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from prunelab.cli.jobs import Job
    from prunelab.study.overview import Overview

_LIVE_SECONDS, _LINE_SECONDS = 1.0, 10.0


def in_words(found: Overview) -> str:
    """A sweep in two lines, and a line for each stage that is being computed or could not be."""
    from prunelab.console import duration

    jobs = found.jobs
    counts = ", ".join(f"{jobs[state]} {state}" for state in ("running", "failed", "waiting") if jobs[state])
    lines = [f"jobs: {jobs['done']} of {sum(jobs.values())} done{', ' if counts else ''}{counts}"]
    left = "everything is there"
    if found.steps_left:
        time_left = "no training done yet to estimate by" if found.seconds_left is None else f"about {duration(found.seconds_left)} left"
        left = f"{found.steps_left:,} optimizer steps to run, {time_left}"
    lines.append(f"stages: {found.stages_done} of {found.stages} done, {found.shared} saved by sharing; {left}")
    lines += [f"  running: {one.kind} {one.key[:16]} for {one.label} on {one.host}, process {one.pid}" for one in found.running]
    lines += [f"  failed: {why['stage']} {key[:16]} for {why['point']}: {why['error']}" for key, why in found.failures.items()]
    return "\n".join(lines)


@contextlib.contextmanager
def watching(jobs: Sequence[Job], console: Console) -> Iterator[None]:
    """Show how far `jobs` are: redrawn on a terminal, a line now and then elsewhere."""
    from rich.live import Live
    from rich.text import Text

    from prunelab.study.overview import Lookout, stored_job

    stored = [stored_job(job.plan, sweep="", number=job.number, command=job.command, log=str(job.log)) for job in jobs]
    lookout = Lookout(stored, jobs[0].workshop.store, jobs[0].home / "records")
    ended, live = threading.Event(), Live(console=console, auto_refresh=False) if console.is_terminal else None

    def look() -> None:
        said = ""
        while not ended.wait(_LIVE_SECONDS if live else _LINE_SECONDS):
            with contextlib.suppress(OSError):  # a file that went while it was looked at
                words = in_words(lookout.look())
                if live:
                    live.update(Text(words), refresh=True)
                elif words != said:
                    console.print(words, highlight=False, markup=False, soft_wrap=True)
                said = words

    thread = threading.Thread(target=look, name="prunelab-lookout", daemon=True)
    with live or contextlib.nullcontext():
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
