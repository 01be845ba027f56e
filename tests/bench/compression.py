"""What is gained by cutting structure out: measured, the smaller network in turns with the dense one.

Speed depends on shapes alone, so weights are random and units are drawn at random.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from prunelab.basics.seeds import generator
from prunelab.compress.compact import compact
from prunelab.metrics.flops import executed_multiply_adds
from prunelab.metrics.latency import measure_latency
from prunelab.models.build import build_model
from prunelab.models.initialization import initialize
from prunelab.models.structure import scope_with_structure
from prunelab.pruning import masks as masks_
from prunelab.pruning.allocations.uniform import Uniform
from prunelab.pruning.criteria.base import Context
from prunelab.pruning.criteria.random import Random
from prunelab.pruning.granularities.base import Granularity
from prunelab.pruning.granularities.coupled import CoupledChannels
from prunelab.pruning.granularities.heads_and_neurons import HeadsAndNeurons
from prunelab.pruning.masks import Masks
from prunelab.pruning.prune import prune
from prunelab.study.units import with_companions
from tests.bench.result import Result
from tests.conftest import configured

THREADS = 2


def _masks(model: nn.Module, granularity: Granularity, density: float, shape: tuple[int, ...] | None = None):
    scope = scope_with_structure(model, coupled_for=shape)
    made = prune(
        model,
        scope=scope,
        criterion=Random(),
        allocation=Uniform(),
        granularity=granularity,
        density=density,
        context=Context(generator=generator(0), masks=masks_.ones(scope)),
    )
    return with_companions(made.masks, scope)


def _speedup(model: nn.Module, smaller: nn.Module, example: Tensor, repeats: int) -> float:
    found = measure_latency({"dense": model, "smaller": smaller}, example, repeats=repeats, threads=THREADS)
    return found["dense"].median / found["smaller"].median


def _compacted(model: nn.Module, masks: Masks, example: Tensor) -> nn.Module:
    return compact(model, masks, structure=scope_with_structure(model).structure, example=example).model


def _minilm(name: str) -> Result:
    """Without 60 % of its heads and neurons, at which it keeps 97.9 % of the F1 (experiments/compress_minilm)."""
    model = build_model(configured("model", "minilm"), input_shape=(64,), num_classes=2).eval()
    ids = torch.randint(1000, 20_000, (32, 64), generator=generator(1))
    smaller = _compacted(model, _masks(model, HeadsAndNeurons(), 0.4), ids[:2])
    found = {batch: _speedup(model, smaller, ids[:batch], 25) for batch in (1, 8, 32)}
    for batch, ratio in found.items():
        print(f"  {batch} x 64 tokens: {ratio:.2f}")
    unit = "dense time over compacted, worse of 8 and 32 texts of 64 tokens"
    return Result(name=name, value=min(found[8], found[32]), unit=unit, aim=">= 2.0", runs=2)


def _bert_large(name: str) -> Result:
    """BERT-large with at most 180 million parameters: without 55 % of its heads and neurons, and without 70 %."""
    model = build_model(configured("model", "bert_large"), input_shape=(384,), num_classes=2).eval()
    initialize(model, "xavier_normal", 0)
    ids = torch.randint(1000, 20_000, (1, 384), generator=generator(1))
    worst = 0.0
    for density in (0.45, 0.3):
        smaller = _compacted(model, _masks(model, HeadsAndNeurons(), density), ids[:, :16])
        parameters = sum(parameter.numel() for parameter in smaller.parameters())
        assert parameters <= 180_000_000, parameters
        found = {length: _speedup(model, smaller, ids[:, :length], 7) for length in (128, 384)}
        print(f"  {parameters / 1e6:.0f} M parameters: " + ", ".join(f"{ratio:.2f} at {length} tokens" for length, ratio in found.items()))
        worst = max(worst, min(found.values()))
    unit = "dense time over compacted, worse of 128 and 384 tokens, better of two shapes"
    return Result(name=name, value=worst, unit=unit, aim=">= 2.3", runs=4)


def _resnet(name: str) -> Result:
    """Half of the channels of ResNet-18: measured speed-up over that of the multiply-adds."""
    shape = (3, 128, 128)
    model = build_model(configured("model", "torchvision").replace(name="resnet18"), input_shape=shape, num_classes=100)
    initialize(model.eval(), "kaiming_normal", 0)
    images = torch.randn(8, *shape, generator=generator(1))
    smaller = _compacted(model, _masks(model, CoupledChannels(), 0.5, shape=shape), images)
    ideal = executed_multiply_adds(model, images) / executed_multiply_adds(smaller, images)
    found = _speedup(model, smaller, images, 21) / ideal
    return Result(name=name, value=found, unit=f"measured speed-up over that of multiply-adds ({ideal:.2f})", aim="", runs=21)


BENCHMARKS = {
    "minilm_compacted_speedup": _minilm,
    "bert_large_180m_speedup": _bert_large,
    "resnet_filters_speedup_vs_ideal": _resnet,
}
