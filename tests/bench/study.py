"""The main study's time that is not spent in optimizer steps."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from prunelab.records.frame import load
from prunelab.store.store import Store
from tests.bench.result import Result, median

RUNS = 1


def _overhead(name: str) -> Result:
    """The whole command, imports, W&B and report-ready records included, with all seeds and controls (some minutes)."""
    shares = []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as folder:
            line = [sys.executable, "-m", "prunelab.cli", "run", "experiment=lottery_mnist5k"]
            started = time.perf_counter()
            subprocess.run(line, env={**os.environ, "PRUNELAB_HOME": folder}, check=True, stdout=subprocess.DEVNULL)
            whole = time.perf_counter() - started
            assert len(load(Path(folder) / "records")) > 300
            store = Store(Path(folder) / "store")
            in_steps = sum(store.data(key).get("step_seconds", 0.0) for key in _trained(store))
        shares.append(1 - in_steps / whole)
    return median(name, shares, unit="share of the time", aim="< 0.15")


def _trained(store: Store) -> list[str]:
    """Trainings that ran on their own, not those kept on the way of a longer one."""
    return [key for key in store.keys() if store.data(key).get("seconds", 0.0) > store.data(key).get("step_seconds", 0.0)]  # noqa: SIM118


BENCHMARKS = {"study_overhead_share": _overhead}
