"""Filters: the output channels of convolutions."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from prunelab.pruning.granularities.units import Group, Units, along
from prunelab.pruning.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class Filter(Units):
    """All weights that make one output channel of a convolution (Li et al. 2017). Linear layers stay whole."""

    kind: ClassVar[str] = "filter"

    def groups(self, scope: Scope) -> dict[str, Group]:
        """See `Units`."""
        return {
            name: Group(num_units=shape[0], members={name: along(0, shape[0], len(shape))})
            for name, shape in scope.shapes.items()
            if len(shape) > 2
        }
