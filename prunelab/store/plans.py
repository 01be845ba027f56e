"""What the jobs of a study need, kept in the store: for people who look on, and for cleaning up.

    root/plans/STUDY/abcd....json      one job: its points, its stages, the sweep it was started in

The same job started again replaces its file. Nothing here is needed to compute anything.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import uuid
from pathlib import Path
from typing import Any

from prunelab.basics.choices import unknown


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoredStage:
    """A stage without what computes it.

    Attributes:
        kind: `train`, `prune`, ...
        steps: optimizer steps it takes.
        label: which point asked for it first, in words.
        inputs: keys of the stages it reads.
    """

    kind: str
    steps: int
    label: str
    inputs: tuple[str, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoredPoint:
    """What becomes a record: its identity, and the keys of its stages."""

    record: str
    stages: tuple[str, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoredJob:
    """One job of a sweep.

    Attributes:
        study: its name.
        sweep: identity of the sweep that started it last; later ones sort behind earlier ones.
        number: of the job in its sweep.
        command: that runs it alone.
        log: file that says what it did; relative to the home folder.
        points: its points.
        stages: its distinct stages by key, inputs before what reads them.
    """

    study: str
    sweep: str
    number: int
    command: str
    log: str
    points: tuple[StoredPoint, ...]
    stages: dict[str, StoredStage]


def write_job(root: Path, job: StoredJob) -> None:
    """Keep what `job` needs."""
    folder = Path(root) / "plans" / job.study
    identity = json.dumps([dataclasses.asdict(point) for point in job.points])
    path = folder / f"{hashlib.sha256(identity.encode()).hexdigest()[:32]}.json"
    write_json(path, dataclasses.asdict(job))


def read_jobs(root: Path, study: str, *, every_sweep: bool = False) -> list[StoredJob]:
    """The jobs of the last sweep of `study`, in order.

    Args:
        root: of the store.
        study: name of the study.
        every_sweep: those of the sweeps before it too, unless a later one had the same job.

    Raises:
        ValueError: if no sweep of that name was started here, naming those that were, or a plan can't be read.
    """
    folder = Path(root) / "plans" / study
    found = [_read(path) for path in sorted(folder.glob("*.json"))]
    if not found:
        raise unknown("study", study, studies(root))
    last = max(job.sweep for job in found)
    jobs = found if every_sweep else [job for job in found if job.sweep == last]
    return sorted(jobs, key=lambda job: (job.sweep, job.number))


def studies(root: Path) -> list[str]:
    """Names of the studies that were started with this store."""
    return sorted(path.name for path in (Path(root) / "plans").glob("*") if path.is_dir())


def _read(path: Path) -> StoredJob:
    try:
        found = json.loads(path.read_text())
        stages = {key: StoredStage(**{**stage, "inputs": tuple(stage["inputs"])}) for key, stage in found["stages"].items()}
        points = tuple(StoredPoint(record=point["record"], stages=tuple(point["stages"])) for point in found["points"])
        return StoredJob(**{**found, "stages": stages, "points": points})
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"plan {path} can't be read (damaged, or of a newer prunelab): delete it and run the study again") from error


def write_json(path: Path, content: Any) -> None:
    """Write a small JSON file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        temporary.write_text(json.dumps(content))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_failure(root: Path, key: str, failure: dict[str, str]) -> None:
    """Remember why the stage of `key` could not be computed, until it is."""
    with contextlib.suppress(OSError):  # the failure itself is what matters, and is said anyway
        write_json(Path(root) / "failures" / f"{key}.json", failure)


def read_failures(root: Path) -> dict[str, dict[str, str]]:
    """Why stages could not be computed, by key."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted((Path(root) / "failures").glob("*.json")):
        with contextlib.suppress(OSError, ValueError):
            found[path.stem] = json.loads(path.read_text())
    return found
