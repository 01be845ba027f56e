"""The heads and residual branches of a network, for granularities of whole ones."""

from __future__ import annotations

import dataclasses

from torch import nn

from prunelab.models.attention import Attention, EncoderBlock
from prunelab.models.coupling import coupled_units
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


def scope_with_structure(model: nn.Module, *, exclude: tuple[str, ...] = (), coupled_for: tuple[int, ...] | None = None) -> Scope:
    """The scope of `model` (see `scope_of`), with its heads and branches.

    Args:
        model: any module.
        exclude: see `scope_of`.
        coupled_for: the shape of an input, to find the coupled channels too; it takes a trace of the network.

    Raises:
        ValueError: as `scope_of`; for a network whose channels can't be followed.
    """
    structure = structure_of(model)
    if coupled_for is not None:
        structure = dataclasses.replace(structure, coupled=coupled_units(model, coupled_for))
    return scope_of(model, exclude=exclude, structure=structure)
