"""SynFlow: the worked example, conservation, and what avoids layer collapse."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from prunelab.pruning import masks
from prunelab.pruning.criteria.synflow import SynFlow
from tests.pruning.toys import linear, pruned, scores_of, seeded, tensor


def test_worked_example():
    model = linear([[1.0, -2.0]], [[3.0]])
    # whatever the data: 1 and -1 would cancel, zeros would give nothing
    for data in ([[5.0, -7.0]], [[0.0, 0.0]]):
        found = scores_of(SynFlow(), model, [(tensor(data), torch.zeros(1))])
        assert found["0.weight"].tolist() == [[3.0, 6.0]]
        assert found["1.weight"].tolist() == [[9.0]]
    assert model[0].weight.tolist() == [[1.0, -2.0]]


def _net():
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, bias=False),
        nn.ReLU(),
        nn.Conv2d(4, 6, 3, stride=2, padding=1, bias=False),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(24, 7, bias=False),
        nn.ReLU(),
        nn.Linear(7, 3, bias=False),
    )


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_each_layer_of_a_net_without_biases_conserves_the_flow(seed):
    model = seeded(_net, seed)
    batches = [(torch.zeros(1, 2, 6, 6), torch.zeros(1))]
    before = {"2.weight": torch.rand(6, 4, 3, 3, generator=torch.Generator().manual_seed(seed)) < 0.5}
    for left in (None, before):
        found = scores_of(SynFlow(), model, batches, before=left)
        sums = [score.sum().item() for score in found.values()]
        assert sums == pytest.approx([sums[0]] * 4, rel=1e-12)
        assert sums[0] > 0
    assert found["2.weight"][~before["2.weight"]].count_nonzero() == 0


def test_a_hidden_neuron_conserves_the_flow_too():
    found = scores_of(SynFlow(), seeded(_net), [(torch.zeros(1, 2, 6, 6), torch.zeros(1))])
    assert torch.allclose(found["5.weight"].sum(1), found["7.weight"].sum(0))


def test_batch_norm_uses_its_running_statistics():
    # in train mode one example of ones would be normalised to nothing
    model = nn.Sequential(nn.Linear(2, 1, bias=False), nn.BatchNorm1d(1, eps=0.0), nn.Linear(1, 1, bias=False)).double().train()
    model[0].weight.data, model[2].weight.data = tensor([[1.0, -2.0]]), tensor([[3.0]])
    model[1].running_var.fill_(4.0)
    found = scores_of(SynFlow(), model, [(tensor([[0.0, 0.0]] * 2), torch.zeros(2))])
    assert found["0.weight"].tolist() == [[1.5, 3.0]]
    assert found["2.weight"].tolist() == [[4.5]]


def test_products_too_large_for_single_precision():
    model = linear([[1e30]], [[1e30]]).float()
    found = scores_of(SynFlow(), model, [(torch.zeros(1, 1), torch.zeros(1))])
    assert found["0.weight"].item() == pytest.approx(1e60, rel=1e-6)


def test_a_hundred_rounds_avoid_the_layer_collapse_of_one():
    """The wide layer has the lowest score a weight, so one round takes all of it before anything else."""
    model = seeded(
        lambda: nn.Sequential(nn.Linear(4, 60, bias=False), nn.ReLU(), nn.Linear(60, 60, bias=False), nn.Linear(60, 4, bias=False))
    )
    batches = [(torch.zeros(1, 4), torch.zeros(1))]
    assert SynFlow.default_rounds == 100
    once, often = (pruned(SynFlow(), model, 0.02, batches, rounds=rounds).masks for rounds in (1, 100))
    assert masks.kept(once) == masks.kept(often) == round(0.02 * 4080)
    assert min(masks.layer_density(once).values()) == 0.0
    assert min(masks.layer_density(often).values()) > 0.0
