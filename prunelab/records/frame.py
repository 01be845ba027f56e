"""Load records as a frame, and compare frames.

An index beside the records (one Parquet file) keeps loading fast; it is only a cache: rows whose file is unchanged come from
it, the rest are read. A damaged index is made again.
"""

from __future__ import annotations

import contextlib
import json
import os
import uuid
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from prunelab.basics.choices import unknown
from prunelab.records.schema import AXES, COLUMNS, VOLATILE

INDEX = ".index.parquet"
_WHOLE = ("seed", "level", "rewind_step")
_TEXT = ("study", "kind", "stage_key", "model", "dataset", "criterion", "allocation", "granularity", "schedule", "retraining")
_NESTED = ("layer_density", "curve", "barrier_curve")
_STRINGS = (*_TEXT, "control", "variant", "overrides", "device", "torch_version", "prunelab_version", "git_commit")
_OBJECTS = (*_STRINGS, *_NESTED, "wandb_id", "created_at")


def studies(root: Path) -> list[str]:
    """Names of the studies that have records below `root`."""
    root = Path(root)
    return sorted(path.name for path in root.iterdir() if path.is_dir()) if root.is_dir() else []


def load(root: Path, study: str | None = None) -> pd.DataFrame:
    """All records of `study`, or of every study, one row each, sorted by their axes.

    Measures are float64 with NaN where not measured; `layer_density`, `curve` and `barrier_curve` hold dicts or None.

    Raises:
        ValueError: if the study has no records, naming those that have.
    """
    names = studies(root)
    if study is not None and study not in names:
        raise unknown("study", study, names)
    rows = [row for name in ([study] if study else names) for row in _rows(Path(root) / name)]
    extra = sorted({key for row in rows for key in row} - set(COLUMNS) - {"schema_version"})
    frame = pd.DataFrame({name: _column(name, [row.get(name) for row in rows]) for name in [*COLUMNS, *extra]})
    return frame.sort_values(list(AXES), ignore_index=True, kind="stable")


def _column(name: str, values: list[Any]) -> pd.Series:
    if name in _WHOLE:
        return pd.Series([0 if value is None else value for value in values], dtype="int64")
    if name == "diverged":
        return pd.Series([bool(value) for value in values], dtype=bool)
    if name in _OBJECTS or name not in COLUMNS:
        return pd.Series(values, dtype=object)
    return pd.Series([np.nan if value is None else value for value in values], dtype="float64")


def same(first: pd.DataFrame, second: pd.DataFrame) -> list[str]:
    """Every difference between two frames of records, but for columns that may differ between runs (times, versions).

    Returns:
        One sentence a difference; empty if number for number the same.
    """
    columns = [name for name in COLUMNS if name not in VOLATILE]
    rows = [_by_axes(frame.loc[:, columns]) for frame in (first, second)]
    differences = [f"only in the first: {point}" for point in sorted(rows[0].keys() - rows[1].keys(), key=str)]
    differences += [f"only in the second: {point}" for point in sorted(rows[1].keys() - rows[0].keys(), key=str)]
    for point in rows[0].keys() & rows[1].keys():
        for name in columns:
            one, other = rows[0][point][name], rows[1][point][name]
            if json.dumps(one, default=str) != json.dumps(other, default=str):
                differences.append(f"{name} of {point}: {one!r} and {other!r}")
    return differences


def _by_axes(frame: pd.DataFrame) -> dict[tuple[Any, ...], dict[Any, Any]]:
    found: list[dict[Any, Any]] = frame.to_dict(orient="records")  # pyright: ignore
    return {_axes(row): row for row in found}


def _axes(row: dict[Any, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in AXES)


def _rows(folder: Path) -> list[dict[str, Any]]:
    index, on_disk = _read_index(folder / INDEX), _files(folder)
    known = {name: row for name, (stamp, row) in index.items() if on_disk.get(name) == stamp}
    fresh = {name: row for name in on_disk.keys() - known.keys() if (row := _read(folder / name)) is not None}
    rows = known | fresh
    if fresh or len(known) != len(index):
        _write_index(folder / INDEX, {name: (on_disk[name], row) for name, row in rows.items()})
    return [json.loads(rows[name]) for name in sorted(rows)]


def _files(folder: Path) -> dict[str, str]:
    with os.scandir(folder) as entries:
        files = [entry for entry in entries if entry.name.endswith(".json")]
        return {entry.name: f"{entry.stat().st_mtime_ns}-{entry.stat().st_size}" for entry in files}


def _read(path: Path) -> str | None:
    try:
        text = path.read_text()
        json.loads(text)
    except (OSError, ValueError) as error:
        warnings.warn(f"record {path} can't be read and is left out: {error}; delete it and run the study again", stacklevel=5)
        return None
    return text


def _read_index(path: Path) -> dict[str, tuple[str, str]]:
    try:
        frame = pd.read_parquet(path)
        return dict(zip(frame["name"], zip(frame["stamp"], frame["row"], strict=True), strict=True))
    except Exception:  # whatever is wrong with a cache, the records are read instead
        return {}


def _write_index(path: Path, rows: dict[str, tuple[str, str]]) -> None:
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    with contextlib.suppress(OSError):  # a folder that can't be written costs time, nothing else
        stamps, texts = zip(*rows.values(), strict=True) if rows else ((), ())
        pd.DataFrame({"name": list(rows), "stamp": stamps, "row": texts}).to_parquet(temporary)
        temporary.replace(path)
