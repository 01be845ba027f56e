"""Whole layers."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import torch

from prunelab.pruning.granularities.units import Group, Units
from prunelab.pruning.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layer(Units):
    """Whole residual branches: with its weights gone, a branch adds a constant at most, and the signal passes beside it.

    Layers without a way around them are never units: a network is of no use without one.
    """

    kind: ClassVar[str] = "layer"

    def groups(self, scope: Scope) -> dict[str, Group]:
        """See `Units`. All branches compete, so they are one group."""
        branches = [names for names in scope.structure.branches.values() if all(name in scope.shapes for name in names)]
        units = {name: unit for unit, names in enumerate(branches) for name in names}
        members = {name: torch.full([1] * len(scope.shapes[name]), unit) for name, unit in units.items()}
        return {next(iter(members)): Group(num_units=len(branches), members=members)} if members else {}
