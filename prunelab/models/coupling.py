"""Coupled units: channels and neurons that can only go together."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor, nn

from prunelab.models.example import example_input
from prunelab.models.wiring import Wiring, wiring_of
from prunelab.pruning.structure import Coupled

NONE = -1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Units:
    """The unit of each channel of each layer; -1 of those that have to stay.

    Attributes:
        num_units: how many.
        inputs: path -> unit of each input, shape (inputs,).
        outputs: path -> unit of each output, shape (outputs,).
    """

    num_units: int
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]


def coupled_units(model: nn.Module, input_shape: tuple[int, ...]) -> Coupled:
    """The coupled units of `model`, found from a trace with an input of zeros; the model is left as it was.

    Raises:
        ValueError: in a sentence, if channels of the network can't be followed.
    """
    wiring = wiring_of(model, example_input(model, input_shape, batch=2))
    units = units_of(wiring)
    outputs: dict[str, Tensor] = {}
    companions: dict[str, Tensor] = {}
    for path, found in units.outputs.items():
        module = model.get_submodule(path)
        prefix = f"{path}." if path else ""
        if bool((found == NONE).all()):
            continue
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            names = ("weight", "bias") if module.affine else ()
        else:
            outputs[f"{prefix}weight"] = found
            names = ("bias",) if module.bias is not None else ()
        companions |= {f"{prefix}{name}": found for name in names}
    return Coupled(num_units=units.num_units, outputs=outputs, companions=companions)


def units_of(wiring: Wiring) -> Units:
    """Units of a network's channels: what residual sums, groups of convolutions and BatchNorm tie together.

    The data's channels and the network's outputs belong to no unit, nor does any channel tied to one of them. A tensor of
    which some rows have to stay stays whole.
    """
    first, last, total = _numbering(wiring)
    ties = [torch.stack([last[feed.maker] + feed.rows, first[feed.reader] + feed.columns]) for feed in wiring.feeds]
    for path, layer in wiring.layers.items():
        if layer.groups > 1:  # all channels of a group go together, and the filters that read them
            head = torch.arange(layer.groups) * (layer.inputs // layer.groups)
            ties.append(torch.stack([first[path] + torch.arange(layer.inputs), first[path] + head[layer.input_groups()]]))
            ties.append(torch.stack([last[path] + torch.arange(layer.outputs), first[path] + head[layer.output_groups()]]))
    one, other = torch.cat(ties, dim=1).numpy() if ties else torch.zeros(2, 0).long().numpy()
    graph = coo_array((torch.ones(len(one)).numpy(), (one, other)), shape=(total, total))
    unit = torch.from_numpy(connected_components(graph, directed=False)[1]).long()
    stays = _fixed(wiring, unit, first, last)
    unit, number = _renumbered(unit, stays)
    return Units(
        num_units=number,
        inputs={path: unit[first[path] : first[path] + layer.inputs] for path, layer in wiring.layers.items()},
        outputs={path: unit[last[path] : last[path] + layer.outputs] for path, layer in wiring.layers.items()},
    )


def _numbering(wiring: Wiring) -> tuple[dict[str, int], dict[str, int], int]:
    """A number for each input and output of each layer: where those of a layer begin, and how many there are."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    total = 0
    for path, layer in wiring.layers.items():
        first[path], last[path] = total, total + layer.inputs
        total += layer.inputs + layer.outputs
    return first, last, total


def _fixed(wiring: Wiring, unit: Tensor, first: Mapping[str, int], last: Mapping[str, int]) -> Tensor:
    """Which units have to stay, shape (units,)."""
    stays = torch.zeros(int(unit.max()) + 1, dtype=torch.bool)
    rows = {path: unit[last[path] : last[path] + layer.outputs] for path, layer in wiring.layers.items()}
    for path, layer in wiring.layers.items():
        if layer.from_data:
            stays[unit[first[path] : first[path] + layer.inputs]] = True
    for path, leaves in wiring.leaving.items():
        stays[rows[path][leaves]] = True
    before = -1
    while before != int(stays.sum()):
        before = int(stays.sum())
        for units in rows.values():
            if bool(stays[units].any()):
                stays[units] = True
    return stays


def _renumbered(unit: Tensor, stays: Tensor) -> tuple[Tensor, int]:
    number = torch.where(stays, NONE, torch.cumsum(~stays, 0) - 1)
    return number[unit], int((~stays).sum())
