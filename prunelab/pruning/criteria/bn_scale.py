"""BatchNorm scale."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import torch
from torch import nn

from prunelab.pruning.activations import modules_of, run
from prunelab.pruning.criteria.base import Context, Criterion, Scores
from prunelab.pruning.scope import Scope
from prunelab.pruning.scratch import scratch

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@dataclasses.dataclass(frozen=True, kw_only=True)
class BatchNormScale(Criterion):
    r"""The scale of the BatchNorm behind a convolution, :math:`s = |\gamma|` (Liu et al. 2017, network slimming).

    Train with `trainer.batch_norm_l1` above zero, which is what makes scales of useless filters small. Convolutions whose
    output does not go straight into a BatchNorm are not scored.
    """

    needs_batches: ClassVar[bool] = True
    granularities: ClassVar[tuple[str, ...]] = ("filter", "coupled")
    scores_units: ClassVar[bool] = True

    def __call__(self, model: nn.Module, scope: Scope, context: Context) -> Scores:
        """See `Criterion`.

        Raises:
            ValueError: if no convolution has a BatchNorm behind it.
        """
        with scratch(model, scope, context) as network:
            scales = followed_by_batch_norm(network, scope, dataclasses.replace(context, batches=context.batches[:1]))
            scores = {name: _broadcast(norm, scope.shapes[name]) for name, norm in scales.items() if len(scope.shapes[name]) > 2}
        if not scores:
            raise ValueError("bn_scale needs BatchNorm layers right behind convolutions; this network has none")
        return scores


def followed_by_batch_norm(network: nn.Module, scope: Scope, context: Context) -> dict[str, nn.Module]:
    """Parameter name -> the BatchNorm that reads the layer's very output, found by running a batch."""
    outputs: dict[str, torch.Tensor] = {}
    found: dict[str, nn.Module] = {}

    def reads(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        for name, output in outputs.items():
            if output is inputs[0]:
                found[name] = module

    handles = [module.register_forward_pre_hook(reads) for module in network.modules() if isinstance(module, BATCH_NORMS)]
    try:
        run(network, scope, context, lambda name, inputs, output: outputs.update({name: output}))
    finally:
        for handle in handles:
            handle.remove()
    return {name: found[name] for name in modules_of(network, scope) if name in found}


def _broadcast(norm: nn.Module, shape: tuple[int, ...]) -> torch.Tensor:
    scale = norm.get_parameter("weight").detach().abs()
    return scale.reshape(-1, *[1] * (len(shape) - 1)).expand(shape).clone()
