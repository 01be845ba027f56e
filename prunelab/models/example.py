"""Inputs that a network can take."""

from __future__ import annotations

import torch
from torch import nn


def example_input(
    model: nn.Module, input_shape: tuple[int, ...], *, batch: int = 1, fill: float = 0.0, device: str | None = None
) -> torch.Tensor:
    """An input of one value throughout, on the device of `model` unless another is given.

    Args:
        model: decides the type: of its weights, or token ids for a network with `num_tokens`.
        input_shape: shape of one example.
        batch: how many.
        fill: the value; texts are of a token that is no padding.
        device: `meta` for one without memory.
    """
    parameter = next(model.parameters())
    where = device or parameter.device
    if getattr(model, "num_tokens", 0):
        token = 1 if getattr(model, "padding", 0) != 1 else 2
        return torch.full((batch, *input_shape), token, dtype=torch.int64, device=where)
    return torch.full((batch, *input_shape), fill, dtype=parameter.dtype, device=where)
