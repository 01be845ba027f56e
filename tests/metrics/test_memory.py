"""Peak memory, counted by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from prunelab.compress.sparse import SparseLinear
from prunelab.metrics.memory import peak_memory_bytes, state_memory_bytes


def test_a_chain_holds_two_activations_at_a_time():
    model = nn.Sequential(nn.Linear(100, 200), nn.ReLU(), nn.Linear(200, 10))
    weights = 4 * (100 * 200 + 200 + 200 * 10 + 10)
    # the input, and the hidden layer before and after its ReLU; when the output is made, the first of these is gone
    assert peak_memory_bytes(model, torch.zeros(8, 100)) == weights + 4 * 8 * (100 + 200 + 200)
    inplace = nn.Sequential(nn.Linear(100, 200), nn.ReLU(inplace=True), nn.Linear(200, 10))
    assert peak_memory_bytes(inplace, torch.zeros(8, 100)) == weights + 4 * 8 * (100 + 200 + 10)


def test_a_residual_is_held_meanwhile_and_a_view_costs_nothing():
    class Residual(nn.Module):
        def forward(self, x):
            kept = x * 2
            found = (kept.view(-1) * 2).view(kept.shape)
            return found + kept

    # input, kept, the product, and the sum
    assert peak_memory_bytes(Residual(), torch.zeros(10, 10)) == 4 * 4 * 100


def test_shared_weights_count_once_and_modes_stay():
    first, second = nn.Linear(10, 10, bias=False), nn.Linear(10, 10, bias=False)
    second.weight = first.weight
    model = nn.Sequential(first, second)
    assert state_memory_bytes(model) == 400
    peak_memory_bytes(model, torch.zeros(1, 10))
    assert model.training


def test_sparse_weights_take_what_they_store():
    weight = torch.zeros(10, 20)
    weight[0, :5] = 1
    layer = SparseLinear(weight, None)
    # values and columns of 5, 11 row pointers, and the bias
    assert state_memory_bytes(layer) == 4 * (5 + 5 + 11 + 10)
    assert peak_memory_bytes(layer, torch.ones(3, 20)) >= state_memory_bytes(layer) + 4 * (3 * 20 + 3 * 10)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_reads_its_own_counter():
    model = nn.Linear(256, 256).cuda()
    assert peak_memory_bytes(model, torch.zeros(64, 256, device="cuda")) >= 4 * (256 * 256 + 64 * 512)
