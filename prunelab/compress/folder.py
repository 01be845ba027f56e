"""A folder that is there whole or not at all."""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A temporary folder beside `target` to write to; renamed to it at the end of the block, deleted after an error.

    Raises:
        ValueError: if `target` exists.
    """
    target = Path(target).absolute()
    if target.exists():
        raise ValueError(f"{target} exists; choose another folder, or delete it first")
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.tmp")
    temporary.mkdir(parents=True)
    try:
        yield temporary
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
