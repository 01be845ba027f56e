"""Sparse layers beside dense ones: a plan must never be slower than no plan, whatever the model and the batch.

Each case is planned on one batch and then timed anew, in turns with the dense model, on another: the plan's own
measurement is not what is judged.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from prunelab.compress.break_even import apply, break_even_plan
from prunelab.metrics.latency import measure_latency
from prunelab.models.build import build_model
from prunelab.models.initialization import initialize
from prunelab.pruning import masks as masks_
from prunelab.pruning.scope import scope_of
from tests.bench.result import Result
from tests.conftest import configured

SPARSITY, BATCHES, THREADS, REPEATS = 0.95, (1, 32, 256), 1, 101
TOKENS, TEXT_BATCHES = 32, (1, 32)


def _cases() -> Iterator[tuple[str, nn.Module, Tensor, Tensor]]:
    """Name, model, the batch to plan with, and the batch to time."""
    stream = torch.Generator().manual_seed(0)
    lenet = build_model(configured("model", "lenet_300_100"), input_shape=(1, 28, 28), num_classes=10)
    initialize(lenet, "xavier_normal", 0)
    for batch in BATCHES:
        first, second = torch.randn(2, batch, 1, 28, 28, generator=stream)
        yield f"lenet_300_100, batch {batch}", lenet, first, second
    minilm = build_model(configured("model", "minilm"), input_shape=(TOKENS,), num_classes=2)
    for batch in TEXT_BATCHES:
        first, second = torch.randint(1000, 20_000, (2, batch, TOKENS), generator=stream)
        yield f"minilm, batch {batch} of {TOKENS} tokens", minilm, first, second


def _ratio(model: nn.Module, planned: Tensor, timed: Tensor) -> float:
    stream = torch.Generator().manual_seed(1)
    masks = {name: torch.rand(shape, generator=stream) >= SPARSITY for name, shape in scope_of(model).shapes.items()}
    masked = copy.deepcopy(model)
    masks_.apply(masked, masks)
    plan = break_even_plan(model, masks, planned, threads=THREADS)
    found = measure_latency({"plan": apply(plan, masked), "dense": masked}, timed, repeats=REPEATS, threads=THREADS)
    return found["plan"].median / found["dense"].median


def _worst(name: str) -> Result:
    ratios = {case: _ratio(model, planned, timed) for case, model, planned, timed in _cases()}
    for case, ratio in ratios.items():
        print(f"  {case}: {ratio:.3f}")
    return Result(name=name, value=max(ratios.values()), unit="plan's time over dense time, worst case", aim="<= 1.03", runs=len(ratios))


BENCHMARKS = {"csr_plan_worst_ratio": _worst}
