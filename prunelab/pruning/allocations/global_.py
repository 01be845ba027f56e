"""One budget over all tensors."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import torch

from prunelab.pruning.allocations.base import Scores, budget
from prunelab.pruning.scope import Scope
from prunelab.pruning.topk import keep_top


@dataclasses.dataclass(frozen=True, kw_only=True)
class Global:
    """The highest scores of all tensors together are kept; ties by the network's order, then by index."""

    exact_total: ClassVar[bool] = True

    def __call__(self, scores: Scores, scope: Scope, density: float) -> dict[str, torch.Tensor]:
        """See `Allocation`."""
        keep = keep_top(torch.cat(list(scores.values())), budget(scores, density))
        return dict(zip(scores, keep.split([score.numel() for score in scores.values()]), strict=True))
