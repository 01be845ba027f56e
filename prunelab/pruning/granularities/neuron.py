"""Neurons: the outputs of linear layers."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from prunelab.pruning.granularities.units import Group, Units, along
from prunelab.pruning.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class Neuron(Units):
    """All weights into one neuron of a linear layer. The output layer's neurons are the classes: they stay."""

    kind: ClassVar[str] = "neuron"

    def groups(self, scope: Scope) -> dict[str, Group]:
        """See `Units`."""
        return {
            name: Group(num_units=shape[0], members={name: along(0, shape[0], 2)})
            for name, shape in scope.shapes.items()
            if len(shape) == 2 and name != scope.output
        }
