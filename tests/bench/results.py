"""How long the numbers and the report of a large study take."""

from __future__ import annotations

import time

import numpy as np

from tests.bench.result import Result, median

POINTS, RUNS = 1_000_000, 7


def _pareto(name: str) -> Result:
    """The front of a million random points in two measures; the first call, which loads moocore, is not timed."""
    from prunelab.results.pareto import non_dominated

    points = np.random.default_rng(0).random((POINTS, 2))
    non_dominated(points[:10])
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        assert non_dominated(points).any()
        times.append(time.perf_counter() - started)
    return median(name, times, unit="seconds", aim="< 2")


BENCHMARKS = {"pareto_1m_seconds": _pareto}
