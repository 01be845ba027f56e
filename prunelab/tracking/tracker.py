"""What a tracker is, and the one that does nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol


class Run(Protocol):
    """The live mirror of one trained point."""

    id: str | None

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """One point of the curves, at an optimizer step."""
        ...

    def finish(self, summary: Mapping[str, Any]) -> None:
        """The point's final numbers; ends the run."""
        ...


class Tracker(Protocol):
    """Starts runs. A tracker never fails a study: what goes wrong is said once and then left."""

    def start(self, name: str, *, run_id: str, group: str, job_type: str, config: Mapping[str, Any], tags: list[str]) -> Run:
        """Start the run of one point."""
        ...


class NoRun:
    """Forgets everything."""

    id: str | None = None

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Nothing."""

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Nothing."""


class NoTracker:
    """No tracking: records on disk alone."""

    def __init__(self, *, directory: Path | None = None) -> None:
        del directory  # every tracker is handed one

    def start(self, name: str, *, run_id: str, group: str, job_type: str, config: Mapping[str, Any], tags: list[str]) -> Run:
        """See `Tracker`."""
        return NoRun()
