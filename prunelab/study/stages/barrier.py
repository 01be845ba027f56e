"""Instability: the error barrier between two networks."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from prunelab.basics.component import Component
from prunelab.datasets.splits import Splits
from prunelab.metrics.quality import evaluate
from prunelab.store.artifact import Artifact
from prunelab.study.stages.base import Stage, state_in
from prunelab.study.workshop import Workshop
from prunelab.training.batches import split_batches

_BATCH = 500


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Barrier(Stage):
    r"""Error along the line between two children of the same weights (Frankle et al. 2020, section 2).

    .. math:: \max_\alpha E(\alpha W_1 + (1 - \alpha) W_2) - (E(W_1) + E(W_2)) / 2

    BatchNorm statistics are estimated anew on the training data at every point.
    """

    model: Component
    dataset: Component
    points: int
    first: Stage
    second: Stage

    def run(self, inputs: Mapping[str, Artifact], workshop: Workshop) -> Artifact:
        """See `Stage`."""
        splits, network = workshop.splits(self.dataset), workshop.model(self.model, self.dataset)
        ends = state_in(inputs["first"]), state_in(inputs["second"])
        alphas = torch.linspace(0, 1, self.points).tolist()
        errors = [_error(network, _between(*ends, alpha), splits, workshop.hardware.workers) for alpha in alphas]
        barrier = max(errors) - (errors[0] + errors[-1]) / 2
        return Artifact(data={"barrier": barrier, "curve": {"alpha": alphas, "test_error": errors}})


def _between(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor], alpha: float) -> dict[str, torch.Tensor]:
    """Alpha of the first, 1 - alpha of the second; counters stay the first's."""
    return {n: alpha * v + (1 - alpha) * second[n] if v.is_floating_point() else v for n, v in first.items()}


def _error(network: nn.Module, state: dict[str, torch.Tensor], splits: Splits, workers: int) -> float:
    network.load_state_dict(state)
    _estimate_batch_norm(network, splits, workers)
    return 1.0 - evaluate(network, split_batches(splits.test, _BATCH, workers)).top1


@torch.no_grad()
def _estimate_batch_norm(network: nn.Module, splits: Splits, workers: int) -> None:
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch's word for the plain average over batches
    network.train()
    for inputs, _ in split_batches(splits.train, _BATCH, workers):
        network(inputs)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
