"""The heads and residual branches of a network, for granularities of whole ones."""

from __future__ import annotations

from torch import nn

from prunelab.models.attention import Attention, EncoderBlock
from prunelab.models.resnet import BasicBlock, PreactivationBlock
from prunelab.models.transformers import DroppableLayer
from prunelab.pruning.scope import Scope, scope_of
from prunelab.pruning.structure import AttentionHeads, Perceptron, Structure


def structure_of(model: nn.Module) -> Structure:
    """What of `model` can be removed whole; nothing of networks whose blocks are not known here."""
    heads: list[AttentionHeads] = []
    perceptrons: list[Perceptron] = []
    branches: dict[str, tuple[str, ...]] = {}
    for path, module in model.named_modules():
        prefix = f"{path}." if path else ""
        if isinstance(module, Attention):
            rows = tuple(f"{prefix}{layer}.weight" for layer in ("query", "key", "value"))
            heads.append(AttentionHeads(num_heads=module.num_heads, rows=rows, columns=f"{prefix}output.weight"))
        elif isinstance(module, EncoderBlock):
            attention = tuple(f"{prefix}attention.{layer}.weight" for layer in ("query", "key", "value", "output"))
            perceptrons.append(Perceptron(rows=f"{prefix}fc1.weight", columns=f"{prefix}fc2.weight", bias=f"{prefix}fc1.bias"))
            branches |= {f"{prefix}attention": attention, f"{prefix}mlp": (f"{prefix}fc1.weight", f"{prefix}fc2.weight")}
        elif isinstance(module, DroppableLayer):
            inner = f"{prefix}layer."
            query, key, value, output, up, down = (
                f"{inner}{getattr(module.parts, part)}.weight" for part in ("query", "key", "value", "output", "up", "down")
            )
            heads.append(AttentionHeads(num_heads=module.num_heads, rows=(query, key, value), columns=output))
            perceptrons.append(Perceptron(rows=up, columns=down, bias=f"{inner}{module.parts.up}.bias"))
            branches[path] = (query, key, value, output, up, down)
        elif isinstance(module, (BasicBlock, PreactivationBlock)):
            branches[path] = (f"{prefix}conv1.weight", f"{prefix}conv2.weight")
    return Structure(heads=tuple(heads), perceptrons=tuple(perceptrons), branches=branches)


def scope_with_structure(model: nn.Module, *, exclude: tuple[str, ...] = ()) -> Scope:
    """The scope of `model` (see `scope_of`), with its heads and branches."""
    return scope_of(model, exclude=exclude, structure=structure_of(model))
