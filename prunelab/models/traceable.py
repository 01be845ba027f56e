"""Which networks' channels can be followed, found out before a trace that could take long or much memory."""

from __future__ import annotations

import collections
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

Sized = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.modules.batchnorm._BatchNorm)
_OPERATIONS = 20_000  # the largest of torchvision's CNNs has a tenth of them
_MIXING = (nn.LayerNorm, nn.GroupNorm, nn.modules.instancenorm._InstanceNorm, nn.LocalResponseNorm, nn.RMSNorm)
_UNKNOWN = (
    nn.MultiheadAttention,
    nn.RNNBase,
    nn.Embedding,
    nn.ChannelShuffle,
    nn.PixelShuffle,
    nn.PixelUnshuffle,
    nn.PReLU,
    nn.Bilinear,
    nn.modules.conv._ConvTransposeNd,
)
_REDUCING = ("mean", "sum", "amax", "amin", "max", "min", "var", "std", "linalg_vector_norm", "argmax")
_REFUSED = {
    "native_layer_norm": "a LayerNorm",
    "native_group_norm": "a GroupNorm",
    "bmm": "a product of activations",
    "_scaled_dot_product_flash_attention_for_cpu": "attention",
    "_scaled_dot_product_flash_attention": "attention",
    "_scaled_dot_product_efficient_attention": "attention",
    "pixel_shuffle": "a pixel shuffle",
    "roll": "a roll",
    "flip": "a flip",
    "cumsum": "a cumulative sum",
    "sort": "a sort",
    "index_select": "a choice by index",
    "gather": "a choice by index",
}


def check_traceable(network: nn.Module, example: Tensor) -> None:
    """Check that channels of `network` stay apart but for its convolutions, linear layers and BatchNorm.

    Args:
        network: in evaluation mode.
        example: inputs; the network is run once on the first.

    Raises:
        ValueError: which layer or operation is in the way.
    """
    name = type(network).__name__
    for path, module in network.named_modules():
        if isinstance(module, _MIXING):
            raise ValueError(
                f"{name} has a {type(module).__name__} over channels ({path}): its result changes with their number, so none can go"
            )
        if isinstance(module, _UNKNOWN):
            raise ValueError(f"{name} has a {type(module).__name__} ({path}), through which channels can't be followed")
    calls: collections.Counter[str] = collections.Counter()
    sized = [(path, module) for path, module in network.named_modules() if isinstance(module, Sized)]
    handles = [module.register_forward_pre_hook(lambda *_, path=path: calls.update([path])) for path, module in sized]
    try:
        with torch.no_grad(), _Watch(name):
            network(example[:1])
    finally:
        for handle in handles:
            handle.remove()
    often = [path for path, number in calls.items() if number > 1]
    if often:
        raise ValueError(f"{name} uses the layer {often[0]} {calls[often[0]]} times, so its channels belong to several places")


class _Watch(TorchDispatchMode):
    """Raises ValueError at the first operation that mixes channels."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name, self.operations = name, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.operations += 1
        if self.operations > _OPERATIONS:
            raise ValueError(f"{self.name} has more than {_OPERATIONS} operations: too many to trace")
        reason = _reason(func.overloadpacket.__name__, args, result)
        if reason:
            raise ValueError(f"{self.name} has {reason}, through which channels can't be followed")
        return result


def _reason(operation: str, args: Any, result: Any) -> str | None:
    """What of an operation moves or mixes channels (dimension 1); None if they stay apart."""
    if operation in _REFUSED:
        return _REFUSED[operation]
    if not args or not isinstance(args[0], Tensor):
        return None
    given = args[0]
    if operation in ("_softmax", "_log_softmax"):
        return "a softmax over channels" if given.ndim > 2 and args[1] % given.ndim == 1 else None
    if operation in _REDUCING and given.ndim > 2 and len(args) > 1:
        dimensions = args[1] if isinstance(args[1], (list, tuple)) else [args[1]]
        over = any(isinstance(d, int) and d % given.ndim == 1 for d in dimensions)
        return f"a {operation} over channels" if over else None
    if operation in ("view", "_unsafe_view", "reshape") and given.ndim > 2 and isinstance(result, Tensor):
        stays = result.ndim > 1 and result.shape[:2] == given.shape[:2]
        flattens = result.ndim == 2 and len(result) == len(given)
        return None if stays or flattens else f"a reshape of {tuple(given.shape)} to {tuple(result.shape)}, as a channel shuffle has,"
    if operation in ("permute", "transpose") and given.ndim > 2 and isinstance(result, Tensor):
        order = args[1] if operation == "permute" else _swapped(given.ndim, *args[1:3])
        return None if order[1] % given.ndim == 1 else "channels that change place with another dimension"
    if operation == "constant_pad_nd":
        pads, at = list(args[1]), 2 * (given.ndim - 2)
        return "channels padded in front or cut" if len(pads) > at and (pads[at] != 0 or pads[at + 1] < 0) else None
    return None


def _swapped(ndim: int, one: int, other: int) -> list[int]:
    order = list(range(ndim))
    order[one], order[other] = order[other], order[one]
    return order
