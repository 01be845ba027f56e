"""Attention heads."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import torch

from prunelab.pruning.granularities.units import Group, Units, along
from prunelab.pruning.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class Head(Units):
    """Query, key and value rows of one attention head and its columns of the output projection (Michel et al. 2019)."""

    kind: ClassVar[str] = "head"

    def groups(self, scope: Scope) -> dict[str, Group]:
        """See `Units`."""
        groups: dict[str, Group] = {}
        for heads in scope.structure.heads:
            members = dict.fromkeys(heads.rows, 0) | {heads.columns: 1}
            if all(name in scope.shapes for name in members):
                index = {name: _owner(scope.shapes[name][dimension], dimension, heads.num_heads) for name, dimension in members.items()}
                groups[heads.columns] = Group(num_units=heads.num_heads, members=index)
        return groups


def _owner(size: int, dimension: int, num_heads: int) -> torch.Tensor:
    """The head that each row (dimension 0) or column (1) belongs to."""
    return along(dimension, size, 2) // (size // num_heads)
