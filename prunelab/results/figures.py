"""All figures of a frame, in the order of the report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from prunelab.results.figure_fronts import latency_figure, pareto_figure, search_cost_figure, size_figure, speedup_figure
from prunelab.results.figure_lines import accuracy_figure, controls_figure, early_stop_figure
from prunelab.results.figure_others import barrier_figure, interpolation_figure, layers_figure
from prunelab.results.figure_parts import Absent, Figure

FIGURES = (
    accuracy_figure, controls_figure, early_stop_figure, pareto_figure, speedup_figure, latency_figure, size_figure, search_cost_figure,
    layers_figure, barrier_figure, interpolation_figure,
)  # fmt: skip


def figures(frame: pd.DataFrame, on_figure: Callable[[Figure], Any] = lambda _: None) -> tuple[list[Figure], list[Absent]]:
    """The figures that can be drawn from a frame, and those that cannot with the reason.

    Args:
        frame: records with numbers as floats (`frames.checked`).
        on_figure: given each figure as soon as it is there.
    """
    drawn: list[Figure] = []
    absent: list[Absent] = []
    for make in FIGURES:
        built = make(frame)
        if isinstance(built, Absent):
            absent.append(built)
        elif built is not None:
            drawn.append(built)
            on_figure(built)
    return drawn, absent
