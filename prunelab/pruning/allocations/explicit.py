"""Densities given layer by layer."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import torch

from prunelab.pruning.allocations.base import Scores, available, budget, keep_counts
from prunelab.pruning.apportion import apportion
from prunelab.pruning.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class Explicit:
    """Tensors that are named keep the density given for them; all others share what is left of the budget uniformly.

    Attributes:
        densities: density by parameter name, or by the words `first` and `output`.
    """

    densities: Mapping[str, float] = dataclasses.field(default_factory=dict)
    exact_total: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name, density in self.densities.items():
            if not 0 <= density <= 1:
                raise ValueError(f"density {density} of {name!r} must be in [0, 1]")

    def __call__(self, scores: Scores, scope: Scope, density: float) -> dict[str, torch.Tensor]:
        """See `Allocation`.

        Raises:
            ValueError: if the densities given and the total asked for can't both hold.
        """
        left, total = available(scores), budget(scores, density)
        own = {scope.resolve(word): value for word, value in self.densities.items()}
        fixed = {name: min(left[name], round(value * scores[name].numel())) for name, value in own.items() if name in scores}
        rest = {name: score.numel() for name, score in scores.items() if name not in fixed}
        room = sum(left[name] for name in rest)
        if not 0 <= total - sum(fixed.values()) <= room:
            raise ValueError(
                f"the densities given keep {sum(fixed.values())} units and the other tensors have {room}, which does not go with "
                f"the {total} that a density of {density:g} asks for; change sparsity or densities"
            )
        shares = {name: float(size) for name, size in rest.items()}
        counts = fixed | apportion(total - sum(fixed.values()), shares, {name: left[name] for name in rest})
        return keep_counts(scores, counts)
