"""The selection of many scores against a stable sort."""

from __future__ import annotations

import math

import pytest
import torch

from prunelab.pruning import topk
from prunelab.pruning.topk import keep_top

SIZE = 16 * topk._SAMPLE + 12_345


def _rand() -> torch.Tensor:
    return torch.rand(SIZE, generator=torch.Generator().manual_seed(0))


def _aligned() -> torch.Tensor:
    """Every score that the sample takes is low, so that its bracket misses."""
    scores = _rand() + 1.0
    scores[:: SIZE // topk._SAMPLE] = 0.5
    return scores


MANY = {
    "uniform": _rand,
    "double": lambda: _rand().double() - 0.5,
    "half": lambda: _rand().half(),
    "rounded": lambda: (_rand() * 20).round(),
    "equal": lambda: torch.ones(SIZE),
    "mostly_zero": lambda: _rand().sub(0.9).clamp_min(0.0),
    "mostly_pruned": lambda: _rand().masked_fill(_rand().roll(1) > 0.3, -math.inf),
    "infinite": lambda: _rand().masked_fill(_rand().roll(1) > 0.7, math.inf),
    "ascending": lambda: torch.arange(SIZE, dtype=torch.float32),
    "aligned": _aligned,
}


@pytest.mark.parametrize("name", MANY)
def test_many_scores_are_kept_as_a_stable_sort_keeps_them(name):
    scores = MANY[name]()
    order = scores.argsort(descending=True, stable=True)
    left = int((scores > -math.inf).sum())
    for k in (0, 1, 100, left // 7, left // 5, left // 2, left - 100, left):
        wanted = torch.zeros(SIZE, dtype=torch.bool)
        wanted[order[:k]] = True
        assert torch.equal(keep_top(scores, k), wanted), k


def test_few_of_many_scores_are_ranked(monkeypatch):
    sizes, rank = [], torch.kthvalue
    monkeypatch.setattr(torch, "kthvalue", lambda scores, k: (sizes.append(scores.numel()), rank(scores, k))[1])
    for density in (0.001, 0.2, 0.5, 0.999):
        keep_top(_rand(), round(density * SIZE))
    assert len(sizes) == 4
    assert max(sizes) < 0.05 * SIZE


@pytest.mark.parametrize("other", [0.0, math.inf, -math.inf])
def test_one_nan_among_many_scores_is_refused(other):
    scores = _rand()
    scores[:1000], scores[-1] = other, math.nan
    with pytest.raises(ValueError, match="NaN"):
        keep_top(scores, 10)


def test_of_many_scores_no_more_than_are_left_can_be_kept():
    scores = MANY["mostly_pruned"]()
    left = int((scores > -math.inf).sum())
    with pytest.raises(ValueError, match=f"only {left} of {SIZE} are left"):
        keep_top(scores, left + 1)
