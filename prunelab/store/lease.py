"""A lease: mutual exclusion between processes and hosts that survives a killed holder.

The lease is a file made with O_EXCL, which is atomic on local and on network file systems; no POSIX lock is relied on. Its
holder touches it every few seconds. Whoever finds it untouched for `stale_after`, or its process on the same host gone, takes
it over by renaming it away: of several, one rename succeeds, and what was renamed is put back if it is not the file that was
found stale. Age is measured against a file touched on the same file system, so clocks that differ between hosts do not matter.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
import uuid
import weakref
from pathlib import Path
from types import TracebackType

STALE_SECONDS = 30.0
BEAT_SECONDS = 5.0


class Lease:
    """Exclusive right to do what `path` stands for; a context manager.

    Args:
        path: of the lease file.
        stale_after: seconds without a heartbeat after which others may take it over.
        beat: seconds between heartbeats.
    """

    def __init__(self, path: Path, *, stale_after: float = STALE_SECONDS, beat: float = BEAT_SECONDS) -> None:
        self.path, self.stale_after, self.beat = Path(path), stale_after, beat
        self._token: str | None = None

    def try_acquire(self) -> bool:
        """Take the lease if it is free or stale."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self._create():
            return True
        stale = self._stale()
        return stale is not None and self._bury(stale) and self._create()

    def acquire(self, timeout: float | None = None) -> None:
        """Wait for the lease.

        Raises:
            TimeoutError: if it is not had within `timeout` seconds.
        """
        started, pause = time.monotonic(), 0.02
        while not self.try_acquire():
            if timeout is not None and time.monotonic() - started > timeout:
                raise TimeoutError(f"{self.path} is held by {self.holder() or 'another process'}")
            time.sleep(pause)
            pause = min(pause * 1.5, 1.0)

    def release(self) -> None:
        """Give the lease back; one that was taken over meanwhile is left to its new holder."""
        _HEART.remove(self)
        if not self.lost:
            self.path.unlink(missing_ok=True)
        self._token = None

    @property
    def lost(self) -> bool:
        """Whether this is not the holder, or no longer."""
        return self._token is None or (self.holder() or {}).get("token") != self._token

    @property
    def alive(self) -> bool:
        """Whether somebody holds it whose heart beats."""
        return self.path.exists() and self._stale() is None

    def holder(self) -> dict[str, str | int] | None:
        """Host, process and token of the holder, if there is one and it has been written whole."""
        try:
            found = json.loads(self.path.read_text())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) and {"host", "pid", "born", "token"} <= found.keys() else None

    def touch(self) -> None:
        """One heartbeat. A lease that was taken over is its new holder's to keep alive."""
        if not self.lost:
            with contextlib.suppress(OSError):
                os.utime(self.path)

    def __enter__(self) -> Lease:
        self.acquire()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.release()

    def _create(self) -> bool:
        token = uuid.uuid4().hex
        try:
            descriptor = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            return False
        mine = {"host": socket.gethostname(), "pid": os.getpid(), "born": _born(os.getpid()), "token": token}
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(json.dumps(mine))
        except OSError:  # a full disk: nobody would know whose it is
            self.path.unlink(missing_ok=True)
            raise
        self._token = token
        _HEART.add(self)
        return True

    def _stale(self) -> os.stat_result | None:
        """The lease file as it was when found stale, None if it is alive or gone."""
        probe = self.path.with_name(f"{self.path.name}.{uuid.uuid4().hex}.now")
        try:
            seen = self.path.stat()
            holder = self.holder()
            if holder and holder["host"] == socket.gethostname() and _born(int(holder["pid"])) != holder["born"]:
                return seen
            probe.touch()
            return seen if probe.stat().st_mtime - seen.st_mtime > self.stale_after else None
        except OSError:
            return None
        finally:
            probe.unlink(missing_ok=True)

    def _bury(self, stale: os.stat_result) -> bool:
        """Rename the stale file away; False if it had come to life or been taken over since it was looked at."""
        grave = self.path.with_name(f"{self.path.name}.{uuid.uuid4().hex}")
        try:
            self.path.rename(grave)
        except OSError:  # gone already: whoever creates the next one has it
            return True
        found = grave.stat()
        buried = (found.st_ino, found.st_mtime_ns) == (stale.st_ino, stale.st_mtime_ns)
        if not buried:
            with contextlib.suppress(OSError):  # a link, unlike a rename, never replaces a third holder's file
                os.link(grave, self.path)
        grave.unlink()
        return buried


class _Heart:
    """One thread a process that touches all leases it holds."""

    def __init__(self) -> None:
        self.reset()
        os.register_at_fork(after_in_child=self.reset)  # a child has no such thread, and its parent's leases are not its own

    def reset(self) -> None:
        """Nothing held, no thread."""
        self._leases: weakref.WeakSet[Lease] = weakref.WeakSet()
        self._lock, self._sooner = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None
        self._pause = BEAT_SECONDS

    def add(self, lease: Lease) -> None:
        with self._lock:
            self._leases.add(lease)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._beat, name="prunelab-heartbeat", daemon=True)
                self._thread.start()
            if lease.beat < self._pause:
                self._sooner.set()

    def remove(self, lease: Lease) -> None:
        with self._lock:
            self._leases.discard(lease)

    def _beat(self) -> None:
        while True:
            self._sooner.clear()
            with self._lock:
                self._pause = self._touch(list(self._leases))
            self._sooner.wait(self._pause)

    @staticmethod
    def _touch(leases: list[Lease]) -> float:
        for lease in leases:
            lease.touch()
        return min((lease.beat for lease in leases), default=BEAT_SECONDS)


_HEART = _Heart()


def _born(pid: int) -> str:
    """Start time of a process of this host in clock ticks, "" if there is none: a reused process number is not its holder."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return _alive_without_proc(pid)
    return "" if fields[0] == "Z" else fields[19]


def _alive_without_proc(pid: int) -> str:
    if Path("/proc/self").exists():
        return ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        return "alive"
    return "alive"
