"""The training loss: cross-entropy, and what a study adds to it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

Penalty = Callable[[nn.Module], torch.Tensor]


@dataclasses.dataclass(kw_only=True)
class Objective:
    r"""The loss of a batch.

    .. math:: (1 - a) \, CE(z, y) + a \, T^2 \, KL(\mathrm{softmax}(t / T) \,\|\, \mathrm{softmax}(z / T)) + \sum_p p

    with logits z of the network and t of the teacher (Hinton et al. 2015, section 2), and penalties p.

    Attributes:
        label_smoothing: of the cross-entropy.
        teacher: the network whose outputs are learned, in eval mode; None without distillation.
        distillation: its share a, in [0, 1].
        temperature: T.
        batch_norm_l1: times the sum of the absolute scales of all BatchNorm layers (Liu et al. 2017, eq. 1); 0 is off.
        penalties: further terms.
    """

    label_smoothing: float = 0.0
    teacher: nn.Module | None = None
    distillation: float = 0.0
    temperature: float = 4.0
    batch_norm_l1: float = 0.0
    penalties: tuple[Penalty, ...] = ()

    def __call__(self, model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The loss of a batch, a scalar: inputs (batch, ...), targets (batch,)."""
        outputs = model(inputs)
        loss = F.cross_entropy(outputs, targets, label_smoothing=self.label_smoothing)
        if self.teacher is not None:
            loss = (1 - self.distillation) * loss + self.distillation * self._imitation(outputs, inputs)
        if self.batch_norm_l1:
            scales = [module.weight for module in model.modules() if isinstance(module, _BatchNorm) and module.affine]
            loss = loss + self.batch_norm_l1 * sum(scale.abs().sum() for scale in scales)
        for penalty in self.penalties:
            loss = loss + penalty(model)
        return loss

    def to(self, device: torch.device) -> None:
        """Move the teacher."""
        if self.teacher is not None:
            self.teacher.to(device)

    def _imitation(self, outputs: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
        assert self.teacher is not None
        with torch.no_grad():
            wanted = F.log_softmax(self.teacher(inputs) / self.temperature, dim=-1)
        found = F.log_softmax(outputs / self.temperature, dim=-1)
        return self.temperature**2 * F.kl_div(found, wanted, reduction="batchmean", log_target=True)
