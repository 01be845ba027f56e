"""Write records, one file each, by atomic rename."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import uuid
from pathlib import Path

from prunelab.records.schema import SCHEMA_VERSION, Record

_STUDY = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")


def is_study_name(name: str) -> bool:
    """Whether `name` can be that of a study."""
    return bool(_STUDY.match(name))


def check_study_name(name: str) -> str:
    """A study's name is the name of a folder.

    Raises:
        ValueError: for anything but letters, digits, `_`, `.` and `-`.
    """
    if not is_study_name(name):
        raise ValueError(f"study name {name!r} must be letters, digits, '_', '.' or '-', starting with a letter or digit")
    return name


def record_path(root: Path, record: Record) -> Path:
    """Where `record` is kept."""
    return Path(root) / check_study_name(record.study) / f"{record.record_id}.json"


def write_record(root: Path, record: Record) -> Path:
    """Write `record` to `root/<study>/<record id>.json`; a measurement of the same point is replaced."""
    path = record_path(root, record)
    path.parent.mkdir(parents=True, exist_ok=True)
    row = {"schema_version": SCHEMA_VERSION, **dataclasses.asdict(record)}
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("w") as file:
            json.dump(row, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


class RecordWriter:
    """Writes records below one folder.

    Args:
        root: folder that holds one folder a study.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def write(self, record: Record) -> Path:
        """See `write_record`."""
        return write_record(self.root, record)
