"""How long the numbers and the report of a large study take."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.bench.folders import STUDY, records_folder
from tests.bench.result import Result, median

POINTS, RUNS, REPORTS = 1_000_000, 7, 3


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


def _report(name: str) -> Result:
    """From a folder of 100,000 records, whose index is there as after a sweep, to the report and its figures, in one process."""
    from prunelab.records.frame import load
    from prunelab.results.report import write_report

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        records_folder(root / "records")
        load(root / "records", STUDY)
        times = []
        for run in range(REPORTS):
            started = time.perf_counter()
            write_report(load(root / "records", STUDY, curves=False), root / f"report{run}", title=STUDY)
            times.append(time.perf_counter() - started)
    return median(name, times, unit="seconds", aim="< 5")


def _report_command(name: str) -> Result:
    """`prunelab report` of the same: a new process each time, its start and imports included."""
    from prunelab.records.frame import load

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        records_folder(root / "records")
        load(root / "records", STUDY)
        times = []
        for run in range(REPORTS):
            line = [sys.executable, "-m", "prunelab.cli", "report", STUDY, "--home", folder, "--output", str(root / f"report{run}")]
            started = time.perf_counter()
            subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
            times.append(time.perf_counter() - started)
    return median(name, times, unit="seconds")


BENCHMARKS = {"pareto_1m_seconds": _pareto, "report_100k_seconds": _report, "report_100k_command_seconds": _report_command}
