"""What flows into and out of layers while the batches pass."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import nn

from prunelab.pruning.criteria.base import Context
from prunelab.pruning.scope import Scope
from prunelab.pruning.scratch import num_examples

Seen = Callable[[str, torch.Tensor, torch.Tensor], None]


def modules_of(network: nn.Module, scope: Scope) -> dict[str, nn.Module]:
    """Parameter name -> the module that it is the weight of."""
    return {name: network.get_submodule(name.rpartition(".")[0]) for name in scope.shapes}


@contextlib.contextmanager
def watched(network: nn.Module, scope: Scope, seen: Seen) -> Iterator[None]:
    """While inside, `seen` is told (parameter name, input, output) of each layer in scope that runs."""

    def hook(name: str) -> Callable[[nn.Module, tuple[torch.Tensor, ...], torch.Tensor], None]:
        return lambda module, inputs, output: seen(name, inputs[0], output)

    handles = [module.register_forward_hook(hook(name)) for name, module in modules_of(network, scope).items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def run(network: nn.Module, scope: Scope, context: Context, seen: Seen) -> None:
    """Pass all batches through `network`, telling `seen` of each layer in scope.

    Raises:
        ValueError: if there are no batches, or a layer in scope never runs as a module of its own.
    """
    num_examples(context)
    ran: set[str] = set()

    def note(name: str, inputs: torch.Tensor, output: torch.Tensor) -> None:
        ran.add(name)
        seen(name, inputs, output)

    with watched(network, scope, note), torch.no_grad():
        for inputs, _ in context.batches:
            network(inputs)
    missing = [name for name in scope.shapes if name not in ran]
    if missing:
        names = ", ".join(missing)
        raise ValueError(f"inputs of {names} are never seen: the network uses the weight without calling its layer; exclude it")


def input_rows(module: nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    """The inputs of a layer as a matrix that its weight, flattened to (outputs, -1), multiplies.

    Returns:
        Shape (groups, inputs of one output, examples x positions); one group but for grouped convolutions.

    Raises:
        ValueError: for a transposed or three-dimensional convolution.
    """
    if isinstance(module, nn.Linear):
        return inputs.flatten(0, -2).T[None]
    if isinstance(module, nn.Conv1d):
        inputs, kernel, options = inputs[:, :, None], (1, *module.kernel_size), _plain_options(module, 1)
    elif isinstance(module, nn.Conv2d):
        kernel, options = module.kernel_size, _plain_options(module, 2)
    else:
        raise ValueError(f"the inputs of a {type(module).__name__} can't be laid out as a matrix; exclude it")
    padded = F.pad(inputs, options[0]) if any(options[0]) else inputs
    columns = F.unfold(padded, kernel, dilation=options[1], stride=options[2])
    grouped = columns.unflatten(1, (module.groups, -1))
    return grouped.permute(1, 2, 0, 3).flatten(2)


def _plain_options(module: nn.Conv1d | nn.Conv2d, dimensions: int) -> tuple[list[int], tuple[int, ...], tuple[int, ...]]:
    """Padding (as F.pad takes it), dilation and stride, in two dimensions."""
    if module.padding_mode != "zeros":
        raise ValueError(f"padding_mode={module.padding_mode!r} can't be laid out as a matrix; exclude the layer")
    pads = list(module._reversed_padding_repeated_twice)  # pyright: ignore[reportPrivateUsage]
    lead = (1,) * (2 - dimensions)
    return pads + [0, 0] * (2 - dimensions), (*lead, *module.dilation), (*lead, *module.stride)
