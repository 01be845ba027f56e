"""Layers with sparse weights, for inference.

A product with a sparse matrix skips the zeros, and pays for it with an index for each number. On a CPU it is faster than
the dense product from a sparsity of about 0.8 on (measured: `prunelab.compress.break_even`).
"""

from __future__ import annotations

import warnings

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from prunelab.basics.choices import choose

FORMATS = ("csr", "bsr", "2:4")
_BETA = "Sparse (CSR|BSR|CSC|BSC) tensor support is in beta"


class _SparseWeight(nn.Module):
    """A layer with a sparse buffer, which torch itself does not copy."""

    weight: Tensor
    bias: Tensor

    def __deepcopy__(self, memo: dict[int, object]) -> _SparseWeight:
        made = type(self).__new__(type(self))
        memo[id(self)] = made
        made.__dict__ = {name: value.copy() if isinstance(value, dict) else value for name, value in self.__dict__.items()}
        made._buffers = {name: None if buffer is None else buffer.clone() for name, buffer in self._buffers.items()}
        return made


class SparseLinear(_SparseWeight):
    """y = W x + b with W stored sparse; takes what `nn.Linear` takes, float32 on the CPU.

    Computed as b + W X' with the sparse matrix in front: with X W' torch would go through a transposed format that took
    five times as long (measured). For one example the product with a vector is used, which is faster again.

    Args:
        weight: dense (out, in), of which the zeros are left out.
        bias: (out,) or None.
        block: 0 for CSR (single values), else the side of the square blocks of BSR.
        contiguous: whether the result is laid out row by row like a dense layer's, which costs a copy; only code that calls
            `.view` across examples needs it.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, *, block: int = 0, contiguous: bool = False) -> None:
        super().__init__()
        self.out_features, self.in_features = weight.shape
        self.contiguous = contiguous
        self.register_buffer("weight", sparse_matrix(weight, block=block))
        self.register_buffer("bias", weight.new_zeros(len(weight)) if bias is None else bias.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) -> (..., out)."""
        rows = x.reshape(-1, self.in_features)
        if len(rows) == 1 and self.weight.layout is torch.sparse_csr:
            found = torch.addmv(self.bias, self.weight, rows[0])
        else:
            found = torch.addmm(self.bias.unsqueeze(1), self.weight, rows.t()).t()
        found = found.reshape(*x.shape[:-1], self.out_features)
        return found.contiguous() if self.contiguous else found

    def extra_repr(self) -> str:
        """What `print(model)` shows."""
        return f"{self.in_features}, {self.out_features}, {_described(self.weight)}"


class SparseConv2d(_SparseWeight):
    """A convolution of images whose weights are stored sparse, as a matrix product over patches.

    1x1 convolutions of stride 1 multiply the image itself; others the patches that `F.unfold` copies, which costs time
    and memory that the zeros must first save. Groups are not supported.

    Args:
        dense: the convolution, whose zeros are left out.
        block: as in `SparseLinear`.

    Raises:
        ValueError: for groups, or padding that is not with zeros.
    """

    def __init__(self, dense: nn.Conv2d, *, block: int = 0) -> None:
        super().__init__()
        if not can_unfold(dense):
            raise ValueError(f"a sparse convolution has one group and pads with zeros, not groups={dense.groups}, {dense.padding_mode!r}")
        self.kernel, self.stride, self.dilation = dense.kernel_size, dense.stride, dense.dilation
        self.padding = _padding(dense)
        self.out_channels = dense.out_channels
        weight = dense.weight.detach().flatten(1)
        self.register_buffer("weight", sparse_matrix(weight, block=block))
        self.register_buffer("bias", weight.new_zeros(len(weight)) if dense.bias is None else dense.bias.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in, height, width) -> (batch, out, height', width')."""
        sizes = [self._length(x.shape[axis + 2], axis) for axis in (0, 1)]
        if self.kernel == self.stride == (1, 1) and self.padding == (0, 0):
            patches = x.flatten(2)
        else:
            patches = F.unfold(x, self.kernel, self.dilation, self.padding, self.stride)
        columns = patches.transpose(0, 1).reshape(patches.shape[1], -1)
        found = torch.addmm(self.bias.unsqueeze(1), self.weight, columns)
        return found.view(self.out_channels, len(x), *sizes).transpose(0, 1).contiguous()

    def _length(self, size: int, axis: int) -> int:
        reach = self.dilation[axis] * (self.kernel[axis] - 1) + 1
        return (size + 2 * self.padding[axis] - reach) // self.stride[axis] + 1

    def extra_repr(self) -> str:
        """What `print(model)` shows."""
        return f"{self.out_channels}, kernel={self.kernel}, stride={self.stride}, {_described(self.weight)}"


class SemiStructuredLinear(nn.Module):
    """y = W x + b with at most two of every four weights in a row left, on the sparse tensor cores of CUDA.

    Args:
        weight: (out, in), 2:4, in half precision or bfloat16 on CUDA.
        bias: (out,) or None.

    Raises:
        ValueError: elsewhere than on CUDA, or for weights that are not 2:4.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        if not weight.is_cuda:
            raise ValueError(f"2:4 weights run on CUDA (Ampere or later), not on {weight.device.type}; on the CPU use csr or bsr")
        if not is_two_of_four(weight):
            raise ValueError("the weight is not 2:4: of every four in a row at most two may be other than zero")
        self.register_buffer("weight", torch.sparse.to_sparse_semi_structured(weight.detach()))
        self.register_buffer("bias", None if bias is None else bias.detach().clone())
        self.weight: Tensor
        self.bias: Tensor | None

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) -> (..., out)."""
        return F.linear(x, self.weight, self.bias)


def sparse_matrix(weight: Tensor, *, block: int = 0) -> Tensor:
    """A matrix (out, in) as CSR, or as BSR with square blocks of side `block`.

    Indices are 32 bits: MKL takes no others, and torch would convert them at each product.

    Raises:
        ValueError: for another type than float32 or float64 (CSR products of bfloat16 don't exist on the CPU), or a side
            that doesn't divide the matrix.
    """
    weight = weight.detach()
    if weight.dtype not in (torch.float32, torch.float64):
        raise ValueError(f"sparse products on the CPU are of float32 or float64, not {weight.dtype}")
    if block and any(size % block for size in weight.shape):
        raise ValueError(f"blocks of side {block} don't divide a matrix of {tuple(weight.shape)}")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=_BETA)
        if not block:
            made = weight.to_sparse_csr()
            rows, columns = made.crow_indices().int(), made.col_indices().int()
            return torch.sparse_csr_tensor(rows, columns, made.values(), weight.shape, check_invariants=False)
        made = weight.to_sparse_bsr((block, block))
        rows, columns = made.crow_indices().int(), made.col_indices().int()
        return torch.sparse_bsr_tensor(rows, columns, made.values(), weight.shape, check_invariants=False)


def sparse_layer(layer: nn.Module, kind: str, *, block: int = 0, contiguous: bool = False) -> nn.Module:
    """`layer` (nn.Linear or nn.Conv2d) with its weight in a format of `FORMATS`.

    Raises:
        ValueError: for an unknown format, or a layer that has no such form.
    """
    choose("sparse format", kind, FORMATS)
    if (kind == "bsr") != bool(block):
        raise ValueError(f"format {kind} {'needs' if kind == 'bsr' else 'has no'} block")
    if isinstance(layer, nn.Linear):
        if kind == "2:4":
            return SemiStructuredLinear(layer.weight, layer.bias)
        return SparseLinear(layer.weight, layer.bias, block=block, contiguous=contiguous)
    if isinstance(layer, nn.Conv2d) and kind != "2:4":
        return SparseConv2d(layer, block=block)
    raise ValueError(f"{type(layer).__name__} has no {kind} form; nn.Linear has, and nn.Conv2d for csr and bsr")


def can_unfold(layer: nn.Conv2d) -> bool:
    """Whether a convolution is one product over patches."""
    return layer.groups == 1 and layer.padding_mode == "zeros" and (layer.padding != "same" or _is_symmetric(layer))


def is_two_of_four(weight: Tensor) -> bool:
    """Whether at most two of every four weights in a row are not zero."""
    if weight.shape[-1] % 4:
        return False
    return bool((weight.unflatten(-1, (-1, 4)).count_nonzero(-1) <= 2).all())


def _is_symmetric(layer: nn.Conv2d) -> bool:
    return all(dilation * (kernel - 1) % 2 == 0 for dilation, kernel in zip(layer.dilation, layer.kernel_size, strict=True))


def _padding(layer: nn.Conv2d) -> tuple[int, int]:
    if layer.padding == "valid":
        return 0, 0
    if layer.padding == "same":
        first, second = (dilation * (kernel - 1) // 2 for dilation, kernel in zip(layer.dilation, layer.kernel_size, strict=True))
        return first, second
    first, second = layer.padding
    return int(first), int(second)


def _described(weight: Tensor) -> str:
    stored = weight.values().numel()
    kind = "csr" if weight.layout is torch.sparse_csr else f"bsr {weight.values().shape[-1]}x{weight.values().shape[-1]}"
    return f"{kind}, {stored} of {weight.numel()} stored"
