"""Checks shared by the measures: masks are keyed by parameter name, have its shape, and True is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from prunelab.basics.choices import unknown


def check_masks(named: Iterable[tuple[str, Tensor]], masks: Mapping[str, Tensor]) -> None:
    """Raise ValueError for a mask of no tensor in `named`, of another shape than its tensor, or not Boolean."""
    tensors = dict(named)
    for name, mask in masks.items():
        if name not in tensors:
            raise unknown("masked parameter", name, tensors)
        if mask.shape != tensors[name].shape:
            raise ValueError(f"the mask of {name} has shape {tuple(mask.shape)}, not {tuple(tensors[name].shape)}")
        if mask.dtype != torch.bool:
            raise ValueError(f"the mask of {name} must be Boolean (True = kept), not {mask.dtype}")


def collapsed_layers(masks: Mapping[str, Tensor]) -> list[str]:
    """Names of the tensors with no weight left (layer collapse, Tanaka et al. 2020)."""
    return [name for name, mask in masks.items() if not mask.any()]


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Eval mode for `model`; afterwards each module is in the mode it was in, frozen ones included."""
    training = [part for part in model.modules() if part.training]
    model.eval()
    try:
        yield
    finally:
        for part in training:
            part.training = True
