"""From an optimizer's description to torch's."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch.optim import SGD, Adam, AdamW, Optimizer

from prunelab.training.spec import OptimizerSpec


def build_optimizer(spec: OptimizerSpec, parameters: Iterable[torch.nn.Parameter]) -> Optimizer:
    """The optimizer, fused: one kernel for all parameters, which is the fastest form on CPUs and GPUs."""
    parameters = list(parameters)
    if spec.name == "sgd":
        return SGD(parameters, spec.lr, momentum=spec.momentum, nesterov=spec.nesterov, weight_decay=spec.weight_decay, fused=True)
    kind = Adam if spec.name == "adam" else AdamW
    betas = (spec.beta1, spec.beta2)
    return kind(parameters, spec.lr, betas=betas, eps=spec.eps, weight_decay=spec.weight_decay, fused=True)
