"""A W&B project as a frame of records, through W&B's public API: by pages, and only what has changed since the last time."""

from __future__ import annotations

import dataclasses
import json
import re
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from prunelab.records.runs import frame_of_runs

PREFIX = "wandb:"
PAGE = 100  # runs a request
_SECONDS = 30  # that a request may take
_NAME = re.compile(r"[^/:?#\s]+")
_FORMAT = 1  # of the cache


@dataclasses.dataclass(frozen=True, kw_only=True)
class Project:
    """Runs of a W&B project.

    Attributes:
        entity: user or team.
        project: its name.
        group: of the runs, which prunelab makes the study; "" for all.
    """

    entity: str
    project: str
    group: str = ""

    def __str__(self) -> str:
        return PREFIX + "/".join(part for part in (self.entity, self.project, self.group) if part)


def parse_project(word: str) -> Project:
    """`wandb:entity/project` or `wandb:entity/project/group`.

    Raises:
        ValueError: for anything else.
    """
    parts = word.removeprefix(PREFIX).strip("/").split("/")
    if not word.startswith(PREFIX) or len(parts) not in (2, 3) or not all(_NAME.fullmatch(part) for part in parts):
        raise ValueError(f"{word!r} must be {PREFIX}ENTITY/PROJECT or {PREFIX}ENTITY/PROJECT/GROUP, like {PREFIX}me/prunelab/lottery")
    return Project(entity=parts[0], project=parts[1], group=parts[2] if len(parts) == 3 else "")


def load_wandb_project(project: Project, *, cache: Path, page: int = PAGE) -> pd.DataFrame:
    """The runs of a W&B project that mirror records.

    A first pass lists the runs, which is light; config and summary are asked for only of those that have changed since they were
    cached. If W&B can't be reached, what is cached is taken, and said in a warning.

    Args:
        project: whose runs.
        cache: folder of the cache.
        page: runs a request.

    Raises:
        ValueError: if there is no such project, no key for it, or no run of it mirrors a record.
    """
    path = cache / project.entity / f"{project.project}.json"
    known = _read(path)
    try:
        runs = _changed(project, known, page)
    except Exception as error:  # whatever W&B's client raises
        kept = [run for run in known.values() if _in_group(run, project)]
        said = " ".join(str(error).split()) or type(error).__name__
        if not kept:
            raise ValueError(f"{project} can't be read from W&B: {said}") from error
        warnings.warn(f"W&B can't be reached, so this is what {path} had of {project} ({len(kept)} runs): {said}", stacklevel=2)
        runs = known
    else:
        _write(path, runs)
    found = [run for run in runs.values() if _in_group(run, project)]
    if not found:
        groups = sorted({str(run["group"]) for run in runs.values() if run["group"]})
        raise ValueError(f"{project} has no runs" + (f"; groups with runs: {', '.join(groups)}" if groups else ""))
    return frame_of_runs(found, source=str(project))


def _in_group(run: dict[str, Any], project: Project) -> bool:
    return not project.group or run["group"] == project.group


def _changed(project: Project, known: dict[str, dict[str, Any]], page: int) -> dict[str, dict[str, Any]]:
    """All cached runs, those of `project` as they are now."""
    import wandb

    api = wandb.Api(timeout=_SECONDS)
    listed = {run.id: f"{run.state} {run.heartbeat_at} {run.history_line_count}" for run in _runs(api, project, {}, page, lazy=True)}
    stale = [name for name, stamp in listed.items() if known.get(name, {}).get("stamp") != stamp]
    runs = {name: run for name, run in known.items() if name in listed or (project.group and run["group"] != project.group)}
    for start in range(0, len(stale), page):
        names = stale[start : start + page]
        for run in _runs(api, project, {"name": {"$in": names}}, page, lazy=False):
            runs[run.id] = {
                "run_id": run.id,
                "start_time": str(run.created_at),
                "group": run.group,
                "stamp": listed.get(run.id, ""),
                "config": dict(run.config),
                "summary": {key: value for key, value in run.summary_metrics.items() if not key.startswith("_")},
            }
    return runs


def _runs(api: Any, project: Project, filters: dict[str, Any], page: int, *, lazy: bool) -> Iterator[Any]:
    if project.group:
        filters = {**filters, "group": project.group}
    yield from api.runs(f"{project.entity}/{project.project}", filters=filters, per_page=page, lazy=lazy, include_sweeps=False)


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        found = json.loads(path.read_text())
        return found["runs"] if found["format"] == _FORMAT else {}
    except (OSError, ValueError, KeyError, TypeError):  # only a cache
        return {}


def _write(path: Path, runs: dict[str, dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        temporary.write_text(json.dumps({"format": _FORMAT, "runs": runs}))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
