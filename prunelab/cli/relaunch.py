"""The jobs of a sweep in other processes, also when one of them is killed."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from prunelab.basics.stop import Stopped, Switch, restore
from prunelab.cli.jobs import Job
from prunelab.cli.launching import Launch
from prunelab.cli.looking import watching
from prunelab.cli.work import Outcome, SweepFolder, outcome_of, work

if TYPE_CHECKING:
    from rich.console import Console


def run_in_processes(jobs: Sequence[Job], launch: Launch, folder: SweepFolder, console: Console) -> list[Outcome]:
    """Launch `jobs`, and wait for them.

    Where a process is killed (out of memory, say), launchers give up on all their jobs. Those that had not begun are then
    launched again, and after them, one at a time, those that had begun and not ended: a job that is killed costs no other.

    Returns:
        What became of each job, in order.

    Raises:
        Exception: the launcher's, if it could not launch anything.
        Stopped: if asked to stop at once.
    """
    folder.path.mkdir(parents=True)
    switch = Switch(folder.stop, leads=True)
    before = switch.listen()
    crew = _Crew(jobs, launch, folder, switch)
    try:
        with watching(jobs, console):
            crew.launch_together()
            crew.launch_alone()
    except Stopped as stop:
        switch.ask(stop.code, within=True)  # for workers that no Ctrl-C reaches
        raise
    finally:
        restore(before)
    shutil.rmtree(folder.path, ignore_errors=True)
    with contextlib.suppress(OSError):  # another sweep has its folder there
        folder.path.parent.rmdir()
    return [crew.found.get(job.number) or Outcome(number=job.number, stopped=switch.code) for job in jobs]


class _Crew:
    """The jobs, and what became of them."""

    def __init__(self, jobs: Sequence[Job], launch: Launch, folder: SweepFolder, switch: Switch) -> None:
        self._jobs, self._launch, self._folder, self._switch = jobs, launch, folder, switch
        self._places = {job.number: place for place, job in enumerate(jobs)}
        self.found: dict[int, Outcome] = {}

    def launch_together(self) -> None:
        """Launch those that have not begun, until there is none."""
        left = self._missing()
        while left and not self._switch.code:
            errors = [error for numbers in _consecutive(left) if (error := self._try(numbers))]
            fresh = [number for number in self._missing() if not self._folder.begun(number).exists()]
            if errors and fresh == left:
                raise errors[0]
            left = fresh

    def launch_alone(self) -> None:
        """Launch, one at a time, those that have begun and not ended."""
        for number in self._missing():
            error = None if self._switch.code else self._try([number])
            if error:
                said = " ".join(f"{type(error).__name__}: {error}".split())[:300]
                self.found[number] = Outcome(number=number, error=f"its process was killed (out of memory?): {said}")

    def _missing(self) -> list[int]:
        return [job.number for job in self._jobs if job.number not in self.found]

    def _try(self, numbers: list[int]) -> Exception | None:
        """Launch jobs of consecutive numbers; why the launcher gave up, None if it did not."""
        try:
            returned = self._launch([self._places[number] for number in numbers], partial(work, sweep=self._folder))
            self.found |= {number: one.return_value for number, one in zip(numbers, returned, strict=True)}
        except Exception as error:  # each launcher has errors of its own for a worker that died
            for number in numbers:
                ended = self._folder.ended(number)
                if ended.exists():
                    self.found[number] = outcome_of(json.loads(ended.read_text()))
            return error
        return None


def _consecutive(numbers: Sequence[int]) -> Iterator[list[int]]:
    for _, group in itertools.groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        yield [number for _, number in group]
