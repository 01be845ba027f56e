"""Time and memory of one prune.

Magnitude prunes ResNet-50 to 20 % density in the way of a study: scores, units, one budget over all tensors, masks. Its
yardstick is the one `torch.kthvalue` that a script would rank all absolute weights with, copies of them not counted.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from prunelab.models.build import build_model
from prunelab.models.initialization import initialize
from prunelab.pruning import masks
from prunelab.pruning.allocations.global_ import Global
from prunelab.pruning.criteria.base import Context, Criterion
from prunelab.pruning.granularities.weight import Weight
from prunelab.pruning.prune import prune
from prunelab.pruning.scope import scope_of
from prunelab.study.study import Calibration
from tests.bench.result import Result, median
from tests.conftest import configured

DENSITY, RUNS, THREADS = 0.2, 7, (1, 2)


def _resnet_50() -> nn.Module:
    model = build_model(configured("model", "torchvision").replace(name="resnet50"), input_shape=(3, 224, 224), num_classes=1000)
    initialize(model, "kaiming_normal", 0)
    return model


def _pruning(model: nn.Module, criterion: Criterion, batches=()) -> Callable[[], object]:
    scope = scope_of(model)
    context = Context(generator=torch.Generator().manual_seed(0), masks=masks.ones(scope), batches=batches)
    parts = {"criterion": criterion, "allocation": Global(), "granularity": Weight()}
    return lambda: prune(model, scope=scope, density=DENSITY, context=context, **parts)


def _seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def _against_kthvalue(name: str) -> Result:
    """The worse of the medians with one thread and with two; kthvalue itself only ever uses one."""
    model = _resnet_50()
    ours = _pruning(model, configured("pruning/criterion", "magnitude").build())
    absolute = torch.cat([weight.flatten().abs() for weight in scope_of(model).weights(model).values()])
    place = absolute.numel() - round(DENSITY * absolute.numel()) + 1

    def ratios(threads: int) -> list[float]:
        torch.set_num_threads(threads)
        return [_seconds(ours) / _seconds(lambda: torch.kthvalue(absolute, place)) for _ in range(RUNS)]

    _seconds(ours)
    found = [median(name, ratios(threads), unit="time over one kthvalue's", aim="<= 2") for threads in THREADS]
    return max(found, key=lambda result: result.value)


def _peak_memory(name: str) -> Result:
    peaks = []
    for _ in range(RUNS):
        with multiprocessing.get_context("spawn").Pool(1) as fresh:
            peaks.append(fresh.apply(_peak_over_weights))
    return median(name, peaks, unit="peak of extra bytes over the weights'", aim="<= 4")


def _peak_over_weights() -> float:
    """In a process of its own, by what the kernel counts (Linux): the high-water mark is set back before the prune."""
    model = _resnet_50()
    run = _pruning(model, configured("pruning/criterion", "magnitude").build())
    Path("/proc/self/clear_refs").write_text("5")
    before = _resident("VmRSS")
    run()
    size = sum(weight.numel() * weight.element_size() for weight in scope_of(model).weights(model).values())
    return (_resident("VmHWM") - before) / size


def _resident(field: str) -> int:
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return 1024 * int(lines[field].split()[0])


def _obs(name: str) -> Result:
    """LeNet-300-100 on mnist5k: Fisher, scores, masks and the update, on as many examples as a study takes by default."""
    torch.set_num_threads(2)
    train, calibration = configured("dataset", "mnist5k").build().train, Calibration()
    batches = [part[: calibration.examples].split(calibration.batch_size) for part in (train.inputs, train.targets)]
    model = build_model(configured("model", "lenet_300_100"), input_shape=(1, 28, 28), num_classes=10)
    initialize(model, "xavier_normal", 0)
    run = _pruning(model, configured("pruning/criterion", "obs").build(), list(zip(*batches, strict=True)))
    return median(name, [_seconds(run) for _ in range(RUNS)], unit="seconds")


BENCHMARKS = {
    "magnitude_vs_kthvalue": _against_kthvalue,
    "magnitude_peak_memory": _peak_memory,
    "obs_lenet_seconds": _obs,
}
