"""What a tracker is, and the one that does nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from prunelab.records.schema import Record

Kind = Literal["mask", "checkpoint"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stored:
    """A file of the store that a run reads or leaves.

    Attributes:
        kind: what it holds.
        key: of the stage that left it.
        path: the file.
        metadata: what is said of it.
    """

    kind: Kind
    key: str
    path: Path
    metadata: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        """The same wherever the file is the same."""
        return f"{self.kind}-{self.key[:16]}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sheet:
    """A table, and what is drawn of it.

    Attributes:
        columns: its headings.
        rows: its cells.
        x: column that a scatter plot has across; "" for none.
        y: column that it has upwards.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    x: str = ""
    y: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Line:
    """A line plot.

    Attributes:
        x: name of what is across.
        y: name of what is upwards.
        series: values of both by name of the line.
    """

    x: str
    y: str
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Digest:
    """What a study comes to, for one run at the end of a sweep.

    Attributes:
        study: its name.
        numbers: for the run's summary.
        sheets: tables by title.
        lines: line plots by title.
    """

    study: str
    numbers: Mapping[str, float]
    sheets: Mapping[str, Sheet]
    lines: Mapping[str, Line]


class Run(Protocol):
    """The live mirror of one measured point."""

    id: str | None

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """One point of the curves, at an optimizer step."""
        ...

    def finish(self, record: Record | None = None, *, uses: Sequence[Stored] = (), leaves: Sequence[Stored] = ()) -> None:
        """End the run: what was measured, which files it read, and which it left. With none of them it has failed."""
        ...


class Tracker(Protocol):
    """Starts runs. A tracker never fails a study, or slows it: what goes wrong is said once."""

    def wants(self, kind: Kind) -> bool:
        """Whether files of this kind are to be kept beside the runs."""
        ...

    def start(self, name: str, *, run_id: str, group: str, job_type: str, config: Mapping[str, Any], tags: Sequence[str]) -> Run:
        """Start the run of one point."""
        ...

    def summarise(self, make: Callable[[], Digest], *, news: bool) -> None:
        """Write the run that sums a study up, if there is `news` or somebody waits for it; `make` is called only then."""
        ...

    def flush(self) -> None:
        """Wait until everything is where it belongs, and no longer than patience lasts."""
        ...


class NoRun:
    """Forgets everything."""

    id: str | None = None

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Nothing."""

    def finish(self, record: Record | None = None, *, uses: Sequence[Stored] = (), leaves: Sequence[Stored] = ()) -> None:
        """Nothing."""


class NoTracker:
    """No tracking: records on disk alone."""

    def __init__(self, *, directory: Path | None = None) -> None:
        del directory  # every tracker is handed one

    def wants(self, kind: Kind) -> bool:
        """See `Tracker`."""
        return False

    def start(self, name: str, *, run_id: str, group: str, job_type: str, config: Mapping[str, Any], tags: Sequence[str]) -> Run:
        """See `Tracker`."""
        return NoRun()

    def summarise(self, make: Callable[[], Digest], *, news: bool) -> None:
        """See `Tracker`."""

    def flush(self) -> None:
        """See `Tracker`."""
