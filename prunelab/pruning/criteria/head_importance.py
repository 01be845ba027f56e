"""Importance of attention heads."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import ClassVar

import torch
from torch import nn

from prunelab.pruning.activations import watched
from prunelab.pruning.criteria.base import Context, Criterion, Scores
from prunelab.pruning.granularities.head import Head
from prunelab.pruning.scope import Scope
from prunelab.pruning.scratch import num_examples, scratch
from prunelab.pruning.structure import AttentionHeads


@dataclasses.dataclass(frozen=True, kw_only=True)
class HeadImportance(Criterion):
    r"""Expected sensitivity of the loss to a gate on each head (Michel et al. 2019, eq. 2).

    .. math:: I_h = \mathbb{E}_x \left| \frac{\partial L(x)}{\partial \xi_h} \right|

    with a gate :math:`\xi_h = 1` on the output of head h. The absolute value is of each example's gradient; importances of
    a layer are divided by their l2 norm.

    Attributes:
        normalize: divide by the norm over the layer.
    """

    normalize: bool = True
    needs_batches: ClassVar[bool] = True
    granularities: ClassVar[tuple[str, ...]] = ("head",)
    scores_units: ClassVar[bool] = True

    def __call__(self, model: nn.Module, scope: Scope, context: Context) -> Scores:
        """See `Criterion`."""
        groups = Head().groups(scope)
        blocks = [heads for heads in scope.structure.heads if heads.columns in groups]
        importance = {heads.columns: torch.zeros(heads.num_heads, dtype=torch.float64) for heads in blocks}
        count = num_examples(context)
        with scratch(model, scope, context) as network:
            for heads, found in self._sensitivities(network, scope, context, blocks):
                importance[heads.columns] += found.abs().sum(0) / count
        scores: Scores = {}
        for name, group in groups.items():
            each = importance[name]
            if self.normalize:
                each = each / each.norm().clamp_min(torch.finfo(torch.float64).tiny)
            scores |= {member: each[index.expand(scope.shapes[member])] for member, index in group.members.items()}
        return scores

    def _sensitivities(
        self, network: nn.Module, scope: Scope, context: Context, blocks: list[AttentionHeads]
    ) -> Iterator[tuple[AttentionHeads, torch.Tensor]]:
        """Gradient of each example's loss by the gates, shape (examples, heads), by block and batch.

        The gate's gradient is the sum over tokens and dimensions of head output times its gradient.
        """
        joined: dict[str, torch.Tensor] = {}
        columns = {heads.columns for heads in blocks}
        inner = dataclasses.replace(scope, shapes={name: shape for name, shape in scope.shapes.items() if name in columns})
        for inputs, targets in context.batches:
            with watched(network, inner, lambda name, mixed, output: joined.update({name: mixed})):
                loss = context.loss(network(inputs), targets) * len(targets)
            found = torch.autograd.grad(loss, [joined[heads.columns] for heads in blocks])
            for heads, gradient in zip(blocks, found, strict=True):
                gated = (gradient * joined[heads.columns].detach()).unflatten(-1, (heads.num_heads, -1))
                yield heads, gated.flatten(1, -3).sum((1, 3)).double().cpu()
