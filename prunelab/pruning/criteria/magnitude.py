"""Magnitude."""

from __future__ import annotations

import dataclasses

from torch import nn

from prunelab.pruning.criteria.base import Context, Criterion, Scores
from prunelab.pruning.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class Magnitude(Criterion):
    """The absolute value of a weight, s = abs(w) (Han et al. 2015, section 3)."""

    def __call__(self, model: nn.Module, scope: Scope, context: Context) -> Scores:
        """See `Criterion`."""
        return {name: weight.abs() for name, weight in scope.weights(model).items()}
