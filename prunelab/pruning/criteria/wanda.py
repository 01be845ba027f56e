"""Wanda."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Literal

import torch
from torch import nn

from prunelab.pruning.activations import input_rows, modules_of, run
from prunelab.pruning.criteria.base import Context, Criterion, Scores
from prunelab.pruning.scope import Scope
from prunelab.pruning.scratch import scratch


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wanda(Criterion):
    r"""Weight times the norm of its input, :math:`|W_{ij}| \cdot \lVert X_j \rVert_2`, within output rows (Sun et al. 2024, eq. 1).

    Products are comparable within a row only, so what is returned is the rank of a weight among those left of its row, as a
    fraction: whatever the allocation asks of a tensor, its rows give equally. Any n:m pattern has the same order as the
    products.

    Attributes:
        within: `row` as published, or `layer` for the products themselves (an ablation of the paper).
    """

    within: Literal["row", "layer"] = "row"
    needs_batches: ClassVar[bool] = True
    granularities: ClassVar[tuple[str, ...]] = ("weight", "n:m")

    def __call__(self, model: nn.Module, scope: Scope, context: Context) -> Scores:
        """See `Criterion`."""
        norms: Scores = {}
        with scratch(model, scope, context) as network:
            modules = modules_of(network, scope)

            def add(name: str, inputs: torch.Tensor, output: torch.Tensor) -> None:
                squares = input_rows(modules[name], inputs).double().square().sum(-1)
                norms[name] = norms[name] + squares if name in norms else squares

            run(network, scope, context, add)
        return {name: self._scores(weight, norms[name].sqrt(), context.masks[name]) for name, weight in scope.weights(model).items()}

    def _scores(self, weight: torch.Tensor, norms: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        rows = weight.flatten(1).abs().double().unflatten(0, (len(norms), -1))  # (groups, rows of a group, inputs)
        products = (rows * norms[:, None]).flatten(0, 1)
        if self.within == "layer":
            return products.reshape(weight.shape)
        left = mask.to(weight.device).flatten(1)
        # a position k of n counted from the best is (n - k) / n: in any two rows the same fraction is above a score
        order = products.masked_fill(~left, -torch.inf).argsort(dim=1, descending=True, stable=True)
        place = torch.empty_like(order).scatter_(1, order, torch.arange(order.shape[1], device=order.device).expand_as(order))
        return (1.0 - place / order.shape[1]).reshape(weight.shape)
