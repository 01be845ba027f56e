"""OBD: three diagonals against their exact values."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from prunelab.pruning.criteria.obd import OBD
from tests.pruning.toys import A, half_squares, linear, products, pruned, scores_of, seeded, tensor, with_second_moment

NAME = "0.weight"


def _zeros(inputs):
    return [(inputs, torch.zeros(len(inputs), dtype=torch.float64))]


def test_of_a_quadratic_with_a_diagonal_hessian_one_sign_vector_is_exact():
    hessian = torch.diag(tensor([2.0, 3.0]))
    kind, batches = OBD(hessian="hutchinson", samples=1), _zeros(with_second_moment(hessian))
    for seed in range(4):
        found = scores_of(kind, linear([[3.0, -1.0]]), batches, loss=half_squares, seed=seed)
        assert torch.allclose(found[NAME], tensor([[9.0, 1.5]]))


def test_of_any_quadratic_hutchinson_has_the_diagonal_in_the_limit():
    # h_ii w_i^2 / 2 with h = (2, 3); a sample is off by +- A_12 = 1, so the mean of 4000 by about 1/63
    model, batches = linear([[3.0, -1.0]]), _zeros(with_second_moment(A))
    found = scores_of(OBD(hessian="hutchinson", samples=4000), model, batches, loss=half_squares)[NAME]
    assert torch.allclose(found / tensor([[4.5, 0.5]]), tensor([[2.0, 3.0]]), atol=4 / 63)
    few = scores_of(OBD(hessian="hutchinson", samples=1), model, batches, loss=half_squares)[NAME] / tensor([[4.5, 0.5]])
    assert torch.allclose((few - tensor([[2.0, 3.0]])).abs(), tensor([[1.0, 1.0]]))


def test_hutchinson_of_a_network_against_its_hessian():
    model = seeded(lambda: nn.Sequential(nn.Linear(3, 4, bias=False), nn.Tanh(), nn.Linear(4, 3, bias=False)))
    inputs = 2 * torch.rand(12, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) - 1
    targets = torch.arange(12) % 3
    flat = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])

    def loss(vector):
        return nn.functional.cross_entropy(torch.tanh(inputs @ vector[:12].reshape(4, 3).T) @ vector[12:].reshape(3, 4).T, targets)

    hessian = torch.autograd.functional.hessian(loss, flat)
    samples = 2000
    # batches of unequal size weigh as many examples as they have
    batches = [(inputs[:2], targets[:2]), (inputs[2:], targets[2:])]
    found = scores_of(OBD(hessian="hutchinson", samples=samples), model, batches)
    diagonal = 2 * torch.cat([score.flatten() for score in found.values()]) / flat.square()
    spread = (hessian.square().sum(1) - hessian.diagonal().square()).sqrt()
    assert bool(((diagonal - hessian.diagonal()).abs() < 5 * spread.max() / samples**0.5).all())


class _Spare(nn.Module):
    """A layer that is used and one that is not."""

    def __init__(self) -> None:
        super().__init__()
        self.used, self.spare = nn.Linear(2, 1, bias=False), nn.Linear(2, 1, bias=False)

    def forward(self, inputs):
        return self.used(inputs)


@pytest.mark.parametrize("hessian", ["fisher", "gauss_newton", "hutchinson"])
def test_a_layer_that_is_never_used_scores_nothing(hessian):
    found = scores_of(OBD(hessian=hessian), seeded(_Spare), [(with_second_moment(A), torch.zeros(2, dtype=torch.int64))])
    assert found["spare.weight"].tolist() == [[0.0, 0.0]]


def test_fisher_is_the_mean_of_squared_gradients_of_each_example():
    # gradients t x: (2, 1) and (-2, 1); of their mean only the second weight would be left
    batches = [(tensor([[2.0, 1.0]]), tensor([1.0])), (tensor([[-2.0, 1.0]]), tensor([1.0]))]
    model = linear([[1.0, 1.9]])
    for given in (batches, [tuple(torch.cat(parts) for parts in zip(*batches, strict=True))]):
        found = scores_of(OBD(), model, given, loss=products)[NAME]
        assert torch.allclose(found, tensor([[0.5 * 4 * 1, 0.5 * 1 * 1.9**2]]))
    assert pruned(OBD(), model, 0.5, batches, loss=products).masks[NAME].tolist() == [[True, False]]


def test_fisher_of_the_worked_quadratic():
    inputs = with_second_moment(A)
    found = scores_of(OBD(), linear([[3.0, -1.0]]), [(inputs, torch.ones(2, dtype=torch.float64))], loss=products)[NAME]
    assert torch.allclose(found, tensor([[9.0, 1.5]]))


def test_gauss_newton_of_a_softmax_regression_is_its_hessian_and_needs_no_labels():
    # d2 L / dW_kj^2 = mean of p_k (1 - p_k) x_j^2
    model = seeded(lambda: nn.Sequential(nn.Linear(3, 4, bias=False)))
    inputs = 2 * torch.rand(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    likely = model(inputs).softmax(-1).detach()
    wanted = (likely * (1 - likely)).T @ inputs.square() / 5 * model[0].weight.detach().square() / 2
    many = inputs.repeat(1000, 1)
    one, other = (scores_of(OBD(hessian="gauss_newton"), model, [(many, torch.full((5000,), label))])[NAME] for label in (0, 3))
    assert torch.equal(one, other)
    assert torch.allclose(one, wanted, rtol=0.1)


def test_samples_below_one_are_refused():
    with pytest.raises(ValueError, match="samples = 0"):
        OBD(samples=0)
