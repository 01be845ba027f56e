"""All figures of a frame, in the order of the report."""

from __future__ import annotations

import pandas as pd

from prunelab.results.figure_fronts import latency_figure, pareto_figure, search_cost_figure, size_figure, speedup_figure
from prunelab.results.figure_lines import accuracy_figure, controls_figure, early_stop_figure
from prunelab.results.figure_others import barrier_figure, interpolation_figure, layers_figure
from prunelab.results.figure_parts import Absent, Figure

FIGURES = (
    accuracy_figure, controls_figure, early_stop_figure, pareto_figure, speedup_figure, latency_figure, size_figure, search_cost_figure,
    layers_figure, barrier_figure, interpolation_figure,
)  # fmt: skip


def figures(frame: pd.DataFrame) -> tuple[list[Figure], list[Absent]]:
    """The figures that can be drawn from a frame, and those that cannot with the reason."""
    built = [make(frame) for make in FIGURES]
    drawn = [figure for figure in built if figure is not None and not isinstance(figure, Absent)]
    return drawn, [figure for figure in built if isinstance(figure, Absent)]
