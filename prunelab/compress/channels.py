"""Dead channels and neurons of CNNs and MLPs taken out of their tensors."""

from __future__ import annotations

import collections
import copy

import torch
from torch import Tensor, nn

from prunelab.compress.liveness import Stuck, fold_constants, read_inputs
from prunelab.compress.report import Report, Stays
from prunelab.models.coupling import NONE, Units, units_of
from prunelab.models.resnet import BasicBlock, PaddingShortcut
from prunelab.models.wiring import Layer, Wiring, wiring_of


def remove_channels(network: nn.Module, example: Tensor) -> Report:
    """Remove from `network`, in place, the channels that nobody reads once constants are folded.

    Args:
        network: with the masks applied.
        example: inputs.

    Raises:
        ValueError: if its channels can't be followed.
    """
    wiring = wiring_of(network, example)
    units = units_of(wiring)
    exact = copy.deepcopy(network).double().eval()
    stuck = fold_constants(exact, wiring, example[:2].double())
    gone = ~_read(exact, wiring, units)
    lasts = _lasts(wiring, units, gone)
    for path, layer in wiring.layers.items():
        rows, columns = (_stays(part[path], gone) for part in (units.outputs, units.inputs))
        _shrink(network.get_submodule(path), exact.get_submodule(path), layer, rows, columns)
    _fit_shortcuts(network)
    held = [*_held(stuck, units, gone), *(Stays(layer=path, units=1, reason="the last channel of its layer") for path in lasts)]
    number = int(gone.sum())
    return Report(asked=number + sum(item.units for item in held), gone=number, stays=tuple(held))


def _read(network: nn.Module, wiring: Wiring, units: Units) -> Tensor:
    """Which units some output of the network depends on, shape (units,)."""
    read = torch.zeros(units.num_units, dtype=torch.bool)
    for path, flags in read_inputs(network, wiring).items():
        found = units.inputs[path][flags]
        read[found[found != NONE]] = True
    return read


def _lasts(wiring: Wiring, units: Units, gone: Tensor) -> list[str]:
    """Take back the removal of one unit of each layer that would be left without; returns those layers."""
    found: list[str] = []
    for path in wiring.layers:
        for side in (units.inputs[path], units.outputs[path]):
            if not bool(_stays(side, gone).any()):
                gone[side[0]] = False
                found.append(path)
    return found


def _stays(units: Tensor, gone: Tensor) -> Tensor:
    return (units == NONE) | ~gone[units.clamp_min(0)] if len(gone) else units == NONE


def _held(stuck: list[Stuck], units: Units, gone: Tensor) -> list[Stays]:
    """What is stuck, each unit once."""
    seen: set[int] = set()
    counts: collections.Counter[tuple[str, str]] = collections.Counter()
    for item in stuck:
        fresh = {int(unit) for unit in units.inputs[item.layer][item.inputs] if unit != NONE and not gone[unit]} - seen
        seen |= fresh
        counts[item.layer, item.reason] += len(fresh)
    return [Stays(layer=layer, units=number, reason=reason) for (layer, reason), number in counts.items() if number]


@torch.no_grad()
def _shrink(module: nn.Module, exact: nn.Module, layer: Layer, rows: Tensor, columns: Tensor) -> None:
    """Give `module` the rows and columns of `exact` that stay."""
    if isinstance(module, nn.modules.batchnorm._BatchNorm):
        for name in ("weight", "bias", "running_mean", "running_var"):
            _replace(module, exact, name, rows)
        module.num_features = int(rows.sum())
        return
    _replace(module, exact, "weight", rows, columns if layer.groups == 1 else None)
    _replace(module, exact, "bias", rows)
    kept = int(rows.sum()), int(columns.sum())
    if isinstance(module, nn.Linear):
        module.out_features, module.in_features = kept
        return
    assert isinstance(module, nn.modules.conv._ConvNd)
    module.out_channels, module.in_channels = kept
    module.groups = kept[1] // (layer.inputs // layer.groups) if layer.groups > 1 else 1


def _replace(module: nn.Module, exact: nn.Module, name: str, rows: Tensor, columns: Tensor | None = None) -> None:
    new, old = getattr(exact, name), getattr(module, name)
    if new is None:
        return
    new = new[rows.to(new.device)]
    if columns is not None:
        new = new[:, columns.to(new.device)]
    like = old if isinstance(old, Tensor) else module.get_parameter("weight")
    new = new.detach().to(like.dtype).clone()
    if isinstance(like, nn.Parameter):
        new = nn.Parameter(new, requires_grad=like.requires_grad)
    setattr(module, name, new)


def _fit_shortcuts(network: nn.Module) -> None:
    """Shortcuts that fill up with zeros make as many channels as the branch beside them."""
    for block in network.modules():
        if isinstance(block, BasicBlock) and isinstance(block.shortcut, PaddingShortcut):
            block.shortcut.missing = block.conv2.out_channels - block.conv1.in_channels
