"""Masks: which weights are left.

A mask is a bool tensor of its parameter's shape, True where the weight is kept. Counts are taken from masks, never from
zeros: a weight that happens to be zero is not pruned.
"""

from __future__ import annotations

import torch
from torch import nn

from prunelab.basics.choices import unknown
from prunelab.pruning.scope import Scope
from prunelab.pruning.structure import Passable

Masks = dict[str, torch.Tensor]


def ones(scope: Scope) -> Masks:
    """Masks that keep every weight of `scope`."""
    return {name: torch.ones(shape, dtype=torch.bool) for name, shape in scope.shapes.items()}


def kept(masks: Masks) -> int:
    """Number of weights kept."""
    return sum(int(torch.count_nonzero(mask)) for mask in masks.values())


def density(masks: Masks) -> float:
    """Fraction of prunable weights kept."""
    return kept(masks) / sum(mask.numel() for mask in masks.values())


def sparsity(masks: Masks) -> float:
    """Fraction of prunable weights removed, 1 - density."""
    return 1.0 - density(masks)


def layer_density(masks: Masks) -> dict[str, float]:
    """Density of each tensor, in the network's order."""
    return {name: int(torch.count_nonzero(mask)) / mask.numel() for name, mask in masks.items()}


def is_whole(mask: torch.Tensor) -> bool:
    """Whether a mask keeps every weight of its tensor."""
    # numpy's is ten times as fast, and one thread: for many small tensors, threads that wait for each other are what costs
    return bool(mask.numpy(force=True).all())


def is_nested(inner: Masks, outer: Masks) -> bool:
    """Whether every weight that `inner` keeps, `outer` keeps too."""
    return inner.keys() == outer.keys() and all(not bool((inner[n] & ~outer[n]).any()) for n in inner)


def intersection_over_union(first: Masks, second: Masks) -> float:
    """Weights kept by both over weights kept by either; 1 for two masks that keep nothing."""
    both = sum(int((first[name] & second[name]).sum()) for name in first)
    either = sum(int((first[name] | second[name]).sum()) for name in first)
    return both / either if either else 1.0


def hamming_distance(first: Masks, second: Masks) -> float:
    """Fraction of all weights that one of two masks keeps and the other does not (You et al. 2020)."""
    return sum(int((first[name] != second[name]).sum()) for name in first) / sum(mask.numel() for mask in first.values())


def check(masks: Masks, model: nn.Module) -> None:
    """Check that `masks` fit the parameters of `model`.

    Raises:
        ValueError: for a name the model does not have, another shape, or a tensor that is not bool.
    """
    parameters = dict(model.named_parameters())
    for name, mask in masks.items():
        if name not in parameters:
            raise unknown("parameter to mask", name, parameters)
        if mask.shape != parameters[name].shape or mask.dtype != torch.bool:
            found, wanted = (tuple(mask.shape), mask.dtype), (tuple(parameters[name].shape), torch.bool)
            raise ValueError(f"mask of {name!r} has shape and type {found}; the parameter needs {wanted}")


@torch.no_grad()
def apply(model: nn.Module, masks: Masks) -> None:
    """Set the pruned weights of `model` to exactly +0 in place, whatever they held (NaN and -0 too).

    Layers without weights are passed by from then on, where the network has a way past them.
    """
    check(masks, model)
    parameters = dict(model.named_parameters())
    for name, mask in masks.items():
        parameters[name].masked_fill_(~mask.to(parameters[name].device), 0.0)
    pass_by_empty_layers(model)


def pass_by_empty_layers(model: nn.Module) -> None:
    """Let the signal pass by every layer that is left without weights."""
    for module in model.modules():
        if isinstance(module, Passable):
            module.pass_by_if_empty()
