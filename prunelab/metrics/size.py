"""How large a model is: parameters left, bytes on disk."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

from prunelab.metrics.masks import check_masks

_INDEX_BYTES = 4


def sparsity(masks: Mapping[str, Tensor]) -> float:
    """Fraction of prunable weights removed, in [0, 1]; the prunable weights are those with a mask."""
    total = sum(mask.numel() for mask in masks.values())
    return 1 - weights_left(masks) / total if total else 0.0


def weights_left(masks: Mapping[str, Tensor]) -> int:
    """Prunable weights left."""
    return sum(int(mask.sum()) for mask in masks.values())


def parameters_left(model: nn.Module, masks: Mapping[str, Tensor]) -> int:
    """All parameters left: biases, normalisation and every other unmasked one included; shared ones once.

    Raises:
        ValueError: for a mask that fits no parameter.
    """
    check_masks(model.named_parameters(), masks)
    removed = sum(mask.numel() for mask in masks.values()) - weights_left(masks)
    return sum(parameter.numel() for parameter in model.parameters()) - removed


def compression_ratio(model: nn.Module, masks: Mapping[str, Tensor]) -> float:
    """All weights of the dense model / all weights left (original size / new size, Blalock et al. 2020).

    Numerator and denominator both count all parameters (biases, normalisation, embeddings and the output layer
    too), not the prunable ones alone, so that networks with different scopes can be compared.

    Raises:
        ValueError: for a mask that fits no parameter, or if nothing is left.
    """
    left = parameters_left(model, masks)
    if not left:
        raise ValueError("no parameter is left: the compression ratio is not defined")
    return sum(parameter.numel() for parameter in model.parameters()) / left


def state_bytes(model: nn.Module | Mapping[str, Tensor]) -> int:
    """Bytes of the safetensors file with the dense state: parameters, buffers and header; shared tensors once."""
    return len(safetensors.torch.save(_state(model)))


def sparse_bytes(model: nn.Module | Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> int:
    """Bytes of the state when each masked tensor is stored in the cheapest of three ways, header included.

    Dense; kept values and one bit a position; or kept values and a 4-byte flat index each. It is the size of the
    stored numbers, and says nothing about speed.

    Raises:
        ValueError: for a mask that fits no tensor of the state.
    """
    state = _state(model)
    check_masks(state.items(), masks)
    saved = 0
    for name, mask in masks.items():
        each, kept = state[name].element_size(), int(mask.sum())
        dense = mask.numel() * each
        saved += dense - min(dense, kept * each + (mask.numel() + 7) // 8, kept * (each + _INDEX_BYTES))
    return state_bytes(state) - saved


def zipped_bytes(model: nn.Module | Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> int:
    """Bytes of the state, deflated: of a masked tensor its kept values and one bit a position, of others all values.

    One stream in the order of the state, level 6 (as zip and gzip), no header; shared tensors once. Han et al. 2016 add
    weight sharing before such a coding; here no number changes.

    Raises:
        ValueError: for a mask that fits no tensor of the state.
    """
    state = _state(model)
    check_masks(state.items(), masks)
    packer, total = zlib.compressobj(6), 0
    for name, tensor in state.items():
        if name in masks:
            mask = masks[name].cpu()
            total += len(packer.compress(np.packbits(mask.numpy()).tobytes()))
            tensor = tensor[mask.to(tensor.device)]
        # as bytes: numpy has no bfloat16
        total += len(packer.compress(tensor.cpu().flatten().view(torch.uint8).numpy().tobytes()))
    return total + len(packer.flush())


def _state(model: nn.Module | Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Contiguous tensors by name; of those that share memory (tied weights) the first."""
    state = model.state_dict() if isinstance(model, nn.Module) else model
    first: dict[tuple[object, ...], str] = {}
    for name, tensor in state.items():
        # Meta and empty tensors have no address, and each is itself.
        address = tensor.data_ptr() or id(tensor)
        first.setdefault((tensor.device, address, tensor.shape, tensor.stride()), name)
    # A view of a larger tensor is cloned: safetensors refuses tensors that overlap.
    return {name: state[name].detach().clone().contiguous() for name in first.values()}
