"""Neurons of a transformer's feed-forward blocks."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from prunelab.pruning.granularities.units import Group, Units, along
from prunelab.pruning.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class FfnNeuron(Units):
    """The weights into one hidden neuron of a feed-forward block and those out of it (McCarley et al. 2019).

    What a neuron's bias makes of it is read by nobody once its column is gone, so the block without it is the same.
    """

    kind: ClassVar[str] = "ffn neuron"

    def groups(self, scope: Scope) -> dict[str, Group]:
        """See `Units`."""
        groups: dict[str, Group] = {}
        for block in scope.structure.perceptrons:
            if block.rows in scope.shapes and block.columns in scope.shapes:
                neurons = scope.shapes[block.rows][0]
                members = {block.rows: along(0, neurons, 2), block.columns: along(1, neurons, 2)}
                groups[block.columns] = Group(num_units=neurons, members=members)
        return groups
