"""Blocks of a weight matrix."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar

from prunelab.pruning.granularities.units import Group, Units, along
from prunelab.pruning.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class Block(Units):
    """Rectangles of `rows` outputs x `columns` inputs, each kernel position by itself (Gray et al. 2017).

    Where the block does not divide a matrix, the blocks at its edge are smaller.

    Attributes:
        rows: outputs of a block.
        columns: inputs of a block.
    """

    rows: int = 4
    columns: int = 4
    kind: ClassVar[str] = "block"

    def __post_init__(self) -> None:
        if self.rows < 1 or self.columns < 1:
            raise ValueError(f"block of {self.rows} x {self.columns} must have at least one row and one column")

    def groups(self, scope: Scope) -> dict[str, Group]:
        """See `Units`."""
        return {name: self._group(name, shape) for name, shape in scope.shapes.items()}

    def _group(self, name: str, shape: tuple[int, ...]) -> Group:
        per_row, positions = math.ceil(shape[1] / self.columns), math.prod(shape[2:])
        index = along(0, shape[0], len(shape)) // self.rows * per_row + along(1, shape[1], len(shape)) // self.columns
        position = along(0, positions, 1).reshape(1, 1, *shape[2:])
        return Group(num_units=math.ceil(shape[0] / self.rows) * per_row * positions, members={name: index * positions + position})
