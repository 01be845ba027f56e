"""Optimal brain damage."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Literal

import torch
from torch import nn

from prunelab.pruning.criteria.base import Context, Criterion, Scores
from prunelab.pruning.scope import Scope
from prunelab.pruning.scratch import num_examples, sample_gradients, scoped, scratch


@dataclasses.dataclass(frozen=True, kw_only=True)
class OBD(Criterion):
    r"""Optimal brain damage, :math:`s = \tfrac{1}{2} h_{ii} w_i^2` (LeCun et al. 1990, eq. 2).

    The diagonal h of the Hessian of the mean loss comes from

    - `fisher`: the empirical Fisher, the mean over examples of the squared gradient of each;
    - `gauss_newton`: the Gauss-Newton diagonal for cross-entropy: gradients of the log-likelihood of labels drawn from the
      network's own outputs, squared and averaged;
    - `hutchinson`: the mean of z * Hz over random signs z, exact in the limit of many samples; can be negative.

    Attributes:
        hessian: which diagonal.
        samples: sign vectors a batch (hutchinson) or labels drawn an example (gauss_newton).
    """

    hessian: Literal["fisher", "gauss_newton", "hutchinson"] = "fisher"
    samples: int = 4
    needs_batches: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise ValueError(f"obd.samples = {self.samples} must be at least 1")

    def __call__(self, model: nn.Module, scope: Scope, context: Context) -> Scores:
        """See `Criterion`."""
        with scratch(model, scope, context) as network:
            diagonal = {"fisher": fisher, "gauss_newton": self._gauss_newton, "hutchinson": self._hutchinson}[self.hessian]
            found = diagonal(network, scope, context)
            return {name: 0.5 * found[name] * weight.detach().square() for name, weight in scoped(network, scope).items()}

    def _gauss_newton(self, network: nn.Module, scope: Scope, context: Context) -> Scores:
        drawn = []
        for inputs, _ in context.batches:
            with torch.no_grad():
                likely = network(inputs).softmax(-1).cpu()
            for _ in range(self.samples):
                labels = torch.multinomial(likely, 1, generator=context.generator).squeeze(-1)
                drawn.append((inputs, labels.to(inputs.device)))
        return fisher(network, scope, dataclasses.replace(context, batches=drawn))

    def _hutchinson(self, network: nn.Module, scope: Scope, context: Context) -> Scores:
        weights, count = scoped(network, scope), num_examples(context)
        total = {name: torch.zeros_like(weight) for name, weight in weights.items()}
        for inputs, targets in context.batches:
            loss = context.loss(network(inputs), targets)
            gradient = torch.autograd.grad(loss, list(weights.values()), create_graph=True, materialize_grads=True)
            for _ in range(self.samples):
                signs = [_signs(weight, context.generator) for weight in weights.values()]
                product = torch.autograd.grad(gradient, list(weights.values()), signs, retain_graph=True, materialize_grads=True)
                for name, sign, value in zip(weights, signs, product, strict=True):
                    total[name] += sign * value * (len(targets) / count / self.samples)
        return total


def fisher(network: nn.Module, scope: Scope, context: Context) -> Scores:
    """Diagonal of the empirical Fisher: the mean of squared gradients of single examples."""
    count = num_examples(context)
    total = {name: torch.zeros_like(weight) for name, weight in scoped(network, scope).items()}
    for few in sample_gradients(network, scope, context):
        for name, value in few.items():
            total[name] += value.square().sum(0) / count
    return total


def _signs(like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    drawn = torch.randint(0, 2, like.shape, generator=generator, dtype=like.dtype)
    return (2 * drawn - 1).to(like.device)
