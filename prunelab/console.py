"""What a person sees while studies run in this process: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from prunelab.study import progress
from prunelab.study.failure import Failure
from prunelab.study.points import BarrierPoint, Point
from prunelab.study.stages.base import Stage

_LINE_SECONDS = 10.0


class Display:
    """A `Watcher` for people; a context manager.

    Args:
        found: what was to be done when it began.
        console: to write to.
        jobs: of the sweep.
    """

    def __init__(self, found: progress.Progress, console: Console, jobs: int = 1) -> None:
        self.console, self._total, self._done = console, found.pending_steps, 0
        self._started = self._said = time.monotonic()
        self._label, self._top1 = "", float("nan")
        self._jobs, self._jobs_done, self._jobs_failed = jobs, 0, 0
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("steps"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=self._total or 1)

    def __enter__(self) -> Display:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._bar.stop()

    def job_ended(self, failed: bool) -> None:
        """A job of the sweep ended."""
        self._jobs_done, self._jobs_failed = self._jobs_done + (not failed), self._jobs_failed + failed
        self._show()

    def point(self, point: Point | BarrierPoint) -> None:
        """See `Watcher`."""
        axes = point.axes
        what = "barrier" if isinstance(point, BarrierPoint) else axes["control"].replace("none", "ticket")
        self._label = f"seed {axes['seed']} level {axes['level']:>2} {what:<11} sparsity {axes['sparsity_requested']:6.1%}"
        self._show()

    def computing(self, stage: Stage) -> None:
        """See `Watcher`."""

    def steps(self, done: int) -> None:
        """See `Watcher`."""
        self._done += done
        self._bar.advance(self._task, done)
        if not self.console.is_terminal and time.monotonic() - self._said > _LINE_SECONDS:
            self._said = time.monotonic()
            left = (self._total - self._done) * (self._said - self._started) / max(self._done, 1)
            self.console.print(
                f"{self._prefix}{self._label}  {self._accuracy}  {self._done:,} of {self._total:,} steps, {duration(left)} left",
                highlight=False,
                soft_wrap=True,
            )

    def evaluated(self, metrics: dict[str, float]) -> None:
        """See `Watcher`."""
        self._top1 = metrics["validation_top1"]
        self._show()

    def computed(self, stage: Stage) -> None:
        """See `Watcher`."""

    def failed(self, failure: Failure) -> None:
        """See `Watcher`."""
        self.console.print(f"failed: {failure.stage} for {failure.point}: {failure.error}", highlight=False, markup=False)

    @property
    def _prefix(self) -> str:
        if self._jobs == 1:
            return ""
        failed = f", {self._jobs_failed} failed" if self._jobs_failed else ""
        return f"jobs: {self._jobs_done} of {self._jobs} done{failed}  "

    @property
    def _accuracy(self) -> str:
        return f"accuracy {'     –' if math.isnan(self._top1) else f'{self._top1:6.1%}'}"

    def _show(self) -> None:
        self._bar.update(self._task, description=f"{self._prefix}{self._label}  {self._accuracy}")


def plan_table(title: str, found: progress.Progress) -> Table:
    """Stages by kind: how many are done, how many would run."""
    table = Table(title=title)
    for name in ("stage", "done", "to run", "optimizer steps to run"):
        table.add_column(name, justify="left" if name == "stage" else "right")
    pending = {stage.key for stage in found.pending}
    for kind in dict.fromkeys(stage.kind for stage in found.stages):
        of_kind = [stage for stage in found.stages if stage.kind == kind]
        to_run = [stage for stage in of_kind if stage.key in pending]
        steps = f"{found.pending_steps:,}" if kind == "train" else ""
        table.add_row(kind, str(len(of_kind) - len(to_run)), str(len(to_run)), steps)
    return table


def duration(seconds: float) -> str:
    """Seconds as people say them: 45 s, 3 min 20 s, 2 h 5 min."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"
