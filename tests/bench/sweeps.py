"""What sharing, caching and company save."""

from __future__ import annotations

import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from prunelab.records.frame import load
from prunelab.store.plans import read_jobs
from tests.bench.folders import RECORDS, STUDY, records_folder
from tests.bench.result import Result, median

CRITERIA = ("magnitude", "random", "gradient", "lamp", "taylor")
SPARSITIES = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98)
# as many steps for the dense network as for each ticket, so that stages count alike
SWEEP = ["name=bench", "dataset=mnist5k", "trainer.length=10ep", "schedule=one_shot", "sparsity=list", "tracking=none",
         "hardware=cpu", "hardware.threads=1"]  # fmt: skip
JOB = ["name=bench", "dataset=digits", "trainer=quick", "tracking=none", "hardware=cpu", "hardware.threads=1", "sparsity.levels=2"]


def _run(home: str, *arguments: str) -> float:
    started = time.perf_counter()
    line = [sys.executable, "-m", "prunelab.cli", "run", *arguments]
    subprocess.run(line, env={**os.environ, "PRUNELAB_HOME": home}, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def _in_process(home: str, *arguments: str) -> float:
    from prunelab.cli.sweep import run_all

    os.environ["PRUNELAB_HOME"] = home
    started = time.perf_counter()
    run_all(arguments)
    return time.perf_counter() - started


def _sharing(name: str) -> Result:
    """5 criteria x 6 sparsities in this process: each point with a store of its own, over all with one.

    The value is this ratio over the ratio of training steps, which is what sharing can save at most.
    """
    with tempfile.TemporaryDirectory() as warm:
        _in_process(warm, *JOB)
    apart, steps_apart = 0.0, 0
    for criterion, sparsity in itertools.product(CRITERIA, SPARSITIES):
        with tempfile.TemporaryDirectory() as home:
            apart += _in_process(home, *SWEEP, f"pruning/criterion={criterion}", f"sparsity.values=[{sparsity}]")
            steps_apart += sum(_steps(home).values())
    with tempfile.TemporaryDirectory() as home:
        together = _in_process(home, "-m", *SWEEP, f"pruning/criterion={','.join(CRITERIA)}", f"sparsity.values={list(SPARSITIES)}")
        possible = steps_apart / sum(_steps(home).values())
        assert len(load(Path(home) / "records").query("level == 0")["stage_key"].unique()) == 1
    return Result(name=name, value=apart / together / possible, unit=f"of the {possible:.2f} that is possible", aim=">= 0.85", runs=1)


def _steps(home: str) -> dict[str, int]:
    return {key: stage.steps for job in read_jobs(Path(home) / "store", "bench") for key, stage in job.stages.items()}


def _cached(name: str) -> Result:
    """A job more, whose stages are all done, in a sweep in this process."""
    axis = "schedule.rewind_to=" + ",".join(str(step) for step in range(10))
    with tempfile.TemporaryDirectory() as home:
        _in_process(home, "-m", *JOB, axis)
        times = [_in_process(home, "-m", *JOB, axis) / 10 for _ in range(5)]
    return median(name, times, unit="seconds a job", aim="< 0.15")


def _joblib(name: str) -> Result:
    """Twelve jobs that share nothing, in turns by one process and by two workers; the start of the workers counts."""
    words = ["-m", *SWEEP, "trainer.length=40ep", "sparsity.values=[0.9]", "seeds=" + ",".join(f"[{seed}]" for seed in range(12))]
    serial, both = [], []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
            serial.append(_run(one, *words))
            both.append(_run(two, *words, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"))
        print(f"  serial {serial[-1]:.1f} s, two workers {both[-1]:.1f} s")
    ratio = statistics.median(serial) / statistics.median(both)
    return Result(name=name, value=ratio, unit="times as fast as serial", aim=">= 1.6", runs=3)


def _records(name: str) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        records_folder(Path(folder))
        load(Path(folder), STUDY)
        times = []
        for _ in range(5):
            started = time.perf_counter()
            assert len(load(Path(folder), STUDY)) == RECORDS
            times.append(time.perf_counter() - started)
    return median(name, times, unit="seconds, warm", aim="< 2")


BENCHMARKS = {
    "sweep_sharing_ratio": _sharing,
    "cached_job_seconds": _cached,
    "joblib_speedup": _joblib,
    "records_100k_seconds": _records,
}
