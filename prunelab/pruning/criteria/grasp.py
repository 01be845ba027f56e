"""GraSP."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import torch
from torch import nn

from prunelab.pruning.criteria.base import Context, Criterion, Scores
from prunelab.pruning.scope import Scope
from prunelab.pruning.scratch import num_examples, scoped, scratch


@dataclasses.dataclass(frozen=True, kw_only=True)
class GraSP(Criterion):
    r"""Gradient signal preservation at initialisation (Wang et al. 2020, eq. 8 and algorithm 1).

    Removing weight i changes the gradient flow :math:`g^T g` by about :math:`-w_i (H g)_i`. The weights with the highest
    :math:`-w \cdot Hg` go, so :math:`s = w \cdot Hg` is kept from the top. Hg is of the same batch as g, by differentiating
    twice; outputs are divided by a temperature first.

    Attributes:
        temperature: divides the outputs.
    """

    temperature: float = 200.0
    needs_batches: ClassVar[bool] = True

    def __call__(self, model: nn.Module, scope: Scope, context: Context) -> Scores:
        """See `Criterion`."""
        count = num_examples(context)
        with scratch(model, scope, context, batch_statistics=True) as network:
            weights = scoped(network, scope)
            live = list(weights.values())
            scores = {name: torch.zeros_like(weight) for name, weight in weights.items()}
            for inputs, targets in context.batches:
                loss = context.loss(network(inputs) / self.temperature, targets)
                gradient = torch.autograd.grad(loss, live, create_graph=True, materialize_grads=True)
                flow = sum((g * g.detach()).sum() for g in gradient)
                assert isinstance(flow, torch.Tensor)
                product = torch.autograd.grad(flow, live, materialize_grads=True)
                for (name, weight), value in zip(weights.items(), product, strict=True):
                    scores[name] += weight.detach() * value * (len(targets) / count)
        return scores
