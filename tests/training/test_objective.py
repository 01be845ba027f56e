"""The training loss, by hand."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from prunelab.training.objective import Objective


class Constant(nn.Module):
    """Logits that do not depend on the input."""

    def __init__(self, *logits: float) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits))

    def forward(self, inputs):
        return self.logits.expand(len(inputs), -1)


INPUTS, TARGETS = torch.zeros(3, 1), torch.tensor([0, 1, 1])


def test_without_options_it_is_the_cross_entropy():
    assert Objective()(Constant(2.0, 1.0), INPUTS, TARGETS) == F.cross_entropy(torch.tensor([[2.0, 1.0]] * 3), TARGETS)


def test_distillation_by_hand():
    """Student (0, 0), teacher (T ln 3, 0): at temperature T the teacher says 3/4, 1/4 and the student 1/2, 1/2."""
    temperature = 4.0
    teacher = Constant(temperature * torch.tensor(3.0).log().item(), 0.0)
    objective = Objective(teacher=teacher, distillation=1.0, temperature=temperature)
    divergence = 0.75 * torch.tensor(1.5).log() + 0.25 * torch.tensor(0.5).log()
    assert objective(Constant(0.0, 0.0), INPUTS, TARGETS).item() == pytest.approx(temperature**2 * divergence.item(), rel=1e-5)
    half = Objective(teacher=teacher, distillation=0.25, temperature=temperature)(Constant(0.0, 0.0), INPUTS, TARGETS).item()
    assert half == pytest.approx(0.25 * temperature**2 * divergence.item() + 0.75 * torch.tensor(2.0).log().item(), rel=1e-5)


def test_a_student_like_its_teacher_has_nothing_to_learn_and_the_teacher_never_learns():
    student, teacher = Constant(1.0, -1.0), Constant(1.0, -1.0)
    Objective(teacher=teacher, distillation=1.0)(student, INPUTS, TARGETS).backward()
    assert student.logits.grad.abs().max() < 1e-6
    assert teacher.logits.grad is None


def test_batch_norm_l1_is_the_sum_of_absolute_scales():
    model = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 2))
    model[0].weight.data = torch.tensor([0.5, -2.0])
    inputs = torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]])
    plain, with_term = (Objective(batch_norm_l1=factor)(model, inputs, TARGETS).item() for factor in (0.0, 0.1))
    assert with_term - plain == pytest.approx(0.25, rel=1e-4)
