"""First-order Taylor expansion of the loss."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import torch
from torch import nn

from prunelab.pruning.criteria.base import Context, Criterion, Scores
from prunelab.pruning.scope import Scope
from prunelab.pruning.scratch import batch_gradients, num_examples, scoped, scratch


@dataclasses.dataclass(frozen=True, kw_only=True)
class Taylor(Criterion):
    r"""The squared first-order change of the loss when a unit is removed (Molchanov et al. 2019, eq. 8).

    .. math:: s_u = \frac{1}{B} \sum_{b} \Big( \sum_{i \in u} g_i^{(b)} w_i \Big)^2

    Terms of a unit are summed with their signs before the square, and squares are averaged over batches.
    """

    needs_batches: ClassVar[bool] = True
    scores_units: ClassVar[bool] = True

    def __call__(self, model: nn.Module, scope: Scope, context: Context) -> Scores:
        """See `Criterion`."""
        count = num_examples(context)
        with scratch(model, scope, context) as network:
            weights = {name: weight.detach() for name, weight in scoped(network, scope).items()}
            scores = {name: torch.zeros_like(weight) for name, weight in weights.items()}
            for batch in context.batches:
                found = batch_gradients(network, scope, batch, context.loss)
                change = context.unit_sum({name: found[name] * weights[name] for name in weights})
                for name, value in change.items():
                    scores[name] += value.square() * (len(batch[1]) / count)
        return scores
