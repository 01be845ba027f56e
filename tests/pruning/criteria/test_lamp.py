"""LAMP, by hand."""

from __future__ import annotations

import torch

from prunelab.pruning import masks
from prunelab.pruning.criteria.lamp import LAMP
from prunelab.pruning.criteria.magnitude import Magnitude
from tests.pruning.toys import linear, pruned, scores_of, tensor


def test_by_hand():
    # squares 9, 1, 4: 9/9, 1/14, 4/13
    assert torch.allclose(scores_of(LAMP(), linear([[3.0, -1.0, 2.0]]))["0.weight"], tensor([[1.0, 1 / 14, 4 / 13]]))


def test_of_equal_weights_the_first_counts_as_larger():
    assert torch.allclose(scores_of(LAMP(), linear([[1.0, -1.0, 1.0]]))["0.weight"], tensor([[1.0, 1 / 2, 1 / 3]]))


def test_zeros_score_nothing_and_a_tensor_of_zeros_is_no_nan():
    assert scores_of(LAMP(), linear([[0.0, 2.0]]))["0.weight"].tolist() == [[0.0, 1.0]]
    assert scores_of(LAMP(), linear([[0.0, 0.0]]))["0.weight"].tolist() == [[0.0, 0.0]]


def test_pruned_weights_are_not_in_the_sum():
    found = scores_of(LAMP(), linear([[3.0, -1.0, 2.0]]), before={"0.weight": torch.tensor([[False, True, True]])})["0.weight"]
    assert torch.allclose(found[0, 1:], tensor([1 / 5, 1.0]))


def test_within_a_tensor_the_order_is_that_of_magnitude_and_across_tensors_scale_is_nothing():
    model = linear([[0.01, -0.03], [0.02, 0.05]], [[100.0, -300.0]])
    assert torch.equal(scores_of(LAMP(), model)["0.weight"].flatten().argsort(), tensor([0.01, 0.03, 0.02, 0.05]).argsort())
    assert torch.allclose(scores_of(LAMP(), model)["1.weight"], scores_of(LAMP(), linear([[1.0, -3.0]]))["0.weight"])
    lamp, magnitude = (masks.layer_density(pruned(kind, model, 1 / 3).masks) for kind in (LAMP(), Magnitude()))
    assert lamp == {"0.weight": 0.25, "1.weight": 0.5}
    assert magnitude == {"0.weight": 0.0, "1.weight": 1.0}
