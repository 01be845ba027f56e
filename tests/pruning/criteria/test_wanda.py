"""Wanda: the worked example, rows of their own, and what the inputs of a convolution are."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from prunelab.pruning import masks
from prunelab.pruning.criteria.magnitude import Magnitude
from prunelab.pruning.criteria.wanda import Wanda
from prunelab.pruning.granularities.n_of_m import NOfM
from tests.pruning.toys import linear, pruned, scores_of, seeded, tensor

NAME = "0.weight"
# over two batches the columns have the norms sqrt(0.36 + 0.64) = 1 and 8
BATCHES = [(tensor([[0.6, 0.0]]), torch.zeros(1)), (tensor([[-0.8, 0.0], [0.0, -8.0]]), torch.zeros(2))]
LAYER = Wanda(within="layer")


def test_worked_example():
    model = linear([[4.0, 1.0], [3.0, 1.0]])
    assert torch.allclose(scores_of(LAYER, model, BATCHES)[NAME], tensor([[4.0, 8.0], [3.0, 8.0]]))
    assert pruned(Wanda(), model, 0.5, BATCHES).masks[NAME].tolist() == [[False, True], [False, True]]
    assert pruned(Magnitude(), model, 0.5).masks[NAME].tolist() == [[True, False], [True, False]]


def test_each_row_gives_as_much_where_one_comparison_would_take_a_whole_row():
    model = linear([[40.0, 10.0], [3.0, 1.0]])
    assert pruned(Wanda(), model, 0.5, BATCHES).masks[NAME].tolist() == [[False, True], [False, True]]
    assert pruned(LAYER, model, 0.5, BATCHES).masks[NAME].tolist() == [[True, True], [False, False]]


@pytest.mark.parametrize("density", [0.75, 0.5, 0.3])
def test_rows_stay_equal_over_levels(density):
    model = seeded(lambda: nn.Sequential(nn.Linear(20, 12, bias=False)))
    batches = [(torch.rand(8, 20, dtype=torch.float64, generator=torch.Generator().manual_seed(0)), torch.zeros(8))]
    first = pruned(Wanda(), model, 0.9, batches).masks
    second = pruned(Wanda(), model, density, batches, before=first).masks
    assert second[NAME].sum(1).tolist() == [20 * density] * 12
    wanted = scores_of(LAYER, model, batches)[NAME].topk(int(20 * density)).indices.sort().values
    assert torch.equal(second[NAME].nonzero()[:, 1].reshape(12, -1), wanted)


def test_rows_are_compared_by_what_they_have_left():
    model, gone = linear([[4.0, 3.0, 2.0, 1.0]] * 2), torch.tensor([[False, False, True, True], [True, True, False, False]])
    made = pruned(Wanda(), model, 0.25, [(tensor([[1.0] * 4]), torch.zeros(1))], before={NAME: gone}).masks
    assert made[NAME].int().tolist() == [[0, 0, 1, 0], [1, 0, 0, 0]]


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_the_norms_of_a_convolution_are_of_what_each_weight_is_multiplied_by(groups):
    """Turning one weight on alone, its filter's output is the very input that the weight sees."""
    model = seeded(lambda: nn.Sequential(nn.Conv2d(4, 4, (2, 3), stride=(1, 2), padding=(0, 1), groups=groups, bias=False)))
    images = torch.rand(3, 4, 5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found, weight = scores_of(LAYER, model, [(images[:1], torch.zeros(1)), (images[1:], torch.zeros(2))])[NAME], model[0].weight
    probe = seeded(lambda: nn.Conv2d(4, 4, (2, 3), stride=(1, 2), padding=(0, 1), groups=groups, bias=False)).requires_grad_(False)
    for position in torch.ones_like(weight).nonzero():
        place = tuple(position.tolist())
        probe.weight.zero_()
        probe.weight[place] = 1.0
        assert found[place].item() == pytest.approx((weight[place].abs() * probe(images)[:, place[0]].norm()).item())


def test_tokens_count_like_examples():
    tokens = tensor([[[3.0, 0.0], [4.0, 2.0]]])
    assert torch.allclose(scores_of(LAYER, linear([[1.0, 1.0]]), [(tokens, torch.zeros(1))])[NAME], tensor([[5.0, 2.0]]))


def test_a_pattern_takes_the_best_products_of_each_group():
    model = linear([[1.0, 2.0, 3.0, 4.0, 9.0, 8.0, 7.0, 6.0]])
    batch = (tensor([[9.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 9.0]]), torch.zeros(1))
    made = pruned(Wanda(), model, 0.5, [batch], granularity=NOfM(n=2, m=4)).masks
    assert made[NAME].int().tolist() == [[1, 0, 0, 1, 1, 0, 0, 1]]
    assert masks.kept(made) == 4
