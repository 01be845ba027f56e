"""Dead heads, feed-forward neurons and layers of transformers taken out of their tensors."""

from __future__ import annotations

import copy
import dataclasses

import torch
from torch import Tensor, nn

from prunelab.compress.report import Report
from prunelab.models.removed import Constant, PassedBy
from prunelab.models.transformers import DroppableLayer
from prunelab.pruning.structure import AttentionHeads, Perceptron, Structure

_HEAD_COUNTS = ("num_heads", "num_attention_heads", "n_heads")


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Parts:
    """The layers whose rows are units, and the one whose columns read them.

    Attributes:
        names: their paths, that of the reader last.
        makers: in the network that is changed.
        reader: in the network that is changed.
        makers_exact: in double precision.
        reader_exact: in double precision.
    """

    names: tuple[str, ...]
    makers: tuple[nn.Linear, ...]
    reader: nn.Linear
    makers_exact: tuple[nn.Linear, ...]
    reader_exact: nn.Linear


@torch.no_grad()
def remove_units(network: nn.Module, structure: Structure, example: Tensor) -> Report:
    """Remove from `network`, in place, heads and neurons that nobody reads or that say the same whatever comes in.

    A head whose value rows are gone puts out its value bias: attention is a mean. A neuron without inputs puts out what its
    bias makes of it. Both move into the bias of the layer that reads them.

    Args:
        network: with the masks applied.
        structure: its heads and perceptrons.
        example: inputs.
    """
    exact = copy.deepcopy(network).double().eval()
    given = example.double() if example.is_floating_point() else example
    passed = [path for path, module in network.named_modules() if isinstance(module, DroppableLayer) and module.passed_by]
    gone = 0
    for heads in structure.heads:
        if not _below(heads.columns, passed):
            gone += _remove_heads(network, exact, heads, given)
    for perceptron in structure.perceptrons:
        if not _below(perceptron.columns, passed):
            gone += _remove_neurons(network, exact, perceptron, given)
    for path in passed:
        network.set_submodule(path, PassedBy().train(network.get_submodule(path).training))
    return Report(asked=gone + len(passed), gone=gone + len(passed))


def _below(name: str, paths: list[str]) -> bool:
    return any(name.startswith(f"{path}.") for path in paths)


def _parts(network: nn.Module, exact: nn.Module, rows: tuple[str, ...], columns: str) -> _Parts:
    names = tuple(name.removesuffix(".weight") for name in (*rows, columns))
    here, there = ([_linear(model, name) for name in names] for model in (network, exact))
    return _Parts(names=names, makers=tuple(here[:-1]), reader=here[-1], makers_exact=tuple(there[:-1]), reader_exact=there[-1])


def _linear(model: nn.Module, name: str) -> nn.Linear:
    module = model.get_submodule(name)
    assert isinstance(module, nn.Linear), f"{name} of a transformer's structure is a {type(module).__name__}"
    return module


def _remove_heads(network: nn.Module, exact: nn.Module, heads: AttentionHeads, example: Tensor) -> int:
    parts, number = _parts(network, exact, heads.rows, heads.columns), heads.num_heads
    value = parts.makers_exact[-1]
    unread = ~parts.reader_exact.weight.unflatten(1, (number, -1)).any(2).any(0)
    constant = ~value.weight.unflatten(0, (number, -1)).flatten(1).any(1)
    bias = value.bias if value.bias is not None else torch.zeros_like(value.weight[:, 0])
    size = parts.reader.in_features // number
    dead = unread | constant
    _fold(parts, (constant & ~unread).repeat_interleave(size), bias)
    if not bool(dead.any()):
        return 0
    if bool(dead.all()):
        _empty_attention(network, exact, parts, example)
    else:
        for maker, maker_exact in zip(parts.makers, parts.makers_exact, strict=True):
            _take_rows(maker, maker_exact, ~dead.repeat_interleave(maker.out_features // number))
        _take_columns(parts, ~dead.repeat_interleave(size))
        owner = network.get_submodule(parts.names[0].rpartition(".")[0])
        for attribute in _HEAD_COUNTS:
            if getattr(owner, attribute, None) == number:
                setattr(owner, attribute, int((~dead).sum()))
    return int(dead.sum())


def _remove_neurons(network: nn.Module, exact: nn.Module, block: Perceptron, example: Tensor) -> int:
    parts = _parts(network, exact, (block.rows,), block.columns)
    unread = ~parts.reader_exact.weight.any(0)
    constant = ~parts.makers_exact[0].weight.any(1)
    dead = unread | constant
    if bool((constant & ~unread).any()):
        _fold(parts, constant & ~unread, _read_by(exact, parts.names[-1], example).flatten(0, -2)[0])
    if not bool(dead.any()):
        return 0
    if bool(dead.all()):
        network.set_submodule(parts.names[0], PassedBy().train(parts.makers[0].training))
        network.set_submodule(parts.names[1], _constant(parts))
    else:
        _take_rows(parts.makers[0], parts.makers_exact[0], ~dead)
        _take_columns(parts, ~dead)
    return int(dead.sum())


def _read_by(exact: nn.Module, path: str, example: Tensor) -> Tensor:
    found: list[Tensor] = []
    handle = exact.get_submodule(path).register_forward_pre_hook(lambda _, given: found.append(given[0]))
    try:
        exact(example)
    finally:
        handle.remove()
    return found[0]


def _fold(parts: _Parts, columns: Tensor, values: Tensor) -> None:
    """Move what constant `columns` of the reader contribute into its bias, in double precision."""
    reader = parts.reader_exact
    if bool(columns.any()):
        given = reader.weight[:, columns] @ values[columns]
        reader.bias = nn.Parameter(given if reader.bias is None else reader.bias + given)
        reader.weight[:, columns] = 0.0


def _take_rows(module: nn.Linear, exact: nn.Linear, stay: Tensor) -> None:
    module.weight = _like(module.weight, exact.weight[stay])
    if exact.bias is not None:
        module.bias = _like(module.bias, exact.bias[stay])
    module.out_features = int(stay.sum())


def _take_columns(parts: _Parts, stay: Tensor) -> None:
    module, exact = parts.reader, parts.reader_exact
    old = module.weight
    module.weight = _like(old, exact.weight[:, stay])
    if exact.bias is not None:
        module.bias = _like(old if module.bias is None else module.bias, exact.bias)
    module.in_features = int(stay.sum())


def _like(old: Tensor, new: Tensor) -> nn.Parameter:
    return nn.Parameter(new.detach().to(old.dtype).clone(), requires_grad=old.requires_grad)


def _empty_attention(network: nn.Module, exact: nn.Module, parts: _Parts, example: Tensor) -> None:
    """Put what is left of attention without heads, the output's bias, in its place."""
    owner = parts.names[0].rpartition(".")[0]
    outputs = _outputs(exact, owner, example)
    if parts.names[-1].startswith(f"{owner}."):
        network.set_submodule(owner, _constant(parts, outputs))
    else:
        network.set_submodule(owner, PassedBy(outputs).train(parts.reader.training))
        network.set_submodule(parts.names[-1], _constant(parts))


def _outputs(exact: nn.Module, path: str, example: Tensor) -> int:
    """How many outputs the module returns, 0 if it is a tensor."""
    found: list[int] = []
    handle = exact.get_submodule(path).register_forward_hook(lambda *call: found.append(len(call[2]) if isinstance(call[2], tuple) else 0))
    try:
        exact(example)
    finally:
        handle.remove()
    return found[0]


def _constant(parts: _Parts, outputs: int = 0) -> Constant:
    made = Constant(parts.reader.out_features, outputs).to(parts.reader.weight.device)
    bias = parts.reader_exact.bias
    like = parts.reader.weight if parts.reader.bias is None else parts.reader.bias
    made.bias = _like(like, torch.zeros_like(parts.reader_exact.weight[:, 0]) if bias is None else bias)
    return made.train(parts.reader.training)
