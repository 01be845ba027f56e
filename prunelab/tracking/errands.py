"""Things that are done one after the other: at once, or in a thread of their own while a study goes on."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Protocol

Errand = Callable[[], None]


class Errands(Protocol):
    """Does what it is given, in order. An errand raises nothing."""

    def do(self, errand: Errand) -> None:
        """Do it, now or later."""
        ...

    def wait(self) -> None:
        """Until all are done."""
        ...


class AtOnce:
    """Does an errand while its giver waits."""

    def do(self, errand: Errand) -> None:
        """See `Errands`."""
        errand()

    def wait(self) -> None:
        """See `Errands`."""


class InBackground:
    """Does errands in a thread of its own, begun with the first; whoever gives them never waits.

    The thread ends with the process, even in the middle of an errand.
    """

    def __init__(self) -> None:
        self._errands: queue.SimpleQueue[Errand] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def do(self, errand: Errand) -> None:
        """See `Errands`."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="prunelab-tracking", daemon=True)
            self._thread.start()
        self._errands.put(errand)

    def wait(self) -> None:
        """See `Errands`."""
        if self._thread is not None:
            done = threading.Event()
            self._errands.put(done.set)
            done.wait()

    def _work(self) -> None:
        while True:
            self._errands.get()()
