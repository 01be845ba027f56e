"""How long the numbers and the report of a large study take."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
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

    def write(root: Path, output: Path) -> None:
        write_report(load(root / "records", STUDY, curves=False), output, title=STUDY)

    return median(name, _reports(write), unit="seconds", aim="< 5")


def _report_command(name: str) -> Result:
    """`prunelab report` of the same: a new process each time, its start and imports included."""

    def write(root: Path, output: Path) -> None:
        line = [sys.executable, "-m", "prunelab.cli", "report", STUDY, "--home", str(root), "--output", str(output)]
        subprocess.run(line, check=True, stdout=subprocess.DEVNULL)

    return median(name, _reports(write), unit="seconds")


def _reports(write: Callable[[Path, Path], None]) -> list[float]:
    """The seconds that each report of a folder of records takes."""
    from prunelab.records.frame import load

    times = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        records_folder(root / "records")
        load(root / "records", STUDY)
        for run in range(REPORTS):
            started = time.perf_counter()
            write(root, root / f"report{run}")
            times.append(time.perf_counter() - started)
    return times


BENCHMARKS = {"pareto_1m_seconds": _pareto, "report_100k_seconds": _report, "report_100k_command_seconds": _report_command}
