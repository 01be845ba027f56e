"""Peak memory of a forward pass."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from prunelab.metrics.masks import evaluating


def peak_memory_bytes(model: nn.Module, example: Tensor) -> int:
    """Peak bytes of one forward pass in inference mode: parameters and buffers + the peak of live activations.

    Activations are the input and every tensor that an operation made, as long as its memory is held. On the CPU they are
    followed tensor by tensor, so the number is the same on every run; scratch memory that a kernel takes and gives back
    within one operation is not seen. On CUDA the allocator's own counter is read, which sees it.

    Args:
        model: on the device of `example`; its mode does not change.
        example: one batch.
    """
    with evaluating(model), torch.inference_mode():
        if example.is_cuda:
            return _cuda_peak(model, example)
        held = state_memory_bytes(model)
        with _LiveTensors(example) as live:
            model(example)
        return held + live.peak


def state_memory_bytes(model: nn.Module) -> int:
    """Bytes of parameters and buffers in memory, shared ones once; of sparse ones their values and indices."""
    storages: dict[int, int] = {}
    for tensor in (*model.parameters(), *model.buffers()):
        for part in parts(tensor.detach()):
            storages[part.untyped_storage()._cdata] = part.untyped_storage().nbytes()
    return sum(storages.values())


def parts(tensor: Tensor) -> tuple[Tensor, ...]:
    """The dense tensors that `tensor` is stored as: itself, or values and indices."""
    if tensor.layout in (torch.sparse_csr, torch.sparse_bsr):
        return tensor.values(), tensor.crow_indices(), tensor.col_indices()
    if tensor.layout in (torch.sparse_csc, torch.sparse_bsc):
        return tensor.values(), tensor.ccol_indices(), tensor.row_indices()
    if tensor.layout is torch.sparse_coo:
        return tensor._values(), tensor._indices()
    return (tensor,)


def _cuda_peak(model: nn.Module, example: Tensor) -> int:
    """Parameters, buffers and input, and how far the allocator went above what was held before the pass."""
    model(example)  # what libraries allocate once (cuBLAS workspaces) is not the model's
    torch.cuda.synchronize(example.device)
    torch.cuda.reset_peak_memory_stats(example.device)
    before = torch.cuda.memory_allocated(example.device)
    model(example)
    torch.cuda.synchronize(example.device)
    grown = torch.cuda.max_memory_allocated(example.device) - before
    return state_memory_bytes(model) + example.untyped_storage().nbytes() + grown


class _LiveTensors(TorchDispatchMode):
    """Adds up the memory of tensors while it is held; memory that was there before, like weights, is not its own."""

    def __init__(self, example: Tensor) -> None:
        super().__init__()
        self.peak = self._live = example.untyped_storage().nbytes()
        self._known: dict[int, weakref.ref[Any]] = {}
        self._seen(example, size=0)

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        kwargs = kwargs or {}
        with self:
            made = func.decompose(*args, **kwargs)
        if made is not NotImplemented:
            return made
        for given in tree_leaves((args, kwargs)):
            if isinstance(given, Tensor):
                for part in parts(given):
                    self._seen(part, size=0)
        made = func(*args, **kwargs)
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor):
                for part in parts(tensor):
                    self._seen(part, size=part.untyped_storage().nbytes())
        return made

    def _seen(self, tensor: Tensor, *, size: int) -> None:
        """Count the memory of `tensor` unless it is known, and take it off when it is freed."""
        storage = tensor.untyped_storage()
        address = storage._cdata
        if address in self._known:
            return

        def freed(_: Any) -> None:
            self._live -= size
            self._known.pop(address, None)

        self._known[address] = weakref.ref(storage, freed)
        self._live += size
        self.peak = max(self.peak, self._live)
