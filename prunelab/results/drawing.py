"""Figures for papers, drawn by processes of their own while this one goes on with the page."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import warnings
from collections.abc import Iterator
from concurrent.futures import Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING

from loky import cpu_count, get_reusable_executor
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from prunelab.results.figure_parts import Figure
    from prunelab.results.paper_styles import PaperStyle

_MOST_PROCESSES = 4  # a report has about ten figures, and a process takes a second to start
_starter: int | None = None  # the process that has started some: one that was forked from it can't use them


def get_ready() -> None:
    """Start the processes, which import matplotlib while this one reads what is to be drawn. They end after some idle seconds."""
    executor = _executor()
    if executor is not None:
        for _ in range(_num_processes()):
            executor.submit(_load)


@contextlib.contextmanager
def drawing(directory: Path, style: PaperStyle, *, prefix: str = "") -> Iterator[Drawing]:
    """Within it, figures are drawn as PNG, SVG and PDF into a folder, named by their keys after a prefix.

    Meanwhile this process multiplies matrices on one thread: the cores are taken. At the end of the block all drawing has ended; after an
    error in it, what had not begun is not drawn.
    """
    drawn = Drawing(Path(directory).resolve(), style, prefix)  # the others have a working directory of their own
    try:
        with threadpool_limits(limits=1, user_api="blas"):
            yield drawn
    except BaseException:
        drawn.give_up()
        raise
    finally:
        drawn.wait()


class Drawing:
    """The figures that are being drawn."""

    def __init__(self, directory: Path, style: PaperStyle, prefix: str) -> None:
        self._where = (directory, style, prefix)
        self._executor = _executor()
        self._begun: list[tuple[Figure, Future[list[Path]]]] = []

    def save(self, figure: Figure) -> None:
        """Have a figure drawn; returns at once, unless this process may start no others and draws it by itself."""
        try:
            future = self._executor.submit(_save, figure, *self._where) if self._executor else self._here(figure)
        except BrokenProcessPool as error:
            future = Future()
            future.set_exception(error)
        self._begun.append((figure, future))

    def paths(self) -> list[Path]:
        """The files, once they are there. What a process that was killed has not drawn, this one draws.

        Raises:
            Exception: whatever went wrong with a figure.
        """
        found: list[Path] = []
        for figure, future in self._begun:
            try:
                found += future.result()
            except BrokenProcessPool:
                warnings.warn(f"the process that drew the figure {figure.key} was killed (out of memory?); it is drawn here", stacklevel=2)
                found += _save(figure, *self._where)
        return found

    def give_up(self) -> None:
        """Draw nothing that has not begun."""
        for _, future in self._begun:
            future.cancel()

    def wait(self) -> None:
        """Until no other process draws."""
        wait([future for _, future in self._begun])

    def _here(self, figure: Figure) -> Future[list[Path]]:
        future: Future[list[Path]] = Future()
        future.set_result(_save(figure, *self._where))
        return future


def _load() -> None:
    from prunelab.results import figures_paper  # noqa: F401


def _save(figure: Figure, directory: Path, style: PaperStyle, prefix: str) -> list[Path]:
    from prunelab.results import figures_paper  # matplotlib, which the process that has others draw can do without

    return figures_paper.save(figure, directory, style, prefix)


def _executor() -> Executor | None:
    """The processes, the same for each report; None where this process may start none."""
    global _starter
    if multiprocessing.current_process().daemon or _starter not in (None, os.getpid()):
        return None
    _starter = os.getpid()
    return get_reusable_executor(max_workers=_num_processes())


def _num_processes() -> int:
    return max(1, min(_MOST_PROCESSES, cpu_count() - 1))
