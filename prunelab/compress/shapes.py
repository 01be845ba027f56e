"""The shape of a compacted network: what of it differs from the dense one, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from prunelab.basics.choices import choose
from prunelab.models.removed import Constant, PassedBy
from prunelab.models.task_embedding import TaskEmbedding

Shapes = dict[str, dict[str, Any]]
_REPLACEMENTS: dict[str, type[nn.Module]] = {"constant": Constant, "passed_by": PassedBy, "task_embedding": TaskEmbedding}
_ARGUMENTS = {"constant": ("size", "outputs"), "passed_by": ("outputs",), "task_embedding": ("num_tokens", "num_rows", "size")}


def differences(dense: nn.Module, compacted: nn.Module) -> Shapes:
    """What differs, by path of the module: `replaced` by what, or `numbers` and the shapes of `tensors` that changed."""
    before = dict(dense.named_modules())
    kinds = {kind: name for name, kind in _REPLACEMENTS.items()}
    found: Shapes = {}
    for path, module in compacted.named_modules():
        old = before[path]
        if type(module) is not type(old):
            name = kinds[type(module)]
            found[path] = {"replaced": {"by": name, **{key: getattr(module, key) for key in _ARGUMENTS[name]}}}
            continue
        numbers = {key: value for key, value in vars(module).items() if isinstance(value, int) and _counts(key, value, old)}
        tensors = {key: list(shape) for key, shape in _sizes(module).items() if _sizes(old).get(key) != shape}
        if numbers or tensors:
            found[path] = {"numbers": numbers, "tensors": tensors}
    return found


def reshape(model: nn.Module, shapes: Mapping[str, Mapping[str, Any]]) -> None:
    """Give a dense `model` the shape of the compacted one, in place; what its new tensors hold is arbitrary.

    Raises:
        ValueError: for a module that the model does not have.
    """
    for path, change in shapes.items():
        choose("module of the model", path, dict(model.named_modules()))
        module = model.get_submodule(path)
        if "replaced" in change:
            arguments = dict(change["replaced"])
            name = choose("replacement of a module", arguments.pop("by"), _REPLACEMENTS)
            model.set_submodule(path, _REPLACEMENTS[name](**arguments).train(module.training))
            continue
        for key, value in change["numbers"].items():
            setattr(module, key, value)
        for key, shape in change["tensors"].items():
            _resize(module, key, shape)


def _resize(module: nn.Module, name: str, shape: list[int]) -> None:
    old = getattr(module, name, None)
    like = old if isinstance(old, Tensor) else next(module.parameters())
    new = torch.zeros(shape, dtype=like.dtype, device=like.device)
    setattr(module, name, nn.Parameter(new, requires_grad=like.requires_grad) if isinstance(like, nn.Parameter) else new)


def _counts(key: str, value: int, old: nn.Module) -> bool:
    return not key.startswith("_") and key != "training" and getattr(old, key, None) != value


def _sizes(module: nn.Module) -> dict[str, tuple[int, ...]]:
    own = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
    return {name: tuple(tensor.shape) for name, tensor in own}
