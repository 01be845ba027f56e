"""Pooling scores to units and expanding decisions to weights, by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from prunelab.pruning.granularities.block import Block
from prunelab.pruning.granularities.channel import Channel
from prunelab.pruning.granularities.filter import Filter
from prunelab.pruning.granularities.head import Head
from prunelab.pruning.granularities.layer import Layer
from prunelab.pruning.granularities.n_of_m import NOfM
from prunelab.pruning.granularities.neuron import Neuron
from prunelab.pruning.granularities.weight import Weight
from prunelab.pruning.scope import Scope, scope_of
from prunelab.pruning.structure import AttentionHeads, Structure

GONE = -torch.inf


def _scope(structure=None, **shapes):
    return Scope(shapes=shapes, first=next(iter(shapes)), output=list(shapes)[-1], structure=structure or Structure())


def _numbers(*shape):
    return torch.arange(1, 1 + int(torch.Size(shape).numel()), dtype=torch.float64).reshape(shape)


def _pooled(granularity, scores, scope, **options):
    return {name: value.tolist() for name, value in granularity.pool(scores, scope, **options).items()}


@pytest.mark.parametrize(
    ("pooling", "wanted"), [("sum", [2.0, 12.0]), ("mean", [0.5, 3.0]), ("l2", [46**0.5, 74**0.5]), ("max", [4.0, 8.0])]
)
def test_poolings_of_a_neuron(pooling, wanted):
    scores = {"a": torch.tensor([[1.0, 2.0, -5.0, 4.0], [8.0, 1.0, 0.0, 3.0]], dtype=torch.float64)}
    assert _pooled(Neuron(pooling=pooling), scores, _scope(a=(2, 4), out=(2, 2)))["a"] == pytest.approx(wanted)


@pytest.mark.parametrize(("pooling", "wanted"), [("sum", 5.0), ("mean", 2.5), ("l2", 13**0.5), ("max", 3.0)])
def test_weights_that_went_do_not_count_and_a_unit_of_none_is_gone(pooling, wanted):
    scores = {"a": torch.tensor([[GONE, 2.0, GONE, 3.0], [GONE] * 4], dtype=torch.float64)}
    found = _pooled(Neuron(pooling=pooling), scores, _scope(a=(2, 4), out=(2, 2)))["a"]
    assert found == [pytest.approx(wanted), GONE]


@pytest.mark.parametrize("pooling", ["sum", "mean", "l2", "max"])
def test_a_score_that_is_no_number_stays_one_so_that_it_is_refused(pooling):
    scores = {"a": torch.tensor([[1.0, torch.nan], [1.0, 2.0]])}
    found = Neuron(pooling=pooling).pool(scores, _scope(a=(2, 2), out=(2, 2)))["a"]
    assert found.isnan().tolist() == [True, False]


@pytest.mark.parametrize("pooling", ["sum", "mean", "l2", "max"])
def test_scores_of_units_are_not_pooled_again(pooling):
    scores = {"a": torch.tensor([[2.0, 2.0, GONE], [-3.0, GONE, GONE]])}
    assert _pooled(Neuron(pooling=pooling), scores, _scope(a=(2, 3), out=(2, 2)), unit_scores=True)["a"] == [2.0, -3.0]


def test_weights_are_their_own_units():
    scope = _scope(a=(2, 3), out=(1, 2, 1, 1))
    scores = {"a": _numbers(2, 3), "out": _numbers(1, 2, 1, 1)}
    assert _pooled(Weight(), scores, scope) == {"a": [1, 2, 3, 4, 5, 6], "out": [1, 2]}
    expanded = Weight().expand({"a": torch.tensor([True, False, True, False, False, True])}, scope)
    assert {name: mask.tolist() for name, mask in expanded.items()} == {"a": [[True, False, True], [False, False, True]]}


def test_filters_are_outputs_and_channels_inputs():
    scope = _scope(conv=(2, 3, 1, 2), other=(2, 2, 1, 1), out=(2, 2))
    scores = {"conv": _numbers(2, 3, 1, 2), "other": _numbers(2, 2, 1, 1), "out": _numbers(2, 2)}
    assert _pooled(Filter(), scores, scope) == {"conv": [21, 57], "other": [3, 7]}
    assert _pooled(Channel(), scores, scope) == {"other": [4, 6]}, "the first layer's channels are the data's"
    assert Filter().expand({"conv": torch.tensor([False, True])}, scope)["conv"].flatten(1).tolist() == [[False] * 6, [True] * 6]
    assert Channel().expand({"other": torch.tensor([False, True])}, scope)["other"].flatten(1).tolist() == [[False, True]] * 2


def test_channels_of_a_grouped_convolution_are_each_groups_own():
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1, groups=2), nn.Conv2d(4, 8, 1, groups=4), nn.Conv2d(8, 2, 1))
    scope = scope_of(model)
    scores = {"1.weight": _numbers(4, 2, 1, 1), "2.weight": _numbers(8, 1, 1, 1)}
    # filters 0 and 1 read channels 0 and 1, filters 2 and 3 channels 2 and 3; of the depthwise one a channel each
    assert _pooled(Channel(), scores, scope) == {"1.weight": [4, 6, 12, 14], "2.weight": [3, 7, 11, 15]}
    kept = Channel().expand({"1.weight": torch.tensor([True, False, False, True])}, scope)["1.weight"].flatten(1)
    assert kept.int().tolist() == [[1, 0], [1, 0], [0, 1], [0, 1]]


def test_neurons_are_outputs_of_hidden_linear_layers():
    scope = _scope(conv=(2, 3, 1, 1), hidden=(3, 2), out=(2, 3))
    scores = {"conv": _numbers(2, 3, 1, 1), "hidden": _numbers(3, 2), "out": _numbers(2, 3)}
    assert _pooled(Neuron(), scores, scope) == {"hidden": [3, 7, 11]}
    with pytest.raises(ValueError, match="no neuron to prune"):
        Neuron().check(_scope(out=(2, 3)))


def test_blocks_and_smaller_ones_at_the_edge():
    scope = _scope(a=(3, 5))
    #  1  2 |  3  4 |  5
    #  6  7 |  8  9 | 10
    # ------+-------+---
    # 11 12 | 13 14 | 15
    assert _pooled(Block(rows=2, columns=2), {"a": _numbers(3, 5)}, scope)["a"] == [16, 24, 15, 23, 27, 15]
    assert _pooled(Block(rows=2, columns=2, pooling="mean"), {"a": _numbers(3, 5)}, scope)["a"] == [4, 6, 7.5, 11.5, 13.5, 15]
    kept = Block(rows=2, columns=2).expand({"a": torch.tensor([True, False, False, False, False, True])}, scope)["a"]
    assert kept.int().tolist() == [[1, 1, 0, 0, 0], [1, 1, 0, 0, 0], [0, 0, 0, 0, 1]]


def test_blocks_of_a_convolution_are_of_one_kernel_position():
    scores = _numbers(2, 2, 1, 3)  # position p of the kernel holds 1 + p, 4 + p, 7 + p, 10 + p
    assert _pooled(Block(rows=2, columns=2), {"a": scores}, _scope(a=(2, 2, 1, 3)))["a"] == [22, 26, 30]


def test_n_of_m_runs_along_the_inputs():
    scores = torch.tensor([[1.0, 4.0, 3.0, 2.0, 9.0, 8.0, 7.0, 6.0], [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 5.0, 0.0]])
    pooled = NOfM(n=2, m=4).pool({"a": scores}, _scope(a=(2, 8)))["a"].reshape(2, 8) > GONE
    assert pooled.int().tolist() == [[0, 1, 1, 0, 1, 1, 0, 0], [1, 1, 0, 0, 1, 0, 1, 0]]


def test_n_of_m_of_a_convolution_runs_along_channels_and_not_the_kernel():
    scores = torch.zeros(1, 4, 1, 4)
    scores[0, :2] = 1.0
    pooled = NOfM(n=2, m=4).pool({"a": scores}, _scope(a=(1, 4, 1, 4)))["a"].reshape(1, 4, 1, 4) > GONE
    assert torch.equal(pooled, scores > 0)


def test_n_of_m_keeps_at_most_n_of_a_shorter_last_group_and_of_what_is_left():
    scores = torch.tensor([[1.0, GONE, GONE, GONE, 3.0, 2.0, 1.0]])
    pooled = NOfM(n=2, m=4).pool({"a": scores}, _scope(a=(1, 7)))["a"]
    assert pooled.tolist() == [1.0, GONE, GONE, GONE, 3.0, 2.0, GONE]


ATTENTION = Structure(heads=(AttentionHeads(num_heads=2, rows=("query", "key", "value"), columns="joined"),))
TENSORS = {"query": (4, 3), "key": (4, 3), "value": (4, 3), "joined": (3, 4)}


def test_a_head_is_its_rows_and_its_columns():
    scope = _scope(ATTENTION, **TENSORS, out=(2, 3))
    scores = {name: _numbers(*shape) for name, shape in scope.shapes.items()}
    # rows 1..6 and 7..12 of three tensors; columns (1, 2, 5, 6, 9, 10) and (3, 4, 7, 8, 11, 12) of the fourth
    assert _pooled(Head(), scores, scope) == {"joined": [3 * 21 + 33, 3 * 57 + 45]}
    kept = Head().expand({"joined": torch.tensor([False, True])}, scope)
    assert set(kept) == set(TENSORS)
    assert all(kept[name].int().tolist() == [[0] * 3, [0] * 3, [1] * 3, [1] * 3] for name in ("query", "key", "value"))
    assert kept["joined"].int().tolist() == [[0, 0, 1, 1]] * 3


def test_a_head_with_a_tensor_out_of_scope_is_no_unit():
    part = {name: shape for name, shape in TENSORS.items() if name != "value"}
    with pytest.raises(ValueError, match="no head to prune"):
        Head().check(_scope(ATTENTION, **part, out=(2, 3)))


def test_branches_compete_as_whole_layers_and_what_has_no_way_around_stays():
    structure = Structure(branches={"one": ("a", "b"), "two": ("c",), "partly": ("d", "absent")})
    scope = _scope(structure, stem=(1, 2), a=(2, 1), b=(1, 2), c=(1, 3), d=(1, 1), out=(1, 1))
    scores = {name: _numbers(*shape) for name, shape in scope.shapes.items()}
    assert _pooled(Layer(), scores, scope) == {"a": [6, 6]}
    assert _pooled(Layer(pooling="mean"), scores, scope) == {"a": [1.5, 2]}
    kept = Layer().expand({"a": torch.tensor([False, True])}, scope)
    assert {name: mask.flatten().tolist() for name, mask in kept.items()} == {"a": [False] * 2, "b": [False] * 2, "c": [True] * 3}


def test_sums_over_units_reach_every_weight_of_the_unit_and_keep_their_signs():
    scope = _scope(ATTENTION, **TENSORS, out=(1, 2))
    values = {name: torch.zeros(shape) for name, shape in scope.shapes.items()}
    values["query"][0, 0], values["joined"][0, 1], values["key"][2, 1], values["out"][0, 1] = 5.0, -3.0, 7.0, 1.0
    summed = Head().unit_sum(values, scope)
    assert all(summed[name].tolist() == [[2.0] * 3, [2.0] * 3, [7.0] * 3, [7.0] * 3] for name in ("query", "key", "value"))
    assert summed["joined"].tolist() == [[2.0, 2.0, 7.0, 7.0]] * 3
    assert summed["out"].tolist() == [[0.0, 1.0]], "what belongs to no unit stays as it is"
