"""Asking a study to stop, so that nothing is lost."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

INTERRUPTED = 130  # what shells give a command that Ctrl-C ended
COME_BACK = 75  # EX_TEMPFAIL of sysexits.h: nothing is wrong, the same command goes on from here
_POLL_SECONDS = 1.0


def leave(code: int) -> NoReturn:
    """End this process, which was asked to stop, with an exit code. To be asked again now changes nothing."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(code)


class Stopped(BaseException):
    """A study ended because it was asked to; what is done is kept. No `Exception`: nothing is to handle it as a failure.

    Attributes:
        code: to exit with.
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"asked to stop (exit code {code})")
        self.code = code


class Switch:
    """Whether the studies of this process are to stop, and how soon.

    Ctrl-C asks to stop after the stage that runs, Ctrl-C again at once. SIGTERM (a batch system that takes its machine back)
    asks to stop within the stage, at the next step, with a checkpoint. Through a file of its own, a switch reaches the
    processes that a sweep runs in.

    Args:
        file: that the processes of a sweep look at; none for a study in one process.
        leads: whether this switch stops the others, rather than its own process alone.

    Attributes:
        handed_on: handlers of a batch system's signals, to be called once the work is put away, each with its signal.
    """

    def __init__(self, file: Path | None = None, *, leads: bool = False) -> None:
        self.file, self._leads, self._code, self._within, self._looked = file, leads, 0, False, 0.0
        self.handed_on: list[tuple[Any, int]] = []

    def ask(self, code: int, *, within: bool = False) -> None:
        """Stop after the running stage, or `within` it."""
        self._code, self._within = code, self._within or within
        if self.file is not None and self._leads:
            with contextlib.suppress(OSError):
                self.file.parent.mkdir(parents=True, exist_ok=True)
                self.file.write_text(f"{code} {int(self._within)}")

    @property
    def code(self) -> int:
        """What the process is to exit with; 0 if nobody asked it to stop."""
        self._look()
        return self._code

    def within(self) -> bool:
        """Whether to stop within the stage; asked after every optimizer step."""
        if self.file is not None and time.monotonic() - self._looked > _POLL_SECONDS:
            self._look()
        return self._within

    def check(self) -> None:
        """Between two stages.

        Raises:
            Stopped: if this process was asked to stop.
        """
        if self.code:
            raise Stopped(self.code)

    def _look(self) -> None:
        self._looked = time.monotonic()
        if self.file is None or self._within:
            return
        with contextlib.suppress(OSError, ValueError):
            code, within = self.file.read_text().split()
            self._code, self._within = int(code), self._within or within == "1"

    def listen(self) -> dict[int, Any]:
        """Hear signals from now on; the handlers there were. Only a process's main thread can."""
        if threading.current_thread() is not threading.main_thread():
            return {}
        before: dict[int, Any] = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2)}
        signal.signal(signal.SIGINT, self._on_interrupt)
        signal.signal(signal.SIGTERM, self._on_terminate)
        if callable(before[signal.SIGUSR2]):  # submitit's: out of time, to be queued again
            signal.signal(signal.SIGUSR2, lambda number, frame: self._hand_on(before[signal.SIGUSR2], number))
        return before

    def _on_interrupt(self, number: int, frame: FrameType | None) -> None:
        if self._code:
            raise Stopped(INTERRUPTED)
        self.ask(INTERRUPTED)
        _say("stopping after the stages that run now; Ctrl-C again stops at once")

    def _on_terminate(self, number: int, frame: FrameType | None) -> None:
        self.ask(COME_BACK, within=True)

    def _hand_on(self, handler: Any, number: int) -> None:
        self.handed_on.append((handler, number))
        self._code, self._within = COME_BACK, True  # of this job alone: the others of the sweep have their own time


def restore(handlers: dict[int, Any]) -> None:
    """Put signal handlers back."""
    for number, handler in handlers.items():
        signal.signal(number, handler if handler is not None else signal.SIG_DFL)


def _say(text: str) -> None:
    # not print: a signal may come in the middle of one
    with contextlib.suppress(OSError):
        os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, f"\n{text}\n".encode())
