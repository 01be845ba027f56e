"""Parts that a method adds to a network's weights, by torch's parametrizations."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn
from torch.nn.utils import parametrize

from prunelab.pruning.masks import Masks

Part = TypeVar("Part", bound=nn.Module)


def register(network: nn.Module, parameter: str, part: nn.Module) -> None:
    """Compute `parameter` by `part` from now on; the parameter itself becomes part's input."""
    owner, _, name = parameter.rpartition(".")
    # unsafe: the part keeps shape and type, which torch would check by calling it
    parametrize.register_parametrization(network.get_submodule(owner), name, part, unsafe=True)


def attached(network: nn.Module, kind: type[Part]) -> dict[str, Part]:
    """Parameter name -> the part that computes it, in order of the network."""
    found: dict[str, Part] = {}
    for path, module in network.named_modules():
        for name, parts in getattr(module, "parametrizations", {}).items() if parametrize.is_parametrized(module) else ():
            first = parts[0]
            if isinstance(first, kind):
                found[f"{path}.{name}" if path else name] = first
    return found


@torch.no_grad()
def detach_all(network: nn.Module, masks: Masks) -> None:
    """Make the weights in force, exactly zero where pruned, plain parameters again."""
    for name in masks:
        owner, _, attribute = name.rpartition(".")
        module = network.get_submodule(owner)
        parametrize.remove_parametrizations(module, attribute, leave_parametrized=True)
        module.get_parameter(attribute).masked_fill_(~masks[name].to(module.get_parameter(attribute).device), 0.0)
