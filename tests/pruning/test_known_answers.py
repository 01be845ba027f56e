"""What the parts of a prune share, in numbers worked out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from prunelab.pruning import controls, masks
from prunelab.pruning.allocations.global_ import Global
from prunelab.pruning.apportion import apportion
from prunelab.pruning.criteria.base import Context
from prunelab.pruning.criteria.magnitude import Magnitude
from prunelab.pruning.granularities.weight import Weight
from prunelab.pruning.prune import prune
from prunelab.pruning.schedules import cubic_sparsity
from prunelab.pruning.scope import Scope, scope_of
from prunelab.pruning.topk import keep_top


def _pruned(weights: list[float], density: float) -> set[int]:
    model = nn.Linear(len(weights), 1, bias=False)
    model.weight.data = torch.tensor([weights])
    scope = scope_of(model)
    context = Context(generator=torch.Generator().manual_seed(0), masks=masks.ones(scope))
    made = prune(model, scope=scope, criterion=Magnitude(), allocation=Global(), granularity=Weight(), density=density, context=context)
    return set(made.masks["weight"].flatten().nonzero().flatten().tolist())


def test_natural_zeros_are_not_pruned():
    model = nn.Linear(4, 1, bias=False)
    model.weight.data.zero_()
    assert masks.sparsity(masks.ones(scope_of(model))) == 0.0


def test_pruned_scores_never_return():
    scores = torch.tensor([-torch.inf, -5.0, -torch.inf, 1.0])
    assert keep_top(scores, 2).tolist() == [False, True, False, True]
    with pytest.raises(ValueError, match="only 2 of 4 are left"):
        keep_top(scores, 3)


def test_nan_scores_are_refused():
    with pytest.raises(ValueError, match="NaN"):
        keep_top(torch.tensor([1.0, torch.nan]), 1)


def test_apportion_by_largest_remainder():
    assert apportion(10, {"a": 1.0, "b": 1.0, "c": 1.0}, {"a": 9, "b": 9, "c": 9}) == {"a": 4, "b": 3, "c": 3}
    assert apportion(10, {"a": 1.0, "b": 1.0, "c": 1.0}, {"a": 1, "b": 9, "c": 9}) == {"a": 1, "b": 5, "c": 4}
    with pytest.raises(ValueError, match="only 3 are left"):
        apportion(4, {"a": 1.0}, {"a": 3})


def test_cubic_sparsity():
    at = {step: cubic_sparsity(step, initial=0.1, final=0.9, begin_step=10, end_step=30) for step in (0, 10, 20, 30, 99)}
    assert at == pytest.approx({0: 0.1, 10: 0.1, 20: 0.9 - 0.8 / 8, 30: 0.9, 99: 0.9})


def test_controls_keep_the_count_of_each_tensor_and_change_the_place():
    scope, units = Scope(shapes={"a": (40, 50)}, first="a", output="a"), Weight()
    stream = torch.Generator().manual_seed(0)
    mask = {"a": torch.rand(40, 50, generator=stream) < 0.3}
    ones = masks.ones(scope)
    for made in (controls.shuffle(mask, scope, units, stream), controls.random_like(mask, ones, scope, units, stream)):
        assert int(made["a"].sum()) == int(mask["a"].sum())
        assert not torch.equal(made["a"], mask["a"])
    inner = controls.random_like({"a": mask["a"] & (torch.rand(40, 50, generator=stream) < 0.5)}, mask, scope, units, stream)
    assert masks.is_nested(inner, mask)


def test_apply_zeroes_nan_and_leaves_no_negative_zero():
    model = nn.Linear(2, 1, bias=False)
    model.weight.data = torch.tensor([[float("nan"), -3.0]])
    masks.apply(model, {"weight": torch.tensor([[False, False]])})
    assert model.weight.tolist() == [[0.0, 0.0]]
    assert not torch.signbit(model.weight).any()


def test_scope_goes_by_type_not_by_name():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 2))
    assert list(scope_of(model).shapes) == ["0.weight", "3.weight"]
    assert list(scope_of(model, exclude=("output",)).shapes) == ["0.weight"]
    with pytest.raises(ValueError, match="did you mean '3.weight'"):
        scope_of(model, exclude=("3.weigth",))


def test_density_out_of_range_is_refused():
    with pytest.raises(ValueError, match="density 0"):
        _pruned([1.0, 2.0], 0.0)
