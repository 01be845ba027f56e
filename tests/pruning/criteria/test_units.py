"""Criteria that score whole filters and neurons: BatchNorm scale, FPGM, activations."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from prunelab.pruning.criteria.activation import Activation
from prunelab.pruning.criteria.bn_scale import BatchNormScale
from prunelab.pruning.criteria.fpgm import FPGM
from prunelab.pruning.criteria.magnitude import Magnitude
from prunelab.pruning.granularities.filter import Filter
from prunelab.pruning.granularities.neuron import Neuron
from tests.pruning.toys import linear, pruned, scores_of, seeded, tensor

IMAGES = [(torch.rand(4, 1, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 0.1, torch.arange(4) % 2)]


class _Crossed(nn.Module):
    """Norms declared in another order than they run in, one convolution without a norm right behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.norm_b, self.norm_a = nn.BatchNorm2d(3), nn.BatchNorm2d(2)
        self.a, self.b, self.c = nn.Conv2d(1, 2, 1), nn.Conv2d(2, 3, 1), nn.Conv2d(3, 2, 1)
        self.norm_c, self.output = nn.BatchNorm2d(2), nn.Linear(2, 2)

    def forward(self, images):
        images = self.norm_b(self.b(self.norm_a(self.a(images)).relu()))
        return self.output(self.norm_c(self.c(images).relu()).mean((2, 3)))


def test_batch_norm_scale_is_of_the_norm_that_reads_the_convolution():
    model = seeded(_Crossed)
    model.norm_a.weight.data, model.norm_b.weight.data = tensor([0.5, -2.0]), tensor([-0.1, 0.3, 1.0])
    found = scores_of(BatchNormScale(), model, IMAGES)
    assert {name: score.flatten(1).unique(dim=1).flatten().tolist() for name, score in found.items()} == {
        "a.weight": [0.5, 2.0],
        "b.weight": [0.1, 0.3, 1.0],
    }
    # one budget over all filters, whatever the weights of a filter are
    made = pruned(BatchNormScale(), model, 3 / 5, IMAGES, granularity=Filter()).masks
    assert [made[name].flatten(1).all(1).tolist() for name in ("a.weight", "b.weight", "c.weight")] == [
        [True, True],
        [False, False, True],
        [True, True],
    ]


def test_batch_norm_scale_without_batch_norm_is_refused():
    with pytest.raises(ValueError, match="none"):
        scores_of(BatchNormScale(), linear([[1.0]]), [(tensor([[1.0]]), torch.zeros(1))])


def test_fpgm_by_hand():
    # rows at 0, 3 and 4 on a line (3-4-5 triangles): distances to the others 0 + 15 + 20, 15 + 0 + 5, 20 + 5 + 0
    model = linear([[0.0, 0.0], [9.0, 12.0], [12.0, 16.0]], [[1.0, 1.0, 1.0]])
    assert scores_of(FPGM(), model)["0.weight"].tolist() == [[35.0, 35.0], [20.0, 20.0], [25.0, 25.0]]
    assert pruned(FPGM(), model, 2 / 3, granularity=Neuron()).masks["0.weight"][:, 0].tolist() == [True, False, True]
    assert pruned(Magnitude(), model, 2 / 3, granularity=Neuron()).masks["0.weight"][:, 0].tolist() == [False, True, True]


def test_fpgm_sums_distances_and_not_their_squares():
    # the sum is least at the median, 0.5, the sum of squares at the point nearest the mean, 1.1
    points = tensor([-5.0, 0.0, 0.5, 1.0, 9.0])
    apart = (points[:, None] - points).abs()
    found = scores_of(FPGM(), linear(points[:, None].tolist()))["0.weight"].flatten()
    assert torch.allclose(found, apart.sum(1))
    assert found.argmin() == 2
    assert apart.square().sum(1).argmin() == 3


def test_fpgm_does_not_count_filters_that_are_gone():
    before = {"0.weight": torch.tensor([[True], [True], [True], [False]])}
    found = scores_of(FPGM(), linear([[0.0], [1.0], [3.0], [50.0]]), before=before)["0.weight"].flatten()
    assert found[:3].tolist() == [4.0, 3.0, 5.0]


def test_fpgm_tells_near_filters_apart_far_from_zero():
    rows = 1000 + 1e-4 * torch.rand(30, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = scores_of(FPGM(), linear(rows.tolist()))["0.weight"][:, 0]
    assert torch.allclose(found, (rows[:, None] - rows).norm(dim=2).sum(1), rtol=1e-6)


def test_apoz_is_one_minus_the_share_of_zeros_and_mean_the_mean_behind_the_relu():
    # neuron 0 fires on one of four examples, with 8; neuron 1 on three, with 1 each
    model = linear([[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0]])
    batches = [(tensor([[8.0, 1.0]]), torch.zeros(1)), (tensor([[-9.0, 1.0], [0.0, 1.0], [-1.0, -50.0]]), torch.zeros(3))]
    apoz, mean = (scores_of(Activation(statistic=statistic), model, batches)["0.weight"][:, 0].tolist() for statistic in ("apoz", "mean"))
    assert apoz == [0.25, 0.75]
    assert mean == [2.0, 0.75]


def test_activations_of_a_filter_are_behind_its_batch_norm_over_all_positions():
    model = seeded(_Crossed).eval()
    model.norm_a.bias.data, model.norm_a.running_mean = tensor([-0.001, 0.01]), model.a(IMAGES[0][0]).mean((0, 2, 3)).detach()
    active = model.norm_a(model.a(IMAGES[0][0])).relu().detach()
    for statistic, wanted in (("apoz", (active > 0).double()), ("mean", active)):
        found = scores_of(Activation(statistic=statistic), model.train(), IMAGES)["a.weight"].flatten()
        assert torch.allclose(found, wanted.mean((0, 2, 3)).float())
        assert 0 < found.min() < found.max()
        model.eval()


def test_activations_of_a_neuron_are_over_examples_and_tokens():
    tokens = tensor([[[1.0], [-1.0]], [[-2.0], [-3.0]]])
    assert scores_of(Activation(), linear([[1.0], [-1.0]]), [(tokens, torch.zeros(2))])["0.weight"].flatten().tolist() == [0.25, 0.75]
