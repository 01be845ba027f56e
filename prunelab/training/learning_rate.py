"""The learning rate, a pure function of the step."""

from __future__ import annotations

import math
from collections.abc import Callable

from prunelab.training.spec import TrainSpec

_PEAK = 0.3  # one_cycle: share of training spent going up
_START, _END = 1 / 25, 1e-4  # one_cycle: first and last learning rate over the base


def learning_rate(spec: TrainSpec) -> Callable[[int], float]:
    """The function from global step to learning rate.

    With `constant_lr` it is the last step's rate throughout, which is what fine-tuning uses (Renda et al. 2020).
    """
    optimizer, total = spec.optimizer, spec.total_steps
    warmup = spec.resolve(optimizer.warmup)
    milestones = sorted(spec.resolve(step) for step in optimizer.milestones)

    def shape(step: int) -> float:
        if optimizer.schedule == "step":
            return optimizer.gamma ** sum(step >= milestone for milestone in milestones)
        if optimizer.schedule == "cosine":
            return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(total - warmup, 1)))
        if optimizer.schedule == "one_cycle":
            return _one_cycle(step / max(total - 1, 1))
        return 1.0

    def rate(step: int) -> float:
        if step < warmup:
            return optimizer.lr * (step + 1) / warmup
        return optimizer.lr * shape(step)

    if spec.constant_lr:
        last = rate(max(total - 1, 0))
        return lambda step: last
    return rate


def _one_cycle(progress: float) -> float:
    """Cosine up from 1/25 to 1, then cosine down to 1e-4 (Smith & Topin 2018)."""
    if progress < _PEAK:
        return _between(_START, 1.0, progress / _PEAK)
    return _between(1.0, _END, (progress - _PEAK) / (1 - _PEAK))


def _between(start: float, end: float, share: float) -> float:
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * share))
