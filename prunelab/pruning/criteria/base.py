"""What a criterion is, and what it may use."""

from __future__ import annotations

import dataclasses
from typing import Protocol

import torch
from torch import nn

from prunelab.pruning.masks import Masks
from prunelab.pruning.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class Context:
    """What a criterion may use besides the model.

    Attributes:
        generator: the only source of randomness.
        masks: what is left before this prune.
    """

    generator: torch.Generator
    masks: Masks


class Criterion(Protocol):
    """Scores weights; the highest scores are kept. Leaves the model as it was."""

    def __call__(self, model: nn.Module, scope: Scope, context: Context) -> dict[str, torch.Tensor]:
        """Parameter name -> scores of the parameter's shape."""
        ...
