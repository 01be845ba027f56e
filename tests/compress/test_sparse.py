"""Sparse layers give what dense ones give."""

from __future__ import annotations

import copy
import warnings

import pytest
import torch
from torch import nn

from prunelab.compress.sparse import SemiStructuredLinear, SparseLinear, can_unfold, is_two_of_four, sparse_layer, sparse_matrix


def _masked(layer, density=0.1):
    stream = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=stream))
        layer.weight.mul_(torch.rand(layer.weight.shape, generator=stream) < density)
    return layer


def _close(found, expected):
    assert found.shape == expected.shape
    assert float((found - expected).abs().max()) <= 1e-5 * float(expected.abs().max())


@pytest.mark.parametrize("contiguous", [False, True])
@pytest.mark.parametrize(("kind", "block"), [("csr", 0), ("bsr", 4), ("bsr", 16)])
@pytest.mark.parametrize("shape", [(1, 64), (5, 64), (2, 3, 64), (64,)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_sparse_linear_layer_equals_the_dense_one(kind, block, shape, bias, contiguous):
    dense = _masked(nn.Linear(64, 32, bias=bias))
    sparse = sparse_layer(dense, kind, block=block, contiguous=contiguous)
    x = torch.randn(*shape, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        _close(sparse(x), dense(x))
        assert sparse(x).is_contiguous() or not contiguous


@pytest.mark.parametrize("block", [0, 4])
@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 1},
        {"kernel_size": 1, "stride": 2, "bias": False},
        {"kernel_size": 3, "padding": 1, "stride": 2},
        {"kernel_size": 3, "padding": "same", "dilation": 2},
        {"kernel_size": (2, 3), "padding": "valid"},
        {"kernel_size": (1, 5), "padding": (0, 2), "stride": (2, 1)},
    ],
)
def test_a_sparse_convolution_equals_the_dense_one(options, block):
    dense = _masked(nn.Conv2d(8, 16, **options))
    if block and dense.weight.flatten(1).shape[1] % block:
        pytest.skip("blocks don't divide it")
    sparse = sparse_layer(dense, "bsr" if block else "csr", block=block)
    x = torch.randn(3, 8, 9, 11, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        _close(sparse(x), dense(x))
        assert sparse(x).is_contiguous()


def test_zeros_are_not_stored_and_indices_have_32_bits():
    dense = _masked(nn.Linear(64, 32))
    matrix = sparse_layer(dense, "csr").weight
    assert matrix.values().numel() == int(dense.weight.count_nonzero())
    assert matrix.col_indices().dtype == torch.int32
    blocks = sparse_matrix(torch.eye(32), block=8)
    assert blocks.values().shape == (4, 8, 8)


def test_a_layer_without_any_weight_left_gives_its_bias():
    dense = _masked(nn.Linear(8, 4), density=0.0)
    for x in (torch.ones(1, 8), torch.ones(3, 8)):
        assert torch.equal(sparse_layer(dense, "csr")(x), dense.bias.expand(len(x), 4))


def test_a_copy_is_its_own():
    made = sparse_layer(_masked(nn.Linear(8, 4)), "csr")
    copied = copy.deepcopy(made)
    x = torch.ones(2, 8)
    assert torch.equal(copied(x), made(x))
    copied.bias.add_(1)
    assert not torch.equal(copied(x), made(x))
    copied.register_forward_hook(lambda *_: None)
    assert not made._forward_hooks


def test_the_warning_of_torch_is_not_passed_on():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        SparseLinear(torch.eye(4), None)(torch.ones(2, 4))
    assert not caught


def test_what_does_not_run_is_said():
    with pytest.raises(ValueError, match=r"float32 or float64, not torch\.bfloat16"):
        sparse_matrix(torch.eye(4, dtype=torch.bfloat16))
    with pytest.raises(ValueError, match="blocks of side 3"):
        sparse_matrix(torch.eye(4), block=3)
    with pytest.raises(ValueError, match="2:4 weights run on CUDA"):
        SemiStructuredLinear(torch.zeros(4, 4), None)
    with pytest.raises(ValueError, match="Did you mean 'csr'"):
        sparse_layer(nn.Linear(4, 4), "csc")
    with pytest.raises(ValueError, match="BatchNorm1d has no csr form"):
        sparse_layer(nn.BatchNorm1d(4), "csr")
    for other in (nn.Conv2d(8, 8, 3, groups=2), nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect"), nn.Conv2d(8, 8, 2, padding="same")):
        assert not can_unfold(other)
        with pytest.raises(ValueError, match="sparse convolution"):
            sparse_layer(other, "csr")


def test_two_of_four():
    assert is_two_of_four(torch.tensor([[1.0, 1, 0, 0, 0, 0, 2, 0]]))
    assert not is_two_of_four(torch.tensor([[1.0, 1, 1, 0, 0, 0, 2, 0]]))
    assert not is_two_of_four(torch.zeros(2, 6))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_two_of_four_on_cuda():
    weight = torch.randn(128, 128, device="cuda", dtype=torch.float16)
    weight = weight * torch.tensor([1, 1, 0, 0], device="cuda").repeat(32).half()
    x = torch.randn(64, 128, device="cuda", dtype=torch.float16)
    assert torch.allclose(SemiStructuredLinear(weight, None)(x), x @ weight.t(), rtol=1e-2, atol=1e-1)
