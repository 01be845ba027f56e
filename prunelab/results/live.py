"""The report of a study that still runs: its page, made anew when the records have changed, and nothing written beside them."""

from __future__ import annotations

import datetime
import hashlib
import os
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from prunelab.records.frame import load
from prunelab.records.to_csv import to_csv
from prunelab.results.claims import Claim
from prunelab.results.figures import figures
from prunelab.results.frames import checked
from prunelab.results.page import Live, render_page
from prunelab.results.remembering import remembering
from prunelab.results.report import render

EMPTY = "empty"
_SETTLED_SECONDS = 2.0  # a clock of the file system may tick this slowly


class LiveReport:
    """What a server shows of one study; may be asked from several threads.

    Args:
        records: folder that holds one folder a study.
        study: its name; it need not have a record yet.
        description: a paragraph under the title.
        claims_of: evaluates the study's claims on a frame; None if it has none.
    """

    def __init__(
        self, records: Path, study: str, *, description: str = "", claims_of: Callable[[pd.DataFrame], Sequence[Claim]] | None = None
    ) -> None:
        self.study = study
        self._records, self._folder = records, records / study
        self._description, self._claims_of = description, claims_of
        self._lock = threading.Lock()
        self._workshop = tempfile.TemporaryDirectory(prefix="prunelab-live-")
        self._seen: tuple[int, str] | None = None
        self._page: tuple[str, str] | None = None

    def close(self) -> None:
        """Remove the index of the records."""
        self._workshop.cleanup()

    def version(self) -> str:
        """Changes whenever a record is added, replaced or removed.

        A record comes by a rename, which changes the time of its folder: files are looked at only if that changed, or is so young that
        another rename could have the same time.
        """
        try:
            changed = self._folder.stat().st_mtime_ns
        except FileNotFoundError:
            return EMPTY
        seen = self._seen
        if seen is not None and seen[0] == changed:
            return seen[1]
        found = _digest(self._folder)
        self._seen = (changed, found) if time.time() - changed / 1e9 > _SETTLED_SECONDS else None
        return found

    def page(self) -> str:
        """The page of the records as they are now; made once for each version."""
        with self._lock:
            version = self.version()  # before the records are read: what comes in meanwhile is another version
            if self._page is None or self._page[0] != version:
                self._page = (version, self._made(version))
            return self._page[1]

    def points(self) -> str:
        """The measured points as CSV; a heading alone if there is none."""
        with self._lock:
            return to_csv(self._frame()).decode()

    def _frame(self) -> pd.DataFrame:
        return load(self._records, self.study, index_file=Path(self._workshop.name) / "index.parquet")

    def _made(self, version: str) -> str:
        live = Live(version=version, read_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"))
        trouble = ""
        try:
            frame = self._frame() if version != EMPTY else None
            if frame is not None and len(frame):
                return self._report(frame, live)
        except (ValueError, OSError) as error:
            trouble = str(error)
        return render_page("waiting.html.j2", title=self.study, description=self._description, trouble=trouble, live=live)

    @remembering()
    def _report(self, frame: pd.DataFrame, live: Live) -> str:
        frame = checked(frame)
        claims = self._claims_of(frame) if self._claims_of else None
        return render(frame, *figures(frame), title=self.study, description=self._description, claims=claims, live=live)


def _digest(folder: Path) -> str:
    with os.scandir(folder) as entries:
        stamps = sorted(
            f"{entry.name} {stat.st_ino} {stat.st_mtime_ns} {stat.st_size}"
            for entry in entries
            if entry.name.endswith(".json") and (stat := _stat(entry)) is not None
        )
    return hashlib.blake2b("\n".join(stamps).encode(), digest_size=12).hexdigest() if stamps else EMPTY


def _stat(entry: os.DirEntry[str]) -> os.stat_result | None:
    """None for a file that went away meanwhile."""
    try:
        return entry.stat()
    except FileNotFoundError:
        return None
