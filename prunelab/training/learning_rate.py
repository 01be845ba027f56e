"""The learning rate, a pure function of the step."""

from __future__ import annotations

import math

from prunelab.training.spec import TrainSpec

_PEAK = 0.3  # one_cycle: share of training spent going up
_START, _END = 1 / 25, 1e-4  # one_cycle: first and last learning rate over the base


class LearningRate:
    """From global step to learning rate.

    With `constant_lr` it is the last step's rate throughout, which is what fine-tuning uses (Renda et al. 2020).
    """

    def __init__(self, spec: TrainSpec) -> None:
        self.optimizer, self.total, self.constant = spec.optimizer, spec.total_steps, spec.constant_lr
        self.warmup = spec.resolve(spec.optimizer.warmup)
        self.milestones = sorted(spec.resolve(step) for step in spec.optimizer.milestones)

    def __call__(self, step: int) -> float:
        """The learning rate of step `step`, counted from 0."""
        step = max(self.total - 1, 0) if self.constant else step
        if step < self.warmup:
            return self.optimizer.lr * (step + 1) / self.warmup
        return self.optimizer.lr * self._shape(step)

    def _shape(self, step: int) -> float:
        if self.optimizer.schedule == "step":
            return self.optimizer.gamma ** sum(step >= milestone for milestone in self.milestones)
        if self.optimizer.schedule == "cosine":
            return 0.5 * (1 + math.cos(math.pi * (step - self.warmup) / max(self.total - self.warmup, 1)))
        if self.optimizer.schedule == "one_cycle":
            return _one_cycle(step / max(self.total - 1, 1))
        return 1.0


def _one_cycle(progress: float) -> float:
    """Cosine up from 1/25 to 1, then cosine down to 1e-4 (Smith & Topin 2018)."""
    if progress < _PEAK:
        return _between(_START, 1.0, progress / _PEAK)
    return _between(1.0, _END, (progress - _PEAK) / (1 - _PEAK))


def _between(start: float, end: float, share: float) -> float:
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * share))
