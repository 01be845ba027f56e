"""GraSP, by hand and against the explicit Hessian."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from prunelab.pruning.criteria.grasp import GraSP
from tests.pruning.toys import A, half_squares, linear, pruned, scores_of, seeded, tensor, with_second_moment

PLAIN = GraSP(temperature=1.0)


def _quadratic(hessian):
    return [(with_second_moment(hessian), torch.zeros(2, dtype=torch.float64))]


def test_of_a_diagonal_quadratic():
    # w Hg = w (A^2 w) = (1, 9): the first, whose removal costs the least gradient flow, goes
    model, batches = linear([[1.0, 1.0]]), _quadratic(torch.diag(tensor([1.0, 3.0])))
    assert torch.allclose(scores_of(PLAIN, model, batches, loss=half_squares)["0.weight"], tensor([[1.0, 9.0]]))
    assert pruned(PLAIN, model, 0.5, batches, loss=half_squares).masks["0.weight"].tolist() == [[False, True]]


def test_the_sign_is_not_dropped():
    # w = (2, -1): g = A w = (3, -1), Hg = A g = (5, 0); w = (1, -2): g = (0, -5), Hg = (-5, -15), so w Hg = (-5, 30)
    for weights, wanted in (([2.0, -1.0], [10.0, 0.0]), ([1.0, -2.0], [-5.0, 30.0])):
        found = scores_of(PLAIN, linear([weights]), _quadratic(A), loss=half_squares)["0.weight"]
        assert torch.allclose(found, tensor([wanted]))


def test_what_is_kept_keeps_the_gradient_flow():
    """The flow g'g falls by 2 w Hg to first order when a weight shrinks to zero."""
    weights, step = tensor([1.0, -2.0]), 1e-6
    found = scores_of(PLAIN, linear([weights.tolist()]), _quadratic(A), loss=half_squares)["0.weight"][0]

    def flow(w):
        return (A @ w).square().sum()

    for i in range(2):
        shrunk = weights.clone()
        shrunk[i] *= 1 - step
        assert ((flow(weights) - flow(shrunk)) / step).item() == pytest.approx(2 * found[i].item(), rel=1e-4)


@pytest.mark.parametrize("temperature", [1.0, 200.0])
def test_against_the_explicit_hessian_of_a_network(temperature):
    model = seeded(lambda: nn.Sequential(nn.Linear(3, 4, bias=False), nn.Tanh(), nn.Linear(4, 3, bias=False)))
    inputs = torch.rand(6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) - 0.5
    targets = torch.arange(6) % 3
    flat = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])

    def loss(vector):
        hidden = torch.tanh(inputs @ vector[:12].reshape(4, 3).T)
        return nn.functional.cross_entropy(hidden @ vector[12:].reshape(3, 4).T / temperature, targets)

    gradient = torch.autograd.functional.jacobian(loss, flat)
    product = torch.autograd.functional.hessian(loss, flat) @ gradient
    found = scores_of(GraSP(temperature=temperature), model, [(inputs, targets)])
    assert torch.allclose(torch.cat([score.flatten() for score in found.values()]), flat * product, rtol=1e-8, atol=0)


def test_the_default_temperature_is_the_papers():
    assert GraSP().temperature == 200.0
