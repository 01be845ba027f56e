"""Gradient magnitude."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from torch import nn

from prunelab.pruning.criteria.base import Context, Criterion, Scores
from prunelab.pruning.scope import Scope
from prunelab.pruning.scratch import mean_gradients, scratch


@dataclasses.dataclass(frozen=True, kw_only=True)
class Gradient(Criterion):
    r"""The absolute gradient of the mean loss, :math:`s = |g|` (Blalock et al. 2020, section 7.2).

    Gradients are averaged over all examples before the absolute value is taken.
    """

    needs_batches: ClassVar[bool] = True

    def __call__(self, model: nn.Module, scope: Scope, context: Context) -> Scores:
        """See `Criterion`."""
        with scratch(model, scope, context) as network:
            return {name: value.abs() for name, value in mean_gradients(network, scope, context).items()}
