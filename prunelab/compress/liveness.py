"""What of a masked network says nothing about the data, or is read by nobody; constants folded into who reads them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from prunelab.models.wiring import Feed, Layer, Wiring

_SAME = 1e-9  # constants are computed in double precision
Flags = dict[str, Tensor]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stuck:
    """An input of a layer that is the same for all data and yet can't be left out.

    Attributes:
        layer: path of the layer that reads it.
        inputs: which, shape (n,).
        reason: why.
    """

    layer: str
    inputs: Tensor
    reason: str


@torch.no_grad()
def fold_constants(network: nn.Module, wiring: Wiring, example: Tensor) -> list[Stuck]:
    """Let no layer read what is the same for all data: it moves into the layer's bias, the weights of it become zero.

    Done again until nothing changes, as a filter whose inputs have all become constants is a constant itself.

    Args:
        network: in double precision and evaluation mode; changed in place, its outputs stay.
        wiring: its layers.
        example: inputs; constants are read off them.

    Returns:
        What can't be folded.
    """
    while True:
        live, read = live_inputs(network, wiring), read_inputs(network, wiring)
        constant = {path: read[path] & ~live[path] for path in wiring.layers if not _is_norm(network.get_submodule(path))}
        constant = {path: flags for path, flags in constant.items() if bool(flags.any())}
        if not constant:
            return []
        values = _inputs(network, constant, example)
        stuck = [_fold(path, network.get_submodule(path), flags, values[path]) for path, flags in constant.items()]
        if all(left is not None and len(left.inputs) == int(constant[left.layer].sum()) for left in stuck):
            return [left for left in stuck if left is not None]


def live_inputs(network: nn.Module, wiring: Wiring) -> Flags:
    """For each layer which inputs can depend on the data, path -> shape (inputs,), by the weights that are not zero."""
    live = {path: torch.full((layer.inputs,), layer.from_data) for path, layer in wiring.layers.items()}
    passes, onwards = _passes(network, wiring), _by(wiring, "maker")
    changed = True
    while changed:  # twice, as a rule: layers come in the order of the data
        changed = False
        for path, layer in wiring.layers.items():
            made = _forward(passes[path], layer, live[path])
            for feed in onwards[path]:
                new = made[feed.rows] & ~live[feed.reader][feed.columns]
                if bool(new.any()):
                    live[feed.reader][feed.columns[new]] = changed = True
    return live


def read_inputs(network: nn.Module, wiring: Wiring) -> Flags:
    """For each layer which inputs the network's outputs can depend on, path -> shape (inputs,)."""
    nothing = {path: torch.zeros(layer.outputs, dtype=torch.bool) for path, layer in wiring.layers.items()}
    wanted = {path: wiring.leaving.get(path, flags).clone() for path, flags in nothing.items()}
    read: Flags = {}
    passes, backwards = _passes(network, wiring), _by(wiring, "reader")
    changed = True
    while changed:
        changed = False
        for path, layer in reversed(list(wiring.layers.items())):
            read[path] = _backward(passes[path], layer, wanted[path])
            for feed in backwards[path]:
                new = read[path][feed.columns] & ~wanted[feed.maker][feed.rows]
                if bool(new.any()):
                    wanted[feed.maker][feed.rows[new]] = changed = True
    return read


def _is_norm(module: nn.Module) -> bool:
    return isinstance(module, nn.modules.batchnorm._BatchNorm)


def _passes(network: nn.Module, wiring: Wiring) -> Flags:
    """Which weights are not zero: shape (outputs, inputs of a group), of a BatchNorm (channels,)."""
    found: Flags = {}
    for path, layer in wiring.layers.items():
        weight = network.get_submodule(path).weight
        if isinstance(weight, Tensor):
            used = weight != 0
            found[path] = (used.flatten(2).any(2) if used.ndim > 2 else used).cpu()
        else:
            found[path] = torch.ones(layer.outputs, dtype=torch.bool)
    return found


def _by(wiring: Wiring, end: str) -> dict[str, list[Feed]]:
    found: dict[str, list[Feed]] = {path: [] for path in wiring.layers}
    for feed in wiring.feeds:
        found[getattr(feed, end)].append(feed)
    return found


def _forward(passes: Tensor, layer: Layer, live: Tensor) -> Tensor:
    if passes.ndim == 1:
        return passes & live
    of_group = live.reshape(layer.groups, -1)
    if layer.groups == 1:
        return (passes & of_group).any(1)
    return (passes & of_group[layer.output_groups()]).any(1)


def _backward(passes: Tensor, layer: Layer, wanted: Tensor) -> Tensor:
    if passes.ndim == 1:
        return passes & wanted
    used = passes & wanted[:, None]
    return used.reshape(layer.groups, -1, used.shape[1]).any(1).flatten()


def _inputs(network: nn.Module, layers: Mapping[str, Tensor], example: Tensor) -> dict[str, Tensor]:
    """What each of `layers` reads for `example`."""
    found: dict[str, Tensor] = {}

    def keep(path: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        return lambda _, given: found.update({path: given[0]})

    handles = [network.get_submodule(path).register_forward_pre_hook(keep(path)) for path in layers]
    try:
        network(example)
    finally:
        for handle in handles:
            handle.remove()
    return found


def _fold(path: str, module: nn.Module, constant: Tensor, values: Tensor) -> Stuck | None:
    """Move constant inputs of a layer into its bias; returns those that can't be moved."""
    columns = constant.nonzero().flatten().to(values.device)
    over = values.movedim(-1 if isinstance(module, nn.Linear) else 1, 0).flatten(1)[columns]
    low, high = over.amin(1), over.amax(1)
    same = high - low <= _SAME * torch.maximum(high.abs(), low.abs()).clamp_min(1.0)
    zero = (low == 0) & (high == 0)
    moves = zero | same if isinstance(module, nn.Linear) or not _pads_with_zeros(module) else zero
    _move(module, columns[moves], over[moves].mean(1) * ~zero[moves])
    if bool(moves.all()):
        return None
    reason = "a constant that is not zero, in front of a convolution that pads with zeros"
    return Stuck(layer=path, inputs=columns[~moves].cpu(), reason=reason)


def _pads_with_zeros(module: nn.Module) -> bool:
    padding = module.padding
    sides = [0] if padding == "valid" else [1] if isinstance(padding, str) else padding
    return module.padding_mode == "zeros" and any(side != 0 for side in sides)  # pyright: ignore


def _move(module: nn.Module, columns: Tensor, values: Tensor) -> None:
    """Add what `columns` contribute at `values` to the bias, and set their weights to zero."""
    weight = module.get_parameter("weight")
    groups = int(getattr(module, "groups", 1))
    per_group, outputs = weight.shape[1], weight.shape[0] // groups
    summed = weight.flatten(2).sum(2) if weight.ndim > 2 else weight
    given = torch.zeros(len(weight), dtype=weight.dtype, device=weight.device)
    for group in range(groups):
        here, rows = columns // per_group == group, slice(group * outputs, (group + 1) * outputs)
        inside = columns[here] % per_group
        given[rows] += summed[rows][:, inside] @ values[here]
        weight[rows, inside] = 0.0
    if bool(given.any()):
        bias = module.bias
        if isinstance(bias, Tensor):
            bias += given
        else:
            module.bias = nn.Parameter(given, requires_grad=weight.requires_grad)
