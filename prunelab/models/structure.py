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
            attention = _there(model, *(f"{prefix}attention.{layer}" for layer in ("query", "key", "value", "output")))
            neurons = _there(model, f"{prefix}fc1", f"{prefix}fc2")
            if neurons:
                perceptrons.append(Perceptron(rows=neurons[0], columns=neurons[1], bias=f"{prefix}fc1.bias"))
            branches |= {f"{prefix}{name}": weights for name, weights in (("attention", attention), ("mlp", neurons)) if weights}
        elif isinstance(module, DroppableLayer):
            layer, parts = f"{prefix}layer.", module.parts
            attention = _there(model, *(f"{layer}{part}" for part in (parts.query, parts.key, parts.value, parts.output)))
            neurons = _there(model, f"{layer}{parts.up}", f"{layer}{parts.down}")
            if attention:
                heads.append(AttentionHeads(num_heads=module.num_heads, rows=attention[:3], columns=attention[3]))
            if neurons:
                perceptrons.append(Perceptron(rows=neurons[0], columns=neurons[1], bias=f"{layer}{parts.up}.bias"))
            if attention or neurons:
                branches[path] = (*attention, *neurons)
        elif isinstance(module, (BasicBlock, PreactivationBlock)):
            branches[path] = (f"{prefix}conv1.weight", f"{prefix}conv2.weight")
    return Structure(heads=tuple(heads), perceptrons=tuple(perceptrons), branches=branches)


def _there(model: nn.Module, *paths: str) -> tuple[str, ...]:
    """The weights of these linear layers; none if compaction left one of them out."""
    found = dict(model.named_modules())
    return tuple(f"{path}.weight" for path in paths) if all(isinstance(found.get(path), nn.Linear) for path in paths) else ()


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
