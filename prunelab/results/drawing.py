"""Figures for papers, drawn by processes of their own while this one goes on with the page."""

from __future__ import annotations

import contextlib
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, wait
from pathlib import Path
from typing import TYPE_CHECKING

from loky import cpu_count, get_reusable_executor
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from prunelab.results.figure_parts import Figure
    from prunelab.results.paper_styles import PaperStyle

Save = Callable[["Figure"], "Future[list[Path]]"]

_MOST_PROCESSES = 4  # a report has about ten figures, and a process takes a second to start


def get_ready() -> None:
    """Start the processes, which import matplotlib while this one reads what is to be drawn. They end after some idle seconds."""
    executor = _executor()
    if executor is not None:
        executor.submit(_load)


def _load() -> None:
    from prunelab.results import figures_paper  # noqa: F401


def _save(figure: Figure, directory: Path, style: PaperStyle, prefix: str) -> list[Path]:
    from prunelab.results import figures_paper  # matplotlib, which this process can do without

    return figures_paper.save(figure, directory, style, prefix)


@contextlib.contextmanager
def drawing(directory: Path, style: PaperStyle, *, prefix: str = "") -> Iterator[Save]:
    """Within it, `save(figure)` has a figure drawn as PNG, SVG and PDF into a folder, and returns at once.

    Files are named by the figure's key after a prefix. Meanwhile this process multiplies matrices on one thread: the cores are taken.

    Returns:
        `save`, whose result has the paths once they are there. At the end of the block all drawing has ended; after an error in
        it, what had not begun is not drawn.
    """
    executor, begun = _executor(), list[Future[list[Path]]]()

    def save(figure: Figure) -> Future[list[Path]]:
        if executor is None:
            begun.append(Future())
            begun[-1].set_result(_save(figure, directory, style, prefix))
        else:
            begun.append(executor.submit(_save, figure, directory, style, prefix))
        return begun[-1]

    try:
        with threadpool_limits(limits=1, user_api="blas"):
            yield save
    except BaseException:
        for one in begun:
            one.cancel()
        raise
    finally:
        wait(begun)


def _executor() -> Executor | None:
    """The processes, the same for each report; None where this process may start none."""
    if multiprocessing.current_process().daemon:
        return None
    return get_reusable_executor(max_workers=max(1, min(_MOST_PROCESSES, cpu_count() - 1)))
