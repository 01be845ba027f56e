import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from prunelab.metrics.masks import collapsed_layers
from prunelab.metrics.size import (
    compression_ratio,
    parameters_left,
    sparse_bytes,
    sparsity,
    state_bytes,
    weights_left,
    zipped_bytes,
)


def kept(count, *shape):
    mask = torch.zeros(shape, dtype=torch.bool)
    mask.view(-1)[:count] = True
    return mask


def test_compression_counts_biases_on_both_sides():
    """100 weights + 10 biases; 20 weights left: 110 / 30, where the prunable weights alone would say 5."""
    masks = {"weight": kept(20, 10, 10)}
    net = nn.Linear(10, 10)
    assert weights_left(masks) == 20
    assert sparsity(masks) == pytest.approx(0.8)
    assert parameters_left(net, masks) == 30
    assert compression_ratio(net, masks) == 110 / 30
    assert compression_ratio(net, {}) == 1


def test_natural_zeros_are_not_pruned():
    net = nn.Linear(4, 4)
    nn.init.zeros_(net.weight)
    assert parameters_left(net, {"weight": kept(16, 4, 4)}) == 20


def test_nothing_left_has_no_ratio():
    with pytest.raises(ValueError, match="no parameter is left"):
        compression_ratio(nn.Linear(2, 2, bias=False), {"weight": kept(0, 2, 2)})


@given(st.lists(st.integers(0, 24), min_size=1, max_size=5))
def test_counts_add_up(counts):
    masks = {str(index): kept(count, 4, 6) for index, count in enumerate(counts)}
    assert weights_left(masks) == sum(counts)
    assert sparsity(masks) == pytest.approx(1 - sum(counts) / (24 * len(counts)))
    assert collapsed_layers(masks) == [str(index) for index, count in enumerate(counts) if count == 0]


def test_state_bytes_is_the_size_of_the_file(tmp_path):
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    safetensors.torch.save_file(net.state_dict(), tmp_path / "state.safetensors")
    size = (tmp_path / "state.safetensors").stat().st_size
    assert state_bytes(net) == state_bytes(net.state_dict()) == size


def test_tied_weights_and_views_are_stored_once():
    tied, single = nn.Sequential(nn.Linear(50, 50), nn.Linear(50, 50)), nn.Sequential(nn.Linear(50, 50))
    tied[1].weight = tied[0].weight
    assert 0 < state_bytes(tied) - state_bytes(single) < 400  # a bias and header, not 10,000 bytes of weights
    table = torch.zeros(4, 4)
    assert state_bytes({"a": table[:2], "b": table[2:]}) > state_bytes({"a": table[:2]})


@pytest.mark.parametrize(
    ("count", "stored"),
    [
        (800, 3200),  # dense
        (400, 400 * 4 + 100),  # kept values and a bitmap
        (10, 10 * 8),  # kept values and an index each
        (0, 0),
    ],
)
def test_sparse_bytes_takes_the_cheapest_form(count, stored):
    net = nn.Linear(40, 20)
    assert state_bytes(net) - sparse_bytes(net, {"weight": kept(count, 20, 40)}) == 3200 - stored


def test_collapsed_layers_in_order():
    masks = {"b": kept(0, 2, 2), "a": kept(1, 2, 2), "c": kept(0, 3)}
    assert collapsed_layers(masks) == ["b", "c"]


def test_zipped_is_the_kept_values_and_one_bit_a_position_deflated():
    stream = torch.Generator().manual_seed(0)
    model = nn.Linear(1000, 100)
    masks = {"weight": torch.rand(100, 1000, generator=stream) < 0.1}
    with torch.no_grad():
        model.weight.copy_(torch.randn(100, 1000, generator=stream))
    kept = int(masks["weight"].sum())
    entropy = 100_000 * (0.1 * 3.3219 + 0.9 * 0.1520) / 8  # bytes that the positions need at least
    found = zipped_bytes(model, masks)
    assert 4 * kept * 0.85 + entropy < found < 4 * (kept + 100) + 100_000 / 8
    assert zipped_bytes(model, {}) > 5 * found
    with torch.no_grad():
        model.weight[~masks["weight"]] = 7.0
    assert zipped_bytes(model, masks) == found  # what is pruned is not stored


def test_zipped_reads_other_types_and_equal_values_cost_little():
    assert zipped_bytes({"a": torch.ones(10_000, dtype=torch.bfloat16), "b": torch.tensor(3)}, {}) < 200
    with pytest.raises(ValueError, match="unknown masked parameter"):
        zipped_bytes({"a": torch.ones(2)}, {"b": torch.ones(2, dtype=torch.bool)})
