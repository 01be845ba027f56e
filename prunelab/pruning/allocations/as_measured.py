"""The proportions of another mask."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import torch

from prunelab.basics.choices import unknown
from prunelab.pruning.allocations.base import Scores, available, budget, keep_counts
from prunelab.pruning.apportion import apportion
from prunelab.pruning.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class AsMeasured:
    """Tensors share the budget in the proportions in which another run's mask had weights left.

    At that mask's own density each tensor keeps as many as it did. In a config, `record=KEY` reads the densities from the
    record of that run.

    Attributes:
        densities: density of every tensor, by parameter name.
    """

    densities: Mapping[str, float]
    exact_total: ClassVar[bool] = True

    def __call__(self, scores: Scores, scope: Scope, density: float) -> dict[str, torch.Tensor]:
        """See `Allocation`.

        Raises:
            ValueError: if the other mask has no such tensor.
        """
        for name in scores:
            if name not in self.densities:
                raise unknown("tensor of the other run's mask", name, self.densities)
        shares = {name: score.numel() * self.densities[name] for name, score in scores.items()}
        return keep_counts(scores, apportion(budget(scores, density), shares, available(scores)))
