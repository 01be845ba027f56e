"""Which layer's channels feed which: a network's layers and the channels that flow between them."""

from __future__ import annotations

import collections
import copy
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from prunelab.models.traceable import Sized, check_traceable

_LIMIT = 4_000_000  # steps of a walk: ten times what the largest published networks take


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layer:
    """A convolution, linear layer or BatchNorm.

    Attributes:
        inputs: channels (features) that it reads.
        outputs: channels that it makes.
        groups: of a convolution; as many as channels for a BatchNorm, whose channels do not mix; 1 for a linear layer.
        from_data: whether it reads the network's input.
    """

    inputs: int
    outputs: int
    groups: int
    from_data: bool

    def input_groups(self) -> Tensor:
        """The group of each input, shape (inputs,)."""
        return torch.arange(self.inputs) // (self.inputs // self.groups)

    def output_groups(self) -> Tensor:
        """The group of each output, shape (outputs,)."""
        return torch.arange(self.outputs) // (self.outputs // self.groups)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Feed:
    """Output `rows` of layer `maker` flow, through operations that keep channels apart, into inputs `columns` of `reader`.

    Attributes:
        rows: shape (n,).
        columns: shape (n,).
    """

    maker: str
    reader: str
    rows: Tensor
    columns: Tensor


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wiring:
    """All layers of a network and what flows between them.

    Attributes:
        layers: by path of the module, in the network's order.
        feeds: channels that flow from one layer to the next.
        leaving: path -> which of the layer's outputs the network gives out, shape (outputs,).
    """

    layers: Mapping[str, Layer]
    feeds: tuple[Feed, ...]
    leaving: Mapping[str, Tensor]


class _Index(NamedTuple):
    """What torch-pruning's index mappings take and give."""

    idx: int
    root_idx: int


def wiring_of(model: nn.Module, example: Tensor) -> Wiring:
    """The layers of `model` and the channels between them, by torch-pruning's dependency graph (Fang et al. 2023).

    The model is left as it was: a copy is traced.

    Args:
        model: a network of convolutions, linear layers, BatchNorm and operations that keep channels apart.
        example: inputs, shape (batch, ...).

    Raises:
        ValueError: in one sentence, before anything long is begun, if channels of the network can't be followed.
    """
    network = copy.deepcopy(model).eval()
    for parameter in network.parameters():
        parameter.requires_grad_(True)  # torch-pruning passes over frozen layers in silence
    check_traceable(network, example)
    from torch_pruning.dependency import DependencyGraph  # half a second, of no use to those who do not ask

    with torch.enable_grad():
        # so that the graph has a node where the data comes in
        data = example.detach().clone().requires_grad_(True) * 1
        graph = DependencyGraph().build_dependency(network, [data], verbose=False)
    return _Walk(network, graph, data).wiring()


class _Walk:
    """Follows the outputs of each layer to the layers that read them."""

    def __init__(self, network: nn.Module, graph: Any, data: Tensor) -> None:
        self.nodes = list(graph.module2node.values())
        self.sources = [node for node in self.nodes if node.grad_fn is data.grad_fn]
        found = {path: graph.module2node.get(module) for path, module in network.named_modules() if isinstance(module, Sized)}
        self.paths = {node: path for path, node in found.items() if node is not None}
        self.steps = 0
        loose = [node.name for node in self.nodes if isinstance(node.module, nn.Parameter)]
        if loose:
            raise ValueError(f"its channels meet a parameter that is no part of a layer ({loose[0]}), so they can't be coupled")

    def wiring(self) -> Wiring:
        """See `Wiring`."""
        data = self._readers_of_data()
        layers = {path: _layer(node.module, node in data) for node, path in self.paths.items()}
        feeds: list[Feed] = []
        leaving: dict[str, Tensor] = {}
        for node, path in self.paths.items():
            found: dict[str, list[tuple[Tensor, Tensor]]] = collections.defaultdict(list)
            # the layer whose output is the network's has no node behind it
            leaves = torch.full((layers[path].outputs,), not node.outputs)
            for target, columns, rows in self._flow(node, torch.arange(layers[path].outputs)):
                if target in self.paths:
                    found[self.paths[target]].append((rows, columns))
                else:
                    leaves[rows] = True
            if leaves.any():
                leaving[path] = leaves
            feeds += [_feed(path, reader, pairs, layers[reader]) for reader, pairs in found.items()]
        made = Wiring(layers=layers, feeds=tuple(feeds), leaving=leaving)
        _check_complete(made)
        return made

    def _readers_of_data(self) -> set[Any]:
        readers: set[Any] = set()
        stack, seen = list(self.sources), set(self.sources)
        while stack:
            for target in stack.pop().outputs:
                if target in self.paths:
                    readers.add(target)
                elif target not in seen:
                    seen.add(target)
                    stack.append(target)
        return readers

    def _flow(self, start: Any, channels: Tensor) -> Iterator[tuple[Any, Tensor, Tensor]]:
        """(layer or output reached, its channels, the start's channels that they come from)."""
        stack, seen = [(start, channels, channels)], set()
        while stack:
            node, here, roots = stack.pop()
            for dependency in node.dependencies:
                target = dependency.target
                if target in node.inputs:
                    continue
                there, origin = _mapped(dependency, here, roots)
                key = (target, there.numpy().tobytes(), origin.numpy().tobytes())
                if not len(there) or key in seen:
                    continue
                seen.add(key)
                self.steps += len(there)
                if self.steps > _LIMIT:
                    raise ValueError("its channels run along too many paths to follow them")
                if target in self.paths or not target.outputs:
                    yield target, there, origin
                else:
                    stack.append((target, there, origin))


def _mapped(dependency: Any, here: Tensor, roots: Tensor) -> tuple[Tensor, Tensor]:
    """Indices in the target, by torch-pruning's mappings of concatenation, split and slice."""
    stride = _flattened(dependency.target)
    if stride > 1:
        here, roots = (here[:, None] * stride + torch.arange(stride)).flatten(), roots.repeat_interleave(stride)
    # torch-pruning guesses from other layers how many features a channel is flattened to; behind a padded shortcut it is wrong
    mappings = [mapping for mapping in dependency.index_mapping if mapping is not None and "Flatten" not in type(mapping).__name__]
    if not mappings:
        return here, roots
    indices: Any = [_Index(index, root) for index, root in zip(here.tolist(), roots.tolist(), strict=True)]
    for mapping in mappings:
        indices = mapping(indices)
    pairs = torch.tensor([(index.idx, index.root_idx) for index in indices], dtype=torch.long).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _flattened(node: Any) -> int:
    """Features that each channel becomes if the node flattens (batch, channels, ...) to (batch, features), else 1."""
    before = tuple(getattr(node.grad_fn, "_saved_self_sym_sizes", ()))
    if "View" not in type(node.grad_fn).__name__ or len(before) < 3:
        return 1
    after = tuple(node.grad_fn._input_metadata[0].shape)
    return int(after[1]) // int(before[1]) if len(after) == 2 else 1


def _layer(module: Any, from_data: bool) -> Layer:
    if isinstance(module, nn.Linear):
        inputs, outputs, groups = module.in_features, module.out_features, 1
    elif isinstance(module, nn.modules.batchnorm._BatchNorm):
        inputs = outputs = groups = module.num_features
    else:
        inputs, outputs, groups = module.in_channels, module.out_channels, module.groups
    return Layer(inputs=inputs, outputs=outputs, groups=groups, from_data=from_data)


def _feed(maker: str, reader: str, pairs: list[tuple[Tensor, Tensor]], layer: Layer) -> Feed:
    rows, columns = (torch.cat(part) for part in zip(*pairs, strict=True))
    if int(columns.max()) >= layer.inputs:
        raise ValueError(f"the channels from {maker} to {reader} can't be followed: it reads {layer.inputs}, not {int(columns.max()) + 1}")
    return Feed(maker=maker, reader=reader, rows=rows, columns=columns)


def _check_complete(wiring: Wiring) -> None:
    """Raise ValueError if some inputs of a layer are known and others not: a sign that an operation was misread."""
    fed = {path: torch.zeros(layer.inputs, dtype=torch.bool) for path, layer in wiring.layers.items()}
    for feed in wiring.feeds:
        fed[feed.reader][feed.columns] = True
    for path, known in fed.items():
        if not bool(known.all()) and (bool(known.any()) or not wiring.layers[path].from_data):
            raise ValueError(f"where {int((~known).sum())} of the {len(known)} inputs of {path} come from can't be followed")
    if not wiring.leaving:
        raise ValueError("no layer's outputs could be followed to the network's")
