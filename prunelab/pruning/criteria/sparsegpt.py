"""SparseGPT: layer-wise optimal brain surgeon."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import torch
from torch import nn

from prunelab.pruning.activations import input_rows, modules_of, run
from prunelab.pruning.apportion import apportion
from prunelab.pruning.criteria.base import Context, Criterion, Scores
from prunelab.pruning.masks import Masks
from prunelab.pruning.scope import Scope
from prunelab.pruning.scratch import scratch
from prunelab.pruning.topk import keep_top


@dataclasses.dataclass(frozen=True, kw_only=True)
class SparseGPT(Criterion):
    r"""Reconstruct each layer's outputs column by column (Frantar & Alistarh 2023, algorithm 1).

    With H = 2 X X' + damping of a layer's inputs X and U the upper Cholesky factor of its inverse, weight (r, j) has the
    saliency :math:`w_{rj}^2 / U_{jj}^2`; columns are swept in order, and the error of what goes is spread over the columns
    after it. Layers follow each other: each sees the inputs that the pruned layers before it give.

    How many weights a tensor keeps is the allocation's matter. Which ones, among single weights, is chosen block by block
    on the way, each block of columns giving an equal share; of coarser units and n:m patterns the choice is made before the
    sweep.

    Attributes:
        block_size: columns of a block; the choice within a block ignores how its own weights make up for each other, so it
            should be well below the inputs of a layer.
        damping: added to the diagonal of H, as a fraction of its mean.
    """

    block_size: int = 128
    damping: float = 0.01
    needs_batches: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.block_size < 1 or self.damping <= 0:
            raise ValueError(f"sparsegpt needs block_size >= 1 and damping > 0, not {self.block_size} and {self.damping}")

    def __call__(self, model: nn.Module, scope: Scope, context: Context) -> Scores:
        """See `Criterion`."""
        return self.solve(model, scope, context).scores

    def solve(self, model: nn.Module, scope: Scope, context: Context) -> Reconstruction:
        """See `Compensating`."""
        with scratch(model, scope, context) as network:
            products = input_products(network, scope, context)
            factors = {name: inverse_factor(product, self.damping) for name, product in products.items()}
            rows = {name: _rows(weight, len(factors[name])) for name, weight in scope.weights(network).items()}
            scores = {
                name: (_without_dead(rows[name], products[name]) / factor.diagonal(dim1=1, dim2=2)[:, None])
                .square()
                .reshape(scope.shapes[name])
                for name, factor in factors.items()
            }
        return Reconstruction(method=self, model=model, scope=scope, context=context, scores=scores)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reconstruction:
    """Scores and update of `SparseGPT`."""

    method: SparseGPT
    model: nn.Module
    scope: Scope
    context: Context
    scores: Scores

    def update(self, masks: Masks, *, free: bool) -> tuple[Masks, dict[str, torch.Tensor]]:
        """See `Compensation`."""
        made = dict(masks)
        with scratch(self.model, self.scope, self.context) as network:
            weights = self.scope.weights(network)
            for name, shape in self.scope.shapes.items():
                alone = dataclasses.replace(self.scope, shapes={name: shape})
                product = input_products(network, alone, self.context)[name]
                factor = inverse_factor(product, self.method.damping)
                held = _without_dead(_rows(weights[name], len(factor)), product)
                keep, before = (_rows(mask.cpu(), len(factor)) for mask in (masks[name], self.context.masks[name]))
                swept, kept = zip(*(self._sweep(*parts, free=free) for parts in zip(held, keep, before, factor, strict=True)), strict=True)
                made[name] = torch.stack(kept).reshape(shape)
                weights[name].copy_(torch.stack(swept).reshape(shape))  # what the layers behind it see
        return made, weights

    def _sweep(
        self, held: torch.Tensor, keep: torch.Tensor, before: torch.Tensor, factor: torch.Tensor, *, free: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """One matrix (rows, columns): the weights that are left, and where."""
        held, keep = (held * before).clone(), keep.clone()
        columns, size = held.shape[1], self.method.block_size
        blocks = [slice(start, min(start + size, columns)) for start in range(0, columns, size)]
        left = {str(i): int(before[:, block].sum()) for i, block in enumerate(blocks)}
        counts = apportion(int(keep.sum()), {name: float(n) for name, n in left.items()}, left)
        for i, block in enumerate(blocks):
            if free:
                saliency = (held[:, block] / factor[block, block].diagonal()).square().masked_fill(~before[:, block], -torch.inf)
                keep[:, block] = keep_top(saliency.flatten(), counts[str(i)]).reshape(saliency.shape)
            errors = torch.zeros_like(held[:, block])
            for j in range(block.start, block.stop):
                error = held[:, j].masked_fill(keep[:, j], 0.0) / factor[j, j]
                held[:, j : block.stop] -= error[:, None] * factor[j, j : block.stop]
                errors[:, j - block.start] = error
            held[:, block.stop :] -= errors @ factor[block, block.stop :]
        return held.masked_fill(~keep, 0.0), keep


def input_products(network: nn.Module, scope: Scope, context: Context) -> dict[str, torch.Tensor]:
    """2 X X' of each layer's inputs, shape (groups, inputs, inputs), doubles on the CPU."""
    products: dict[str, torch.Tensor] = {}
    modules = modules_of(network, scope)

    def add(name: str, inputs: torch.Tensor, output: torch.Tensor) -> None:
        rows = input_rows(modules[name], inputs).double()
        found = 2 * (rows @ rows.transpose(1, 2)).cpu()
        products[name] = products[name] + found if name in products else found

    run(network, scope, context, add)
    return products


def inverse_factor(product: torch.Tensor, damping: float) -> torch.Tensor:
    """Upper Cholesky factor U of the inverse, H^-1 = U'U, of (groups, inputs, inputs), damped; dead inputs stand alone."""
    diagonal = product.diagonal(dim1=1, dim2=2)
    dead = diagonal == 0
    mean = diagonal.mean(1, keepdim=True)
    damped = product + torch.diag_embed(dead.double() + damping * torch.where(mean > 0, mean, torch.ones_like(mean)))
    return torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(damped)), upper=True)


def _rows(tensor: torch.Tensor, groups: int) -> torch.Tensor:
    """A parameter as (groups, rows of a group, inputs); weights as doubles on the CPU."""
    flat = tensor.detach().cpu().flatten(1)
    return (flat if flat.dtype == torch.bool else flat.double()).unflatten(0, (groups, -1))


def _without_dead(rows: torch.Tensor, product: torch.Tensor) -> torch.Tensor:
    """Weights on inputs that are always zero do nothing: they are zero, and the first to go."""
    return rows.masked_fill(product.diagonal(dim1=1, dim2=2)[:, None] == 0, 0.0)
