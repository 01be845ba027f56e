"""Channels: the input channels of convolutions."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from prunelab.pruning.granularities.units import Group, Units, along
from prunelab.pruning.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class Channel(Units):
    """All weights that read one input channel of a convolution (He et al. 2017). The first layer reads the data: it stays."""

    kind: ClassVar[str] = "channel"

    def groups(self, scope: Scope) -> dict[str, Group]:
        """See `Units`."""
        return {
            name: _inputs(name, shape, scope.groups.get(name, 1))
            for name, shape in scope.shapes.items()
            if len(shape) > 2 and name != scope.first
        }


def _inputs(name: str, shape: tuple[int, ...], groups: int) -> Group:
    """The filters of a group have input channels of their own."""
    group = along(0, shape[0], len(shape)) // (shape[0] // groups)
    return Group(num_units=groups * shape[1], members={name: group * shape[1] + along(1, shape[1], len(shape))})
