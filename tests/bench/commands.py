"""How long a person waits for a command that computes nothing."""

from __future__ import annotations

import subprocess
import sys
import time

from tests.bench.result import Result, median

RUNS = 7


def _seconds(*arguments: str, aim: str):
    def run(name: str) -> Result:
        times = []
        for _ in range(RUNS):
            started = time.perf_counter()
            line = [sys.executable, "-m", "prunelab.cli", *arguments]
            subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
            times.append(time.perf_counter() - started)
        return median(name, times, unit="seconds", aim=aim)

    return run


BENCHMARKS = {
    "help_seconds": _seconds("--help", aim="< 0.5"),
    "compose_seconds": _seconds("run", "--cfg", "job", aim="< 1.5"),
}
