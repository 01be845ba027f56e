"""W&B's run folders on disk: which hold something that no server has, and W&B's own sync for them."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_OFFLINE = "offline-run-"
_SYNCED = ".wandb.synced"  # W&B's own mark of a run that its sync has sent
_UNSENT = "unsent"  # ours, in the folder of an online run that lost its server
_AT_ONCE = 100  # folders a command


@dataclasses.dataclass(frozen=True, kw_only=True)
class Synced:
    """What became of run folders.

    Attributes:
        sent: that W&B has now.
        left: that it does not have.
        said: the last words of W&B's sync, if something is left.
    """

    sent: Sequence[Path]
    left: Sequence[Path]
    said: str = ""


def mark_unsent(run: Any) -> None:
    """Note in the folder of a live run that the server may not have all of it."""
    (Path(run.settings.sync_dir) / _UNSENT).touch()


def unsent(files: Sequence[Path]) -> list[Path]:
    """Of the logs of W&B runs (`*.wandb`) those that no server has whole, the oldest first."""
    found = [path for path in files if not _is_synced(path) and _is_kept_back(path)]
    return sorted(found, key=lambda path: path.parent.name.removeprefix(_OFFLINE).removeprefix("run-"))


def sync(files: Sequence[Path], *, project: str, entity: str | None, patience: float) -> Synced:
    """Send runs by `wandb sync`, which marks those that it has sent.

    Args:
        files: their logs, the oldest first.
        project: of W&B; "" for the one that the runs were made for.
        entity: user or team; none is the account's own.
        patience: seconds that a hundred runs may take.
    """
    said = ""
    for start in range(0, len(files), _AT_ONCE):
        some = files[start : start + _AT_ONCE]
        where = [*(["--project", project] if project else []), *(["--entity", entity] if entity else [])]
        command = [sys.executable, "-m", "wandb", "sync", *where, *_online_too(some), *(str(path.parent) for path in some)]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=patience, stdin=subprocess.DEVNULL, env=_environment()
            )
            said = (done.stderr or done.stdout).strip()
        except subprocess.TimeoutExpired:
            said = f"W&B took longer than {patience:g} seconds"
        if not all(map(_is_synced, some)):
            break  # what is wrong with some is wrong with all: no server, no key
    left = [path for path in files if not _is_synced(path)]
    return Synced(sent=[path for path in files if _is_synced(path)], left=left, said=said if left else "")


def _online_too(files: Sequence[Path]) -> list[str]:
    return [] if all(path.parent.name.startswith(_OFFLINE) for path in files) else ["--include-online"]


def _environment() -> dict[str, str]:
    return {**os.environ, "WANDB_SILENT": "false"}


def _is_synced(path: Path) -> bool:
    return path.with_suffix(_SYNCED).exists()


def _is_kept_back(path: Path) -> bool:
    return path.parent.name.startswith(_OFFLINE) or (path.parent / _UNSENT).exists()
