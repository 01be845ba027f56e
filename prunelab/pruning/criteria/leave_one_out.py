"""Leave one out: what the loss becomes without a unit."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import torch

from prunelab.pruning.criteria.base import Context, Criterion, Scores
from prunelab.pruning.masks import pass_by_empty_layers
from prunelab.pruning.scope import Scope
from prunelab.pruning.scratch import num_examples, scoped, scratch


@dataclasses.dataclass(frozen=True, kw_only=True)
class LeaveOneOut(Criterion):
    r"""The rise of the mean loss when a unit alone is removed (Michel et al. 2019, section 3.2; Voita et al. 2019).

    .. math:: s_u = L(w \odot m_{-u}) - L(w)

    One pass over the examples for each unit: for heads and layers, of which there are few.
    """

    needs_batches: ClassVar[bool] = True
    granularities: ClassVar[tuple[str, ...]] = ("head", "layer")
    scores_units: ClassVar[bool] = True

    @torch.no_grad()
    def __call__(self, model: torch.nn.Module, scope: Scope, context: Context) -> Scores:
        """See `Criterion`."""
        scores: Scores = {}
        count = num_examples(context)
        with scratch(model, scope, context) as network, torch.no_grad():
            weights = scoped(network, scope)

            def loss() -> float:
                pass_by_empty_layers(network)
                each = (float(context.loss(network(inputs), targets)) * len(targets) for inputs, targets in context.batches)
                return sum(each) / count

            whole = loss()
            for group in context.units.values():
                index = {name: unit.expand(scope.shapes[name]) for name, unit in group.members.items()}
                rise = torch.zeros(group.num_units)
                for unit in range(group.num_units):
                    if not any(bool(context.masks[name][index[name] == unit].any()) for name in index):
                        continue
                    before = {name: weights[name].clone() for name in index}
                    for name in index:
                        weights[name][index[name].to(weights[name].device) == unit] = 0.0
                    rise[unit] = loss() - whole
                    for name, weight in before.items():
                        weights[name].copy_(weight)
                scores |= {name: rise[index[name]] for name in index}
        return scores
