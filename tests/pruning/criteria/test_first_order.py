"""Criteria of one gradient: gradient, SNIP, Taylor, movement."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from prunelab.pruning.criteria.gradient import Gradient
from prunelab.pruning.criteria.movement import Movement
from prunelab.pruning.criteria.snip import SNIP
from prunelab.pruning.criteria.taylor import Taylor
from prunelab.pruning.granularities.filter import Filter
from prunelab.pruning.granularities.neuron import Neuron
from prunelab.pruning.scope import Scope
from tests.pruning.toys import half_squares, linear, products, pruned, scores_of, seeded, tensor

# of `products` a batch's gradient is its mean of t x: (3, 1), and of the two examples of the second batch (-3, 2)
TWO_BATCHES = [(tensor([[3.0, 1.0]]), tensor([1.0])), (tensor([[-4.0, 4.0], [-2.0, 0.0]]), tensor([1.0, 1.0]))]
NAME = "0.weight"


def test_gradient_is_averaged_over_examples_before_the_absolute_value():
    # mean over three examples: ((3 - 4 - 2) / 3, (1 + 4 + 0) / 3); absolute values first would make the first larger
    assert torch.allclose(scores_of(Gradient(), linear([[5.0, 7.0]]), TWO_BATCHES, loss=products)[NAME], tensor([[1.0, 5 / 3]]))


def test_snip_of_a_linear_regression_by_hand():
    def squares(outputs, targets):
        return 2 * half_squares(outputs, targets)

    # y = 2 x1 - x2: residuals 0 and 3; mean of residual times x: (3, 1.5), so |2 w g| = (12, 3)
    batch = (tensor([[1.0, 1.0], [2.0, 1.0]]), tensor([1.0, 0.0]))
    assert torch.allclose(scores_of(SNIP(), linear([[2.0, -1.0]]), [batch], loss=squares)[NAME], tensor([[12.0, 3.0]]))


def test_snip_averages_batches_before_the_absolute_value():
    assert torch.allclose(scores_of(SNIP(), linear([[2.0, -1.0]]), TWO_BATCHES, loss=products)[NAME], tensor([[2.0, 5 / 3]]))


def test_snip_normalises_by_the_batch_as_training_does():
    model = seeded(lambda: nn.Sequential(nn.Linear(2, 3, bias=False), nn.BatchNorm1d(3), nn.Linear(3, 2, bias=False)))
    inputs, targets = torch.rand(8, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)), torch.arange(8) % 2
    found = scores_of(SNIP(), model.eval(), [(inputs, targets)])
    model.train()
    wanted = torch.autograd.grad(nn.functional.cross_entropy(model(inputs), targets), list(model.parameters()))
    assert torch.allclose(found[NAME], (wanted[0] * model[0].weight).abs())
    assert torch.allclose(found["2.weight"], (wanted[3] * model[2].weight).abs())


def test_taylor_squares_each_batch_and_then_averages():
    # g w: (6, -1) and (-6, -2) with one and two examples: (36 + 2 * 36) / 3 and (1 + 2 * 4) / 3
    found = scores_of(Taylor(), linear([[2.0, -1.0]]), TWO_BATCHES, loss=products)[NAME]
    assert torch.allclose(found, tensor([[36.0, 3.0]]))


def test_taylor_of_a_neuron_sums_before_the_square():
    """Neuron 0 has terms (3, -3) that cancel, neuron 1 terms (1, 1): squares inside the sum would keep neuron 0."""
    model = linear([[3.0, -3.0], [1.0, 1.0]], [[1.0, 1.0]])
    batch = (tensor([[1.0, 1.0]]), tensor([1.0]))
    kept = pruned(Taylor(), model, 0.5, [batch], granularity=Neuron(), loss=products).masks
    assert kept[NAME].tolist() == [[False, False], [True, True]]
    single = scores_of(Taylor(), model, [batch], loss=products)[NAME]
    assert single.sum(1).tolist() == [18.0, 2.0]


def test_taylor_of_a_filter_is_the_squared_change_of_the_loss_to_first_order():
    generator = torch.Generator().manual_seed(3)
    model = seeded(lambda: nn.Sequential(nn.Conv2d(1, 4, 3, bias=False), nn.Flatten(), nn.Linear(16, 2)))
    batch = (torch.rand(5, 1, 4, 4, dtype=torch.float64, generator=generator), torch.arange(5) % 2)
    scope = Scope(shapes={NAME: (4, 1, 3, 3)}, first=NAME, output="2.weight")
    found = []

    def caught(scores, scope, density):
        found.append(scores[NAME])
        return {NAME: scores[NAME] > -torch.inf}

    pruned(Taylor(), model, 1.0, [batch], scope=scope, granularity=Filter(), allocation=caught)
    step, wanted = 1e-5, []
    for row in range(4):
        losses = []
        for sign in (1, -1):
            moved = model[0].weight.detach().clone()
            moved[row] *= 1 + sign * step
            features = nn.functional.conv2d(batch[0], moved).flatten(1)
            losses.append(nn.functional.cross_entropy(model[2](features), batch[1]).item())
        wanted.append(((losses[0] - losses[1]) / (2 * step)) ** 2)
    assert found[0].tolist() == pytest.approx(wanted, rel=1e-4)


def test_movement_prefers_what_grows_to_what_shrinks():
    # w g = (2 * -1, 2 * 1, -2 * 1): descent moves the first and third away from zero, the second towards it
    batch = (tensor([[-1.0, 1.0, 1.0]]), tensor([1.0]))
    found = scores_of(Movement(lr=0.0), linear([[2.0, 2.0, -2.0]]), [batch], loss=products)[NAME]
    assert found.tolist() == [[2.0, -2.0, 2.0]]


def test_movement_sums_over_the_steps_of_a_descent():
    # L = w^2 / 2, so g = w: weights 4, 2, 1 with lr = 1/2, and s = -(16 + 4 + 1)
    batch = (tensor([[1.0]]), tensor([0.0]))
    found = scores_of(Movement(lr=0.5, epochs=3), linear([[4.0]]), [batch], loss=half_squares)[NAME]
    assert found.tolist() == [[-21.0]]


def test_movement_never_moves_a_pruned_weight():
    # L = (w1 + w2)^2 / 2 with w2 gone: the same as with one weight
    batch, before = (tensor([[1.0, 1.0]]), tensor([0.0])), {NAME: torch.tensor([[True, False]])}
    found = scores_of(Movement(lr=0.5, epochs=3), linear([[4.0, 9.0]]), [batch], loss=half_squares, before=before)[NAME]
    assert found[0, 0] == -21.0
