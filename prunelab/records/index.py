"""The index of a study's records: one Parquet file beside them that keeps loading fast.

It is only a cache. Rows whose file is unchanged (inode, time, size) come from it, the others are read; an index that is
damaged, or of other columns, is made again. Its pages carry checksums, because a number changed on disk must not be read as
a result.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import uuid
import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from prunelab.records.schema import Record

INDEX = ".index.parquet"
FILE, STAMP, EXTRA = "_file", "_stamp", "_extra"  # no column of a record begins with an underscore
_NUMBERS, _CURVES = pa.map_(pa.string(), pa.float64()), pa.map_(pa.string(), pa.list_(pa.float64()))
_KINDS = {
    "str": pa.string(),
    "str | None": pa.string(),
    "int": pa.int64(),
    "bool": pa.bool_(),
    "int | None": pa.float64(),  # a whole number that may be missing is a float with NaN, as in pandas
    "float | None": pa.float64(),
    "dict[str, float] | None": _NUMBERS,
    "dict[str, list[float]] | None": _CURVES,
}
_FIELDS = {field.name: (_KINDS[str(field.type)], field.default) for field in dataclasses.fields(Record)}
SCHEMA = pa.schema([*((name, kind) for name, (kind, _) in _FIELDS.items()), *((name, pa.string()) for name in (FILE, STAMP, EXTRA))])


def indexed(folder: Path, index_file: Path | None = None) -> pa.Table:
    """The records in `folder`, one row each, columns as in `SCHEMA`; a record that can't be read is warned of and left out.

    `_extra` holds, as JSON, the columns that a newer version wrote and this one does not know. With an `index_file` the index is that
    one, and nothing is written into `folder`.
    """
    index_file = index_file or folder / INDEX
    with ThreadPoolExecutor(1) as meanwhile:
        reading = meanwhile.submit(_read_index, index_file)
        on_disk, index = _stamps(folder), reading.result()
    names, stamps = index[FILE].to_pylist(), index[STAMP].to_pylist()
    current = [on_disk.get(name) == stamp for name, stamp in zip(names, stamps, strict=True)]
    known = index if all(current) else index.filter(pa.array(current))
    missing = sorted(on_disk.keys() - {name for name, kept in zip(names, current, strict=True) if kept})
    rows = [row for name in missing if (row := _read(folder / name, on_disk[name])) is not None]
    if not rows and known is index:
        return index
    table = pa.concat_tables([known, _table(rows)])
    _write_index(index_file, table)
    return table


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.table({name: pa.array([row[name] for row in rows], SCHEMA.field(name).type) for name in SCHEMA.names}, schema=SCHEMA)


def _stamps(folder: Path) -> dict[str, str]:
    """What tells whether a file was replaced; the inode too, since two writes can fall into one tick of the clock."""
    with os.scandir(folder) as entries:
        found = ((entry.name, entry.stat()) for entry in entries if entry.name.endswith(".json"))
        return {name: f"{stat.st_ino}-{stat.st_mtime_ns}-{stat.st_size}" for name, stat in found}


def _read(path: Path, stamp: str) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text())
        if not isinstance(found, dict):
            raise TypeError(f"a record is a JSON object, not {type(found).__name__}")
        row = {name: _value(name, found.get(name)) for name in _FIELDS}
        extra = {name: value for name, value in found.items() if name not in _FIELDS and name != "schema_version"}
    except (OSError, ValueError, TypeError, OverflowError) as error:
        warnings.warn(f"record {path} can't be read and is left out: {error}; delete it and run the study again", stacklevel=5)
        return None
    return row | {FILE: path.name, STAMP: stamp, EXTRA: json.dumps(extra) if extra else None}


def _value(name: str, value: Any) -> Any:
    """`value` as the column keeps it.

    Raises:
        TypeError: if it is not of the column's type.
    """
    kind, default = _FIELDS[name]
    if value is None:
        return default
    if kind == pa.float64():
        return _number(name, value)
    if kind in (_NUMBERS, _CURVES):
        entries: Iterable[tuple[str, Any]] = _checked(name, value, dict).items()
        if kind == _NUMBERS:
            return [(key, _number(name, entry)) for key, entry in entries]
        return [(key, [_number(name, number) for number in _checked(name, entry, list)]) for key, entry in entries]
    return _checked(name, value, {pa.string(): str, pa.int64(): int, pa.bool_(): bool}[kind])


def _number(name: str, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} = {value!r} is not a number")
    return float(value)


def _checked(name: str, value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{name} = {value!r} is not of type {kind.__name__}")
    return value


def _read_index(path: Path) -> pa.Table:
    with contextlib.suppress(Exception):  # whatever is wrong with a cache, the records are read instead
        table = pq.ParquetFile(path, page_checksum_verification=True).read()
        table.validate(full=True)
        if table.schema.equals(SCHEMA) and len(table[FILE].unique()) == table.num_rows:
            return table
    return _table([])


def _write_index(path: Path, table: pa.Table) -> None:
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with contextlib.suppress(OSError):  # a folder that can't be written costs time, nothing else
            pq.write_table(table, temporary, write_page_checksum=True)
            temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
