"""Units of several weights: pooling and expanding that all structured granularities share."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import torch

from prunelab.pruning.granularities.base import Pooling, Tensors
from prunelab.pruning.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class Group:
    """Units that compete: those of a tensor, or of tensors that share them.

    Attributes:
        num_units: how many.
        members: parameter name -> index of the unit that each weight belongs to, of a shape that broadcasts to the parameter's.
    """

    num_units: int
    members: Mapping[str, torch.Tensor]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Units(abc.ABC):
    """A granularity whose units are given by an index a weight.

    Attributes:
        pooling: how a unit's score comes from its weights': sum, mean, l2 (root of the sum of squares) or max.
    """

    pooling: Pooling = "sum"
    kind: ClassVar[str]
    max_density: ClassVar[float] = 1.0

    @abc.abstractmethod
    def groups(self, scope: Scope) -> dict[str, Group]:
        """The units of a network, by the name of the tensor they go by. Empty if it has none."""

    def check(self, scope: Scope) -> None:
        """See `Granularity`."""
        if not self.groups(scope):
            raise ValueError(f"the network has no {self.kind} to prune; choose another pruning/granularity")

    def pool(self, scores: Tensors, scope: Scope, *, unit_scores: bool = False) -> dict[str, torch.Tensor]:
        """See `Granularity`. Weights that are pruned already do not count; a unit is -inf when all of its weights are."""
        pooled: dict[str, torch.Tensor] = {}
        for name, group in self.groups(scope).items():
            scored = [member for member in group.members if member in scores]
            if scored:
                index = torch.cat([_index(group, member, scope) for member in scored])
                values = torch.cat([scores[member].flatten() for member in scored])
                if len(scored) < len(group.members):
                    _check_scored(name, group, scored, index)
                pooled[name] = self._pool(values, index, group.num_units, unit_scores)
        return pooled

    def expand(self, keep: Tensors, scope: Scope) -> dict[str, torch.Tensor]:
        """See `Granularity`."""
        masks: dict[str, torch.Tensor] = {}
        for name, group in self.groups(scope).items():
            for member, index in group.members.items() if name in keep else ():
                masks[member] = keep[name][index.expand(scope.shapes[member])]
        return masks

    def unit_sum(self, values: Tensors, scope: Scope) -> dict[str, torch.Tensor]:
        """See `Granularity`."""
        summed = dict(values)
        for group in self.groups(scope).values():
            members = [member for member in group.members if member in values]
            if members:
                index = torch.cat([_index(group, member, scope) for member in members])
                flat = torch.cat([values[member].flatten() for member in members])
                total = torch.zeros(group.num_units, dtype=flat.dtype, device=flat.device).index_add_(0, index, flat)
                for member in members:
                    summed[member] = total[group.members[member].expand(scope.shapes[member])]
        return summed

    def _pool(self, values: torch.Tensor, index: torch.Tensor, num_units: int, unit_scores: bool) -> torch.Tensor:
        left = values != -torch.inf  # NaN counts: it is for the choice to refuse
        values, index = values[left], index[left]
        empty = torch.full((num_units,), -torch.inf, dtype=values.dtype, device=values.device)
        if unit_scores or self.pooling == "max":
            return empty.scatter_reduce_(0, index, values, "amax")
        how = "mean" if self.pooling == "mean" else "sum"
        found = empty.scatter_reduce_(0, index, values.square() if self.pooling == "l2" else values, how, include_self=False)
        # of an l2-pooled unit without weights, the root of -inf would be NaN
        return torch.where(found > -torch.inf, found.clamp_min(0).sqrt(), found) if self.pooling == "l2" else found


def _check_scored(name: str, group: Group, scored: list[str], index: torch.Tensor) -> None:
    """A unit without a score would look like one that is gone already."""
    seen = torch.zeros(group.num_units, dtype=torch.bool, device=index.device)
    seen[index] = True
    unscored = group.num_units - int(seen.sum())
    if unscored:
        raise ValueError(
            f"the criterion scores {len(scored)} of the {len(group.members)} tensors whose units go together with those of {name}; "
            f"{unscored} of these {group.num_units} units lie in the others alone and have no score: choose another criterion"
        )


def _index(group: Group, member: str, scope: Scope) -> torch.Tensor:
    return group.members[member].expand(scope.shapes[member]).flatten()


def along(dimension: int, size: int, ndim: int) -> torch.Tensor:
    """0 .. size-1 along one dimension, to broadcast over the others."""
    return torch.arange(size).reshape([size if d == dimension else 1 for d in range(ndim)])
