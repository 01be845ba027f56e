"""Statistics of activations."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Literal

import torch
from torch import nn

from prunelab.pruning.activations import run
from prunelab.pruning.criteria.base import Context, Criterion, Scores
from prunelab.pruning.criteria.bn_scale import followed_by_batch_norm
from prunelab.pruning.scope import Scope
from prunelab.pruning.scratch import scratch


@dataclasses.dataclass(frozen=True, kw_only=True)
class Activation(Criterion):
    """How active a filter or neuron is behind its ReLU, over examples and positions.

    - `apoz`: one minus the average percentage of zeros (Hu et al. 2016, eq. 1);
    - `mean`: the mean activation (Molchanov et al. 2017, section 2.2).

    What is looked at is ReLU of the layer's output, behind its BatchNorm where one follows directly.

    Attributes:
        statistic: apoz or mean.
    """

    statistic: Literal["apoz", "mean"] = "apoz"
    needs_batches: ClassVar[bool] = True
    granularities: ClassVar[tuple[str, ...]] = ("filter", "neuron", "coupled")
    scores_units: ClassVar[bool] = True

    def __call__(self, model: nn.Module, scope: Scope, context: Context) -> Scores:
        """See `Criterion`."""
        total: dict[str, torch.Tensor] = {}
        count: dict[str, int] = {}
        with scratch(model, scope, context) as network:
            norms = followed_by_batch_norm(network, scope, dataclasses.replace(context, batches=context.batches[:1]))

            def add(name: str, inputs: torch.Tensor, output: torch.Tensor) -> None:
                active = norms[name](output).relu() if name in norms else output.relu()
                channels = active.movedim(1 if len(scope.shapes[name]) > 2 else -1, 0).flatten(1).double()
                found = (channels > 0).double() if self.statistic == "apoz" else channels
                total[name] = total.get(name, torch.zeros(len(found), dtype=torch.float64)) + found.sum(1).cpu()
                count[name] = count.get(name, 0) + found.shape[1]

            run(network, scope, context, add)
        means = {name: (total[name] / count[name]).float() for name in scope.shapes}
        return {name: means[name].reshape(-1, *[1] * (len(shape) - 1)).expand(shape).clone() for name, shape in scope.shapes.items()}
