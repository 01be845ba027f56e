"""Gradients for scoring, on a copy: the model that is scored is never touched."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator

import torch
from torch import nn
from torch.func import functional_call, grad, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from prunelab.pruning import masks as masks_
from prunelab.pruning.criteria.base import Batch, Context, Loss
from prunelab.pruning.scope import Scope

# tensors of a chunk of per-sample gradients take at most this many numbers
_CHUNK_NUMBERS = 2**26


@contextlib.contextmanager
def scratch(model: nn.Module, scope: Scope, context: Context, *, batch_statistics: bool = False) -> Iterator[nn.Module]:
    """A masked copy of `model` whose weights in scope, and nothing else, require gradients.

    In eval mode, so without dropout; the global random state is given back whatever the copy draws.

    Args:
        model: left alone.
        scope: what requires gradients.
        context: the masks.
        batch_statistics: BatchNorm uses the statistics of the batch, as at initialisation it must: it has no others yet.
    """
    network = copy.deepcopy(model).eval().requires_grad_(False)
    masks_.apply(network, context.masks)
    if batch_statistics:
        for module in network.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):  # pyright: ignore[reportPrivateUsage]
                module.train()
    parameters = dict(network.named_parameters())
    for name in scope.shapes:
        parameters[name].requires_grad_(True)
        parameters[name].grad = None
    # of attention only the plain formula can be differentiated twice, and by example
    with torch.random.fork_rng(), torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
        yield network


def scoped(network: nn.Module, scope: Scope) -> dict[str, nn.Parameter]:
    """The parameters of `network` in scope."""
    parameters = dict(network.named_parameters())
    return {name: parameters[name] for name in scope.shapes}


def num_examples(context: Context) -> int:
    """Examples in the context's batches.

    Raises:
        ValueError: if there are none.
    """
    if not context.batches:
        raise ValueError("this criterion looks at data, and there are no batches; see pruning.calibration")
    return sum(len(targets) for _, targets in context.batches)


def batch_gradients(network: nn.Module, scope: Scope, batch: Batch, loss: Loss) -> dict[str, torch.Tensor]:
    """Gradient of the mean loss over one batch, by parameter name."""
    parameters = scoped(network, scope)
    inputs, targets = batch
    found = torch.autograd.grad(loss(network(inputs), targets), list(parameters.values()), allow_unused=True)
    pairs = zip(parameters.items(), found, strict=True)
    return {name: torch.zeros_like(weight) if value is None else value for (name, weight), value in pairs}


def mean_gradients(network: nn.Module, scope: Scope, context: Context) -> dict[str, torch.Tensor]:
    """Gradient of the mean loss over all examples, by parameter name: each batch weighs as many examples as it has."""
    total = {name: torch.zeros_like(weight) for name, weight in scoped(network, scope).items()}
    count = num_examples(context)
    for batch in context.batches:
        for name, value in batch_gradients(network, scope, batch, context.loss).items():
            total[name] += value.detach() * (len(batch[1]) / count)
    return total


def sample_gradients(network: nn.Module, scope: Scope, context: Context) -> Iterator[dict[str, torch.Tensor]]:
    """Gradients of single examples, in chunks: by parameter name, of shape (examples, *parameter)."""
    num_examples(context)
    weights = {name: weight.detach() for name, weight in scoped(network, scope).items()}
    rest = {name: value for name, value in [*network.named_parameters(), *network.named_buffers()] if name not in weights}

    def loss_of(live: dict[str, torch.Tensor], one: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return context.loss(functional_call(network, {**rest, **live}, (one[None],)), target[None])

    each = vmap(grad(loss_of), in_dims=(None, 0, 0))
    chunk = max(1, _CHUNK_NUMBERS // scope.total)
    for inputs, targets in context.batches:
        for few, labels in zip(inputs.split(chunk), targets.split(chunk), strict=True):
            yield {name: value.detach() for name, value in each(weights, few, labels).items()}
