"""How long a forward pass takes: measured, and side by side with what it is compared to.

Two models timed one after the other are timed on two states of a machine (its clock, its caches, its other work). Here
they take turns in one process: one call of each a round, the order rotating from round to round, so that what changes
over time hits all alike. The median is what is compared; the quartiles say how far to trust it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from prunelab.basics.garbage import no_collections
from prunelab.metrics.masks import evaluating

Call = Callable[[], object]
Timer = Callable[[Call], float]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Latency:
    """Seconds of one forward pass of a batch.

    Attributes:
        median: of all timed runs.
        low: lower quartile.
        high: upper quartile.
        runs: how many were timed.
        batch: examples a pass.
    """

    median: float
    low: float
    high: float
    runs: int
    batch: int

    @property
    def throughput(self) -> float:
        """Examples a second, by the median."""
        return self.batch / self.median

    def to_json(self) -> dict[str, Any]:
        """All of it, throughput included."""
        return {**dataclasses.asdict(self), "throughput": self.throughput}


def measure_latency(
    models: Mapping[str, nn.Module], example: Tensor, *, repeats: int = 50, warmup: int = 5, threads: int = 1
) -> dict[str, Latency]:
    """Time a forward pass of each model on `example`, taking turns.

    In eval and inference mode, on the threads asked for, garbage collector off; all of that is afterwards as it was.

    Args:
        models: by name, all on the device of `example`.
        example: one batch (batch, ...).
        repeats: timed runs of each model.
        warmup: runs of each before, not timed.
        threads: torch's threads within an operation.

    Raises:
        ValueError: without models, or for counts below 1 (warmup: below 0).
    """
    timer = cuda_timer(example.device) if example.is_cuda else cpu_timer
    with contextlib.ExitStack() as stack:
        for model in models.values():
            stack.enter_context(evaluating(model))
        stack.enter_context(torch.inference_mode())
        calls = {name: (lambda model=model: model(example)) for name, model in models.items()}
        seconds = take_turns(calls, repeats=repeats, warmup=warmup, threads=threads, timer=timer)
    return {name: latency_of(times, batch=len(example)) for name, times in seconds.items()}


def latency_of(seconds: list[float], *, batch: int) -> Latency:
    """Median and quartiles of timed runs."""
    low, middle, high = statistics.quantiles(seconds, n=4, method="inclusive") if len(seconds) > 1 else seconds * 3
    return Latency(median=middle, low=low, high=high, runs=len(seconds), batch=batch)


def cpu_timer(call: Call) -> float:
    """Seconds of one call by the clock of the processor."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def cuda_timer(device: torch.device) -> Timer:
    """A timer of one call by events on the device's stream: from the start of its first kernel to the end of its last."""

    def timed(call: Call) -> float:
        with torch.cuda.device(device):
            first, last = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            torch.cuda.synchronize(device)
            first.record()
            call()
            last.record()
            torch.cuda.synchronize(device)
            return first.elapsed_time(last) / 1000  # milliseconds

    return timed


def take_turns(calls: Mapping[str, Call], *, repeats: int, warmup: int, threads: int, timer: Timer = cpu_timer) -> dict[str, list[float]]:
    """Seconds of each call, `repeats` times, in rounds of one call each that begin with another call every time.

    Raises:
        ValueError: as `measure_latency`.
    """
    if not calls:
        raise ValueError("there is no model to time")
    for name, value, least in (("repeats", repeats, 1), ("warmup", warmup, 0), ("threads", threads, 1)):
        if value < least:
            raise ValueError(f"{name} = {value} must be at least {least}")
    names = list(calls)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    gc.collect()
    with pinned_threads(threads), no_collections():
        for _ in range(warmup):
            for name in names:
                timer(calls[name])
        for turn in range(repeats):
            first = turn % len(names)
            for name in names[first:] + names[:first]:
                seconds[name].append(timer(calls[name]))
    return seconds


@contextlib.contextmanager
def pinned_threads(threads: int) -> Iterator[None]:
    """`threads` threads within a torch operation; afterwards as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
