"""Optimal brain surgeon with a block-diagonal empirical Fisher."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import nn

from prunelab.pruning.criteria.base import Context, Criterion, Scores
from prunelab.pruning.masks import Masks
from prunelab.pruning.scope import Scope
from prunelab.pruning.scratch import num_examples, sample_gradients, scratch


@dataclasses.dataclass(frozen=True, kw_only=True)
class OBS(Criterion):
    r"""Optimal brain surgeon (Hassibi & Stork 1993) in the form of WoodFisher (Singh & Alistarh 2020, eqs. 6 and 7).

    .. math:: s_i = \frac{w_i^2}{2 [F^{-1}]_{ii}}, \qquad F = \lambda I + \frac{1}{N} \sum_n g_n g_n^T

    with F in blocks of consecutive weights of one tensor. The weights Q that go are made up for by those that stay of their
    block, all at once: :math:`\delta w = - F^{-1}_{:,Q} (F^{-1}_{QQ})^{-1} w_Q`, of which the published update is the case of
    a single weight. Memory is 8 bytes x weights x block_size.

    Attributes:
        block_size: weights of a block.
        damping: lambda.
    """

    block_size: int = 64
    damping: float = 1e-5
    needs_batches: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.block_size < 1 or self.damping <= 0:
            raise ValueError(f"obs needs block_size >= 1 and damping > 0, not {self.block_size} and {self.damping}")

    def __call__(self, model: nn.Module, scope: Scope, context: Context) -> Scores:
        """See `Criterion`."""
        return self.solve(model, scope, context).scores

    def solve(self, model: nn.Module, scope: Scope, context: Context) -> Surgery:
        """See `Compensating`."""
        count = num_examples(context)
        blocks = {name: math.ceil(size / self.block_size) for name, size in scope.sizes.items()}
        fisher = {name: torch.zeros(n, self.block_size, self.block_size, dtype=torch.float64) for name, n in blocks.items()}
        with scratch(model, scope, context) as network:
            for few in sample_gradients(network, scope, context):
                for name, value in few.items():
                    # a weight that is gone has no gradient: it takes no part in making up for others
                    gradients = self._in_blocks((value * context.masks[name].to(value.device)).flatten(1)).transpose(0, 1)
                    # doubles in the order that the product reads them in, by one copy
                    each = gradients.to("cpu", torch.float64, memory_format=torch.contiguous_format)
                    fisher[name].baddbmm_(each.transpose(1, 2), each, alpha=1 / count)
        eye = torch.eye(self.block_size, dtype=torch.float64)
        inverse = {name: torch.cholesky_inverse(torch.linalg.cholesky(f + self.damping * eye)) for name, f in fisher.items()}
        weights = {name: weight.cpu().double().mul(context.masks[name]) for name, weight in scope.weights(model).items()}
        return Surgery(weights=weights, inverse=inverse, before=context.masks, dtype=next(model.parameters()).dtype)

    def _in_blocks(self, flat: torch.Tensor) -> torch.Tensor:
        return _in_blocks(flat, self.block_size)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Surgery:
    """Scores and update of `OBS`.

    Attributes:
        weights: before, zero where pruned.
        inverse: inverse Fisher of each tensor, shape (blocks, block, block).
        before: masks before.
        dtype: of the model's weights.
    """

    weights: dict[str, torch.Tensor]
    inverse: dict[str, torch.Tensor]
    before: Masks
    dtype: torch.dtype

    @property
    def scores(self) -> Scores:
        """See `Compensation`."""
        diagonal = {name: inverse.diagonal(dim1=1, dim2=2).flatten()[: w.numel()] for (name, inverse), w in self._pairs()}
        return {name: weight.square() / (2 * diagonal[name].reshape(weight.shape)) for name, weight in self.weights.items()}

    def update(self, masks: Masks, *, free: bool) -> tuple[Masks, dict[str, torch.Tensor]]:
        """See `Compensation`."""
        return masks, {name: self._updated(name, mask).to(self.dtype) for name, mask in masks.items()}

    def _pairs(self) -> list[tuple[tuple[str, torch.Tensor], torch.Tensor]]:
        return [((name, inverse), self.weights[name]) for name, inverse in self.inverse.items()]

    def _updated(self, name: str, mask: torch.Tensor) -> torch.Tensor:
        weight, inverse = self.weights[name], self.inverse[name]
        size = inverse.shape[-1]
        gone = _in_blocks((self.before[name] & ~mask).flatten()[None].double(), size)[0]
        held = _in_blocks(weight.flatten()[None], size)[0]
        # the system of the weights that go, and the identity for all others
        system = inverse * gone[:, :, None] * gone[:, None, :] + torch.diag_embed(1 - gone)
        multipliers = torch.linalg.solve(system, (held * gone)[..., None]) * gone[..., None]
        updated = held - (inverse @ multipliers).squeeze(-1)
        return updated.flatten()[: weight.numel()].reshape(weight.shape).masked_fill(~mask, 0.0)


def _in_blocks(flat: torch.Tensor, size: int) -> torch.Tensor:
    """(rows, weights) -> (rows, blocks, size), the last block filled up with zeros."""
    missing = -flat.shape[1] % size
    return (F.pad(flat, (0, missing)) if missing else flat).unflatten(1, (-1, size))
