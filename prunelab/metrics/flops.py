"""Multiply-adds of one example, for each weight tensor and in total."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode

from prunelab.metrics.masks import check_masks, evaluating
from prunelab.models.example import example_input

TOTAL = "total"
_NO_PARAMETER = ""


def _vector_flops(*shapes: Any, **_: Any) -> int:
    """FLOPs of a product of a matrix with a vector, for which torch has no formula."""
    return 2 * next(shape.numel() for shape in shapes if isinstance(shape, Tensor) and shape.dim() == 2)


@functools.cache
def _formulas() -> dict[Any, Callable[..., int]]:
    from torch.utils.flop_counter import flop_registry  # with it comes Triton, which planning a study does not wait for

    return {**flop_registry, torch.ops.aten.mv: _vector_flops, torch.ops.aten.addmv: _vector_flops}


def multiply_adds(model: nn.Module, input_shape: tuple[int, ...], masks: Mapping[str, Tensor] | None = None) -> dict[str, int]:
    """Multiply-adds of a forward pass of one example, counted on the meta device with torch's FLOP formulas.

    Half of torch.utils.flop_counter's FLOPs: matrix products, convolutions (groups, dilation, stride and padding as
    they are) and both products of attention. Additions of biases, normalisation, activations and pooling are not
    multiply-adds. An operation belongs to the parameter that is one of its operands, however it is called.

    With masks, a tensor's multiply-adds are multiplied by its density: each weight takes part in equally many. What is
    not masked counts fully. This is the theoretical count; zeros in a dense tensor are as slow as other numbers.

    Args:
        model: any device; in eval mode while it is counted.
        input_shape: shape of one example.
        masks: kept weights by parameter name, True = kept.

    Returns:
        Multiply-adds by parameter name, and of everything, attention products too, under "total".

    Raises:
        ValueError: for a mask that fits no parameter.
    """
    masks = masks or {}
    parameters = dict(model.named_parameters(remove_duplicate=False))
    check_masks(parameters.items(), masks)
    on_meta = _to_meta([*parameters.items(), *model.named_buffers(remove_duplicate=False)])
    counter = _MultiplyAddCounter((name, on_meta[name]) for name in parameters)
    example = example_input(model, input_shape, device="meta")
    with evaluating(model), torch.no_grad(), torch.device("meta"), counter:
        torch.func.functional_call(model, on_meta, (example,), tie_weights=False)
    left = {name: _times_density(count, masks.get(name)) for name, count in counter.counts.items()}
    total = sum(left.values())
    left.pop(_NO_PARAMETER, None)
    return {**left, TOTAL: total}


def theoretical_speedup(model: nn.Module, input_shape: tuple[int, ...], masks: Mapping[str, Tensor]) -> float:
    """All multiply-adds of the dense model / multiply-adds left (Blalock et al. 2020); infinite if none is left."""
    dense, left = (multiply_adds(model, input_shape, given)[TOTAL] for given in (None, masks))
    return dense / left if left else float("inf")


def executed_multiply_adds(model: nn.Module, example: Tensor) -> int:
    """Multiply-adds that a forward pass of the first example executes, as the model is: compacted, sparse or dense.

    Counted while it runs, by the same formulas as `multiply_adds`. A product with a sparse matrix (CSR, BSR) counts the
    values that are stored, which of blocks are the zeros within them too; a zero in a dense tensor is multiplied like
    every other number.

    Args:
        model: in eval mode while it is counted.
        example: a batch (batch, ...) on the model's device, of which the first example is taken.
    """
    counter = _MultiplyAddCounter([])
    with evaluating(model), torch.inference_mode(), _open_attention(), counter:
        model(example[:1])
    return sum(counter.counts.values())


@contextmanager
def _open_attention() -> Iterator[None]:
    """Attention as products that can be counted, not as one operation of which torch has no formula."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


class _MultiplyAddCounter(TorchDispatchMode):
    """Adds up torch's FLOP formulas by the parameter whose memory an operand is a view of."""

    def __init__(self, parameters: Iterable[tuple[str, Tensor]]) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self._names: dict[int, str] = {}
        for name, parameter in parameters:
            self._names.setdefault(_memory(parameter), name)  # a shared parameter goes by its first name

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        kwargs = kwargs or {}
        formula = _formulas().get(func._overloadpacket)
        if formula is None:
            with self:
                parts = func.decompose(*args, **kwargs)
            return func(*args, **kwargs) if parts is NotImplemented else parts
        out = func(*args, **kwargs)
        matrices = [value for value in args if isinstance(value, Tensor) and value.dim() > 1]
        operands = (_memory(value) for value in matrices if value.layout is torch.strided)
        name = next((self._names[memory] for memory in operands if memory in self._names), _NO_PARAMETER)
        count = formula(*args, **kwargs, out_val=out) // 2
        for matrix in matrices:
            if matrix.layout is not torch.strided:
                count = count * matrix.values().numel() // matrix.numel()
        self.counts[name] += count
        return out


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


def _to_meta(tensors: Iterable[tuple[str, Tensor]]) -> dict[str, Tensor]:
    """Tensors without memory of the same shapes; those that are shared stay shared."""
    made: dict[int, Tensor] = {}
    return {name: made.setdefault(id(tensor), torch.empty_like(tensor, device="meta", requires_grad=False)) for name, tensor in tensors}


def _times_density(count: int, mask: Tensor | None) -> int:
    return count if mask is None else round(count * int(mask.sum()) / mask.numel())
