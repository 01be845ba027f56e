"""Layers by where they are."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Literal

import torch

from prunelab.pruning.criteria.base import Context, Criterion, Scores
from prunelab.pruning.scope import Scope

Rule = Literal["top", "bottom", "alternate", "symmetric"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class LayerPosition(Criterion):
    """Which layers go is a matter of their place (Sajjad et al. 2023, section 3).

    Attributes:
        rule: top (those nearest the output go first), bottom (nearest the input), alternate (every other one from the top down, the
            last layer staying, then the rest from the top) or symmetric (from the middle outwards).
    """

    rule: Rule = "top"
    granularities: ClassVar[tuple[str, ...]] = ("layer",)
    scores_units: ClassVar[bool] = True

    def __call__(self, model: torch.nn.Module, scope: Scope, context: Context) -> Scores:
        """See `Criterion`."""
        scores: Scores = {}
        for group in context.units.values():
            rank = torch.empty(group.num_units)
            for position, unit in enumerate(removal_order(self.rule, group.num_units)):
                rank[unit] = float(position)
            scores |= {name: rank[unit.expand(scope.shapes[name])] for name, unit in group.members.items()}
        return scores


def removal_order(rule: Rule, layers: int) -> list[int]:
    """Layers, counted from 0 at the input, in the order in which they go."""
    down = list(reversed(range(layers)))
    if rule == "top":
        return down
    if rule == "bottom":
        return down[::-1]
    if rule == "alternate":
        return down[1::2] + down[::2]
    middle = (layers - 1) / 2
    return sorted(range(layers), key=lambda layer: (abs(layer - middle), layer))
