"""What a job did, a line a stage: the file that a table of failures points to."""

from __future__ import annotations

import contextlib
import datetime
import os
import socket
from pathlib import Path

from prunelab.study.failure import Failure
from prunelab.study.points import BarrierPoint, Point
from prunelab.study.runner import label_of
from prunelab.study.stages.base import Stage


class LogFile:
    """A `Watcher` that appends to `path`: when a stage began, when it was computed, and why it was not."""

    def __init__(self, path: Path) -> None:
        self.path, self._label = Path(path), ""
        self._who = f"{socket.gethostname()}:{os.getpid()}"

    def point(self, point: Point | BarrierPoint) -> None:
        """See `Watcher`."""
        self._label = label_of(point)

    def computing(self, stage: Stage) -> None:
        """See `Watcher`."""
        self._write(f"begin {stage.kind} {stage.key} for {self._label}")

    def steps(self, done: int) -> None:
        """See `Watcher`."""

    def evaluated(self, metrics: dict[str, float]) -> None:
        """See `Watcher`."""

    def computed(self, stage: Stage) -> None:
        """See `Watcher`."""
        self._write(f"computed {stage.kind} {stage.key}")

    def failed(self, failure: Failure) -> None:
        """See `Watcher`."""
        self._write(f"failed {failure.stage} {failure.key} for {failure.point}: {failure.error}\n{failure.traceback}")

    def _write(self, text: str) -> None:
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        with contextlib.suppress(OSError):  # a full disk is the store's to say
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a") as file:
                file.write(f"{now} {self._who} {text}\n")
