"""Networks, data and losses small enough to work out by hand, in doubles."""

from __future__ import annotations

import torch
from torch import nn

from prunelab.pruning import masks
from prunelab.pruning.allocations.global_ import Global
from prunelab.pruning.criteria.base import Context
from prunelab.pruning.granularities.weight import Weight
from prunelab.pruning.prune import prune
from prunelab.pruning.scope import scope_of

# the Hessian of the worked examples
A = torch.tensor([[2.0, 1.0], [1.0, 3.0]], dtype=torch.float64)


def tensor(values) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def linear(*layers) -> nn.Sequential:
    """Linear layers without biases, of the weights given."""
    made = [nn.Linear(len(rows[0]), len(rows), bias=False, dtype=torch.float64) for rows in layers]
    for module, rows in zip(made, layers, strict=True):
        module.weight.data = tensor(rows)
    return nn.Sequential(*made)


def seeded(build, seed: int = 0):
    """A module of doubles, its parameters drawn from one seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build().double()


def half_squares(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean over examples of (y - t)^2 / 2; of targets 0 and a linear network w'Aw / 2 with A the mean of xx'."""
    return (outputs.squeeze(-1) - targets).square().mean() / 2


def products(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean over examples of y t: of a linear network each example's gradient is t x, whatever the weights."""
    return (outputs.squeeze(-1) * targets).mean()


def with_second_moment(matrix: torch.Tensor) -> torch.Tensor:
    """As many examples as the matrix has rows, whose mean of xx' is the matrix."""
    return torch.linalg.cholesky(matrix).T * len(matrix) ** 0.5


def context_of(model, batches=(), *, loss=nn.functional.cross_entropy, before=None, seed=0, scope=None) -> Context:
    left = masks.ones(scope or scope_of(model)) | (before or {})
    return Context(generator=torch.Generator().manual_seed(seed), masks=left, batches=batches, loss=loss)


def scores_of(criterion, model, batches=(), *, scope=None, **options):
    return criterion(model, scope or scope_of(model), context_of(model, batches, scope=scope, **options))


def pruned(criterion, model, density, batches=(), *, allocation=None, granularity=None, scope=None, rounds=1, inverted=False, **options):
    return prune(
        model,
        scope=scope or scope_of(model),
        criterion=criterion,
        allocation=allocation or Global(),
        granularity=granularity or Weight(),
        density=density,
        context=context_of(model, batches, scope=scope, **options),
        rounds=rounds,
        inverted=inverted,
    )
