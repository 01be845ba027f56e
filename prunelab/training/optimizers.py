"""From an optimizer's description to torch's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.optim import SGD, Adam, AdamW, Optimizer

from prunelab.training.spec import OptimizerSpec


def build_optimizer(
    spec: OptimizerSpec, parameters: Mapping[str, torch.nn.Parameter], factor: Callable[[str], float] | None = None
) -> Optimizer:
    """The optimizer, fused: one kernel for all parameters, which is the fastest form on CPUs and GPUs.

    Args:
        spec: kind and settings.
        parameters: what is trained, by name.
        factor: of a parameter's learning rate, by name; parameters of one factor are a group, which keeps it as `factor`.
    """
    by_factor: dict[float, list[torch.nn.Parameter]] = {}
    for name, parameter in parameters.items():
        by_factor.setdefault(factor(name) if factor else 1.0, []).append(parameter)
    groups: list[dict[str, Any]] = [{"params": members, "factor": value} for value, members in by_factor.items()]
    if spec.name == "sgd":
        return SGD(groups, spec.lr, momentum=spec.momentum, nesterov=spec.nesterov, weight_decay=spec.weight_decay, fused=True)
    kind = Adam if spec.name == "adam" else AdamW
    betas = (spec.beta1, spec.beta2)
    return kind(groups, spec.lr, betas=betas, eps=spec.eps, weight_decay=spec.weight_decay, fused=True)
