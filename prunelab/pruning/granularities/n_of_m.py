"""N:M sparsity."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar

import torch
import torch.nn.functional as F

from prunelab.pruning.granularities.base import Tensors
from prunelab.pruning.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class NOfM:
    """At most `n` of each `m` consecutive weights along the input dimension are left (Mishra et al. 2021: 2:4).

    Groups run over input features of a linear layer and over input channels of a convolution, which is what the sparse
    tensor cores want; a last group that is shorter keeps at most `n` too. Within a group the best scores stay. The densest
    pattern has density n/m; a lower target takes more from the groups by the same scores.

    Attributes:
        n: kept, at most.
        m: group length.
    """

    n: int = 2
    m: int = 4
    kind: ClassVar[str] = "n:m"

    def __post_init__(self) -> None:
        if not 0 < self.n <= self.m:
            raise ValueError(f"n:m = {self.n}:{self.m} must have 0 < n <= m: n of each m weights are kept")

    @property
    def max_density(self) -> float:
        """The fraction n / m."""
        return self.n / self.m

    def check(self, scope: Scope) -> None:
        """See `Granularity`."""

    def pool(self, scores: Tensors, scope: Scope, *, unit_scores: bool = False) -> dict[str, torch.Tensor]:
        """Scores of single weights, -inf for those that their group leaves no room for."""
        return {name: score.masked_fill(~self._best(score), -torch.inf).flatten() for name, score in scores.items()}

    def expand(self, keep: Tensors, scope: Scope) -> dict[str, torch.Tensor]:
        """See `Granularity`."""
        return {name: mask.reshape(scope.shapes[name]) for name, mask in keep.items()}

    def unit_sum(self, values: Tensors, scope: Scope) -> dict[str, torch.Tensor]:
        """See `Granularity`."""
        return dict(values)

    def _best(self, score: torch.Tensor) -> torch.Tensor:
        along = score.movedim(1, -1)
        length = along.shape[-1]
        padded = F.pad(along, (0, math.ceil(length / self.m) * self.m - length), value=-torch.inf)
        groups = padded.unflatten(-1, (-1, self.m))
        # a stable sort breaks ties by position, the same way every time
        order = groups.argsort(dim=-1, descending=True, stable=True)
        best = torch.zeros_like(groups, dtype=torch.bool).scatter_(-1, order[..., : self.n], True)
        return best.flatten(-2)[..., :length].movedim(-1, 1)
