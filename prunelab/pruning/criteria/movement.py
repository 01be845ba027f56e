"""Movement pruning, first-order form."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import torch
from torch import nn

from prunelab.pruning.criteria.base import Context, Criterion, Scores
from prunelab.pruning.scope import Scope
from prunelab.pruning.scratch import batch_gradients, num_examples, scoped, scratch


@dataclasses.dataclass(frozen=True, kw_only=True)
class Movement(Criterion):
    r"""How far weights move away from zero while training goes on (Sanh et al. 2020, eq. 7).

    .. math:: s = - \sum_t w^{(t)} \cdot g^{(t)}

    over `epochs` passes of plain gradient descent through the batches. The sign counts: a weight that shrinks scores below
    one that grows. Learned scores, with a straight-through estimator, are a timing: see `prunelab.training.dynamic`.

    Attributes:
        lr: step size of the descent.
        epochs: passes over the batches.
    """

    lr: float = 0.01
    epochs: int = 1
    needs_batches: ClassVar[bool] = True

    def __call__(self, model: nn.Module, scope: Scope, context: Context) -> Scores:
        """See `Criterion`."""
        num_examples(context)
        with scratch(model, scope, context) as network:
            weights = scoped(network, scope)
            masks = {name: context.masks[name].to(weight.device) for name, weight in weights.items()}
            scores = {name: torch.zeros_like(weight) for name, weight in weights.items()}
            for batch in [*context.batches] * self.epochs:
                found = batch_gradients(network, scope, batch, context.loss)
                with torch.no_grad():
                    for name, weight in weights.items():
                        scores[name] -= weight * found[name]
                        weight -= self.lr * found[name] * masks[name]
        return scores
