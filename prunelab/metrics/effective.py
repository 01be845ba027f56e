"""Effective sparsity: weights on no path from input to output count as removed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from prunelab.metrics.masks import check_masks, evaluating
from prunelab.metrics.size import sparsity
from prunelab.models.example import example_input
from prunelab.models.initialization import is_table


def effective_masks(model: nn.Module, input_shape: tuple[int, ...], masks: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The kept weights that lie on a path of kept weights from an input to an output.

    Vysogorets & Kempe 2021 ("Connectivity matters"). One forward and one backward pass through the network in which
    every weight is its mask, every bias 0, the input ones, normalisation the identity, max pooling a mean, and
    attention (1 + q k') v: a unit is then positive iff the input reaches it, and a weight's gradient times its mask is
    positive iff the output depends on it. As in SynFlow (Tanaka et al. 2020) with weights of 1, except that only
    whether a number is positive is kept after each layer, so that path counts neither overflow nor vanish.

    Limits: a bias, a BatchNorm shift, a position or a token is not an input, so a unit fed by these alone counts as
    dead (in the first block of a ViT the query of the class token, which matters in a ViT of one block only). An
    activation with f(0) > 0 (sigmoid) passes for alive. The measure takes activations to be non-negative: it cannot
    tell for networks that subtract activations, or add large negative constants outside attention.

    Args:
        model: any device; neither its parameters, gradients, buffers nor mode change.
        input_shape: shape of one example.
        masks: kept weights by parameter name, True = kept.

    Returns:
        For each mask, the subset of it that is effective, on the device of the mask.

    Raises:
        ValueError: for a mask that fits no parameter, or attention with separate projection widths.
    """
    parameters = dict(model.named_parameters())
    check_masks(parameters.items(), masks)
    weights = {name: _path_weight(name, parameter, masks.get(name)) for name, parameter in parameters.items()}
    example = example_input(model, input_shape, fill=1.0)
    example = example.float() if example.is_floating_point() else example  # as the masks that stand for weights
    buffers = {name: buffer.float() if buffer.is_floating_point() else buffer for name, buffer in model.named_buffers()}
    with evaluating(model), torch.enable_grad(), _Paths():
        out = torch.func.functional_call(model, {**weights, **buffers}, (example,))
    found = torch.autograd.grad(out.sum(), [weights[name] for name in masks], allow_unused=True)
    return {
        name: torch.zeros_like(masks[name]) if gradient is None else masks[name] & (gradient > 0).to(masks[name].device)
        for name, gradient in zip(masks, found, strict=True)
    }


def effective_sparsity(model: nn.Module, input_shape: tuple[int, ...], masks: Mapping[str, Tensor]) -> float:
    """Fraction of prunable weights that are removed or on no path from input to output, in [0, 1].

    At least the nominal sparsity. Raises and limits as `effective_masks`.
    """
    return sparsity(effective_masks(model, input_shape, masks))


def _path_weight(name: str, parameter: Tensor, mask: Tensor | None) -> Tensor:
    if mask is not None:
        value = mask.to(parameter.device).float()
    elif name.endswith("bias") or is_table(name):
        value = torch.zeros_like(parameter, dtype=torch.float32)
    else:
        value = torch.ones_like(parameter, dtype=torch.float32)
    return value.detach().clone().requires_grad_()


class _Positive(torch.autograd.Function):
    """1 where positive, else 0; the same for the gradient on its way back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return (gradients[0] > 0).to(gradients[0].dtype)


def _positive(x: Tensor) -> Tensor:
    out = _Positive.apply(x)
    assert isinstance(out, Tensor)
    return out


class _Paths(TorchFunctionMode):
    """Replaces the operations of a network by ones that tell whether a path exists."""

    def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in _LAYERS:
            return _positive(func(*args, **kwargs))
        replacement = _REPLACED.get(name)
        return func(*args, **kwargs) if replacement is None else replacement(*args, **kwargs)


def _channel_norm(x: Tensor, *args: Any, weight: Tensor | None = None, **_: Any) -> Tensor:
    """BatchNorm, GroupNorm, InstanceNorm: x, scaled by channel, which is axis 1."""
    weight = weight if weight is not None else next((a for a in args[2:] if isinstance(a, Tensor)), None)
    return x if weight is None else x * weight.view(-1, *[1] * (x.dim() - 2))


def _group_norm(x: Tensor, num_groups: int, weight: Tensor | None = None, *_: Any, **__: Any) -> Tensor:
    return _channel_norm(x, weight=weight)


def _last_axes_norm(x: Tensor, shape: Any, weight: Tensor | None = None, *_: Any, **__: Any) -> Tensor:
    return x if weight is None else x * weight


def _mean_pool(pool: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def pooled(
        x: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        **_: Any,
    ) -> Tensor:
        return _positive(pool(x, kernel_size, stride or kernel_size, padding, ceil_mode))

    return pooled


def _softmax(x: Tensor, *_: Any, **__: Any) -> Tensor:
    return 1 + x


def _attention(query: Tensor, key: Tensor, value: Tensor, *_: Any, **__: Any) -> Tensor:
    """(1 + q k') v: values pass by themselves; queries and keys matter where both and the value are alive."""
    return _positive((1 + query @ key.transpose(-2, -1)) @ value)


def _multi_head_attention(
    query: Tensor, key: Tensor, value: Tensor, dim: int, heads: int, in_proj_weight: Tensor | None, *args: Any, **_: Any
) -> tuple[Tensor, None]:
    """torch.nn.MultiheadAttention with a packed projection; tensors are (tokens, batch, dim)."""
    if in_proj_weight is None:
        raise ValueError("effective sparsity is not known for nn.MultiheadAttention with separate key or value widths")
    output_weight = args[5]  # after in_proj_bias, bias_k, bias_v, add_zero_attn, dropout_p

    def split(x: Tensor, weight: Tensor) -> Tensor:
        return _positive(F.linear(x, weight)).unflatten(-1, (heads, -1)).transpose(0, 2)

    projected = [split(x, w) for x, w in zip((query, key, value), in_proj_weight.chunk(3), strict=True)]
    mixed = _attention(*projected).transpose(0, 2).flatten(-2)
    return _positive(F.linear(mixed, output_weight)), None


_LAYERS = frozenset({"linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"})
_REPLACED: dict[str, Callable[..., Any]] = {
    "batch_norm": _channel_norm,
    "instance_norm": _channel_norm,
    "group_norm": _group_norm,
    "layer_norm": _last_axes_norm,
    "rms_norm": _last_axes_norm,
    "max_pool1d": _mean_pool(F.avg_pool1d),
    "max_pool2d": _mean_pool(F.avg_pool2d),
    "max_pool3d": _mean_pool(F.avg_pool3d),
    "adaptive_max_pool1d": lambda x, size, *_: F.adaptive_avg_pool1d(x, size),
    "adaptive_max_pool2d": lambda x, size, *_: F.adaptive_avg_pool2d(x, size),
    "softmax": _softmax,
    "scaled_dot_product_attention": _attention,
    "multi_head_attention_forward": _multi_head_attention,
}
