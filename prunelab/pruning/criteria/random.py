"""Random scores."""

from __future__ import annotations

import dataclasses

import torch
from torch import nn

from prunelab.pruning.criteria.base import Context, Criterion, Scores
from prunelab.pruning.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class Random(Criterion):
    """Uniform scores in [0, 1) from the context's generator: the baseline every study needs (Blalock et al. 2020)."""

    def __call__(self, model: nn.Module, scope: Scope, context: Context) -> Scores:
        """See `Criterion`."""
        return {name: torch.rand(shape, generator=context.generator) for name, shape in scope.shapes.items()}
