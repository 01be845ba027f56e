"""How much two masks have in common, and how much of that is chance."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from prunelab.basics.choices import unknown


@dataclasses.dataclass(frozen=True, kw_only=True)
class Overlap:
    """Intersection over union of the weights that two masks keep, in [0, 1]; 1 for two masks that keep nothing.

    Attributes:
        observed: of the two masks.
        chance: expected of two independent random masks that keep as much of each tensor.
        greatest: the largest that masks which keep as much of each tensor can have; below 1 where they keep more or less.
    """

    observed: float
    chance: float
    greatest: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Counts:
    """Of one tensor: its weights, those that each mask keeps, and those that both keep."""

    size: int
    first: int
    second: int
    both: int


def overlap(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> Overlap:
    r"""Overlap of two masks of the same tensors.

    .. math:: \text{observed} = \frac{I}{A + B - I}, \quad E[I] = \sum_l \frac{a_l b_l}{n_l}

    for A = sum of a_l and B = sum of b_l weights kept of n_l. In random masks of these densities I is a sum of independent
    hypergeometric counts; `chance` is E[I / (A + B - I)] up to the second order of their spread, for masks of single weights. For masks
    of larger units the mean of I is the same and its spread larger, so that `chance` is slightly low.

    Args:
        first: bool tensors by parameter name, True where kept.
        second: likewise, of the same names and shapes.

    Raises:
        ValueError: for other names or shapes, or masks of nothing.
    """
    return _of([_count(name, mask, second) for name, mask in _checked(first, second).items()])


def _checked(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    if not first:
        raise ValueError("masks of no tensor can't be compared")
    for name in second:
        if name not in first:
            raise unknown("masked parameter", name, first)
    return first


def _count(name: str, mask: Tensor, others: Mapping[str, Tensor]) -> _Counts:
    if name not in others:
        raise unknown("masked parameter", name, others)
    other = others[name]
    if mask.shape != other.shape:
        raise ValueError(f"masks of {name} have shapes {tuple(mask.shape)} and {tuple(other.shape)}; compare those of one model")
    first, second, both = (int(torch.count_nonzero(kept)) for kept in (mask, other, mask & other))
    return _Counts(size=mask.numel(), first=first, second=second, both=both)


def _of(counts: Sequence[_Counts]) -> Overlap:
    kept = sum(count.first + count.second for count in counts)
    if not kept:
        return Overlap(observed=1.0, chance=1.0, greatest=1.0)
    expected = sum(count.first * count.second / count.size for count in counts)
    spread = sum(_variance(count) for count in counts)
    # of f(I) = I / (kept - I) the second derivative is 2 kept / (kept - I)^3
    chance = expected / (kept - expected) + spread * kept / (kept - expected) ** 3
    most = sum(min(count.first, count.second) for count in counts)
    both = sum(count.both for count in counts)
    return Overlap(observed=both / (kept - both), chance=min(chance, most / (kept - most)), greatest=most / (kept - most))


def _variance(count: _Counts) -> float:
    """Of a hypergeometric count."""
    n, a, b = count.size, count.first, count.second
    return a * b * (n - a) * (n - b) / (n * n * (n - 1)) if n > 1 else 0.0
