"""SynFlow."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import torch
from torch import nn

from prunelab.pruning.criteria.base import Context, Criterion, Scores
from prunelab.pruning.scope import Scope
from prunelab.pruning.scratch import scoped, scratch


@dataclasses.dataclass(frozen=True, kw_only=True)
class SynFlow(Criterion):
    r"""Synaptic flow (Tanaka et al. 2020, eq. 3 and algorithm 1), kept through 100 rounds.

    .. math:: s = \left| w \cdot \frac{\partial R}{\partial w} \right|, \qquad R = 1^T \Big( \prod_l |W_l| \Big) 1

    The input is all ones, every parameter is replaced by its absolute value, BatchNorm normalises by its running statistics,
    and numbers are doubles, for the products overflow. Only the shape of the data is looked at. Re-scoring with the mask on
    is what avoids layer collapse: a single round is not SynFlow.
    """

    needs_batches: ClassVar[bool] = True
    default_rounds: ClassVar[int] = 100

    def __call__(self, model: nn.Module, scope: Scope, context: Context) -> Scores:
        """See `Criterion`."""
        if not context.batches:
            raise ValueError("SynFlow needs one batch: it looks at the shape of the data only")
        inputs = context.batches[0][0]
        with scratch(model, scope, context) as network:
            network.double()
            with torch.no_grad():
                for parameter in network.parameters():
                    parameter.abs_()
            weights = scoped(network, scope)
            flow = network(torch.ones_like(inputs[:1], dtype=torch.float64)).sum()
            found = torch.autograd.grad(flow, list(weights.values()), materialize_grads=True)
            return {name: (weight.detach() * g).abs() for (name, weight), g in zip(weights.items(), found, strict=True)}
