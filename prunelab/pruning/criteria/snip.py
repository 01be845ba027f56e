"""SNIP."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from torch import nn

from prunelab.pruning.criteria.base import Context, Criterion, Scores
from prunelab.pruning.scope import Scope
from prunelab.pruning.scratch import mean_gradients, scoped, scratch


@dataclasses.dataclass(frozen=True, kw_only=True)
class SNIP(Criterion):
    r"""Connection sensitivity, :math:`s = |g \cdot w|` at initialisation (Lee et al. 2019, eq. 6).

    Gradients are averaged over the batches before the absolute value. BatchNorm uses the statistics of each batch. With
    `pruning.rounds` above 1 it is iterative SNIP (de Jorge et al. 2021).
    """

    needs_batches: ClassVar[bool] = True

    def __call__(self, model: nn.Module, scope: Scope, context: Context) -> Scores:
        """See `Criterion`."""
        with scratch(model, scope, context, batch_statistics=True) as network:
            found = mean_gradients(network, scope, context)
            return {name: (found[name] * weight.detach()).abs() for name, weight in scoped(network, scope).items()}
