"""What stands where a part of a network was removed whole."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class Constant(nn.Module):
    """Puts out its bias at every position, whatever comes in: a layer without inputs.

    Args:
        size: features.
        outputs: 0 to return a tensor; n for a tuple of it and n - 1 times None, as attention of a library returns.
    """

    def __init__(self, size: int, outputs: int = 0) -> None:
        super().__init__()
        self.size, self.outputs = size, outputs
        self.bias = nn.Parameter(torch.zeros(size))

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Any:
        """(batch, ..., anything) -> (batch, ..., size)."""
        return _packed(self.bias.expand(*x.shape[:-1], self.size), self.outputs)


class PassedBy(nn.Module):
    """Returns what comes in: a layer that the signal passes by.

    Args:
        outputs: see `Constant`.
    """

    def __init__(self, outputs: int = 0) -> None:
        super().__init__()
        self.outputs = outputs

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Any:
        """The same."""
        return _packed(x, self.outputs)


def _packed(x: Tensor, outputs: int) -> Any:
    return (x, *[None] * (outputs - 1)) if outputs else x
