"""Arrays that are slow to make, kept on disk. Only a cache: a damaged file is made again."""

from __future__ import annotations

import contextlib
import os
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

Arrays = dict[str, np.ndarray]


def cache_dir() -> Path:
    """`$PRUNELAB_CACHE`, or ~/.cache/prunelab."""
    return Path(os.environ.get("PRUNELAB_CACHE") or Path.home() / ".cache" / "prunelab")


def cached(name: str, make: Callable[[], Arrays]) -> Arrays:
    """The arrays of `make`, from the cache if it has them whole (npz carries a checksum of each array)."""
    path = cache_dir() / f"{name}.npz"
    if path.exists():
        with contextlib.suppress(OSError, ValueError, EOFError, zipfile.BadZipFile), path.open("rb") as file:
            return dict(np.load(file))
    arrays = make()
    with contextlib.suppress(OSError):  # a folder that can't be written costs time, nothing else
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".npz", delete=False) as file:
            np.savez(file, **arrays)  # pyright: ignore[reportArgumentType]
        Path(file.name).replace(path)
    return arrays
