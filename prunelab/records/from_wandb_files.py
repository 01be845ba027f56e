"""A folder of W&B runs on disk as a frame of records, read by W&B's own inspector (`wandb leet inspect`)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd

from prunelab.records.runs import frame_of_runs

_AT_ONCE = 4


def run_files(folder: Path) -> list[Path]:
    """The logs of W&B runs in `folder`, at any depth."""
    return sorted(path for path in Path(folder).rglob("*.wandb") if path.is_file())


def load_wandb_files(folder: Path) -> pd.DataFrame:
    """The runs below `folder` that mirror records; of a run that was begun again, the last that was measured.

    Runs that mirror no record (a summary) are left out; those that were to mirror one, and were killed, are warned of.

    Raises:
        ValueError: if there are none, or W&B's inspector can't read them.
    """
    found = run_files(folder)
    if not found:
        raise ValueError(f"no W&B runs (*.wandb) in {folder}")
    return frame_of_runs(_inspected(found), source=str(folder))


def studies_of(files: Sequence[Path]) -> dict[Path, str]:
    """The study that each run belongs to, by its log; "" for runs of something else.

    Raises:
        ValueError: if W&B's inspector can't read one.
    """
    return {path: str(run["config"].get("study", "")) for path, run in zip(files, _inspected(files), strict=True)}


def _inspected(files: Sequence[Path]) -> list[dict[str, Any]]:
    command = _inspector()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda path: inspect(path, command), files))


def inspect(path: Path, command: Callable[[Path], list[str]]) -> dict[str, Any]:
    """What W&B's inspector says of a run.

    Raises:
        ValueError: if it can't read it.
    """
    done = subprocess.run(command(path), capture_output=True, text=True, check=False)
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise ValueError(f"W&B's inspector can't read {path}: {said[-1] if said else f'exit code {done.returncode}'}") from None


def _inspector() -> Callable[[Path], list[str]]:
    """The command that inspects a file: the program behind `wandb leet inspect`, without the second of Python before it.

    Raises:
        ValueError: if the installed wandb has no inspector.
    """
    from wandb.util import get_core_path

    options, core = ["inspect", "--json", "--summary"], [get_core_path(), "leet"]
    if "-run-file" in _said(*core, "inspect", "--help"):
        return lambda path: [*core, *options, "--no-observability", "--run-file", str(path), str(path.parent)]
    public = [sys.executable, "-m", "wandb", "leet"]
    if "--json" in _said(*public, "inspect", "--help"):
        return lambda path: [*public, *options, str(path)]
    raise ValueError("reading W&B's files needs a newer wandb, which has `wandb leet inspect`: pip install -U wandb")


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr
