"""OBS on a quadratic, where it is exact."""

from __future__ import annotations

import itertools

import pytest
import torch

from prunelab.pruning.criteria.obd import OBD
from prunelab.pruning.criteria.obs import OBS
from prunelab.pruning.granularities.neuron import Neuron
from prunelab.pruning.scope import Scope
from tests.pruning.toys import A, linear, products, pruned, scores_of, tensor, with_second_moment

NAME = "0.weight"
EXACT = OBS(damping=1e-12)


def _batch(hessian):
    """Examples whose gradients have the Fisher `hessian`, whatever the weights."""
    inputs = with_second_moment(hessian)
    return [(inputs, torch.ones(len(inputs), dtype=torch.float64))]


def _loss(weights, hessian, optimum):
    """w'Hw/2 - b'w, up to a constant, of its minimum."""
    return ((weights - optimum) @ hessian @ (weights - optimum) / 2).item()


def _minimiser(hessian, optimum, gone):
    """Of the same loss with the weights `gone` at zero."""
    stay = [i for i in range(len(optimum)) if i not in gone]
    weights = torch.zeros_like(optimum)
    weights[stay] = torch.linalg.solve(hessian[stay][:, stay], (hessian @ optimum)[stay])
    return weights


def test_scores_of_the_worked_quadratic_are_the_cost_of_a_removal():
    # [A^-1]_ii = (3/5, 2/5), so w^2 / (2 [A^-1]_ii) = (9 / 1.2, 1 / 0.8)
    optimum = tensor([3.0, -1.0])
    found = scores_of(EXACT, linear([[3.0, -1.0]]), _batch(A), loss=products)[NAME][0]
    assert torch.allclose(found, tensor([7.5, 1.25]))
    assert found.tolist() == pytest.approx([_loss(_minimiser(A, optimum, [i]), A, optimum) for i in range(2)])


def test_the_weight_that_stays_moves_to_the_minimum():
    # the second goes: the first moves by A_12 w_2 / A_11 = -1/2
    made = pruned(EXACT, linear([[3.0, -1.0]]), 0.5, _batch(A), loss=products)
    assert made.masks[NAME].tolist() == [[True, False]]
    assert torch.allclose(made.weights[NAME], tensor([[2.5, 0.0]]))
    assert made.weights[NAME][0, 1] == 0.0


def test_obd_of_the_same_quadratic_can_choose_otherwise():
    # OBD w_i^2 / 2 = (0.5, 0.605, 0.405); OBS of the pair divides by [H^-1]_ii = 1 / 0.19: (0.095, 0.115, 0.405)
    hessian = tensor([[1.0, 0.9, 0.0], [0.9, 1.0, 0.0], [0.0, 0.0, 1.0]])
    model = linear([[1.0, 1.1, 0.9]])
    assert pruned(OBD(), model, 2 / 3, _batch(hessian), loss=products).masks[NAME].tolist() == [[True, True, False]]
    assert pruned(EXACT, model, 2 / 3, _batch(hessian), loss=products).masks[NAME].tolist() == [[False, True, True]]


def _random_quadratic(size, seed=0):
    generator = torch.Generator().manual_seed(seed)
    root = torch.rand(size, size, dtype=torch.float64, generator=generator) - 0.5
    return root @ root.T + 0.1 * torch.eye(size, dtype=torch.float64), 2 * torch.rand(size, dtype=torch.float64, generator=generator) - 1


@pytest.mark.parametrize("seed", range(5))
def test_several_weights_at_once_are_made_up_for_exactly(seed):
    hessian, optimum = _random_quadratic(7, seed)
    made = pruned(EXACT, linear([optimum.tolist()]), 3 / 7, _batch(hessian), loss=products)
    gone = (~made.masks[NAME][0]).nonzero().flatten().tolist()
    assert len(gone) == 4
    assert made.weights[NAME][0, gone].count_nonzero() == 0
    assert torch.allclose(made.weights[NAME][0], _minimiser(hessian, optimum, gone), atol=1e-8)


def test_of_single_removals_the_cheapest_is_taken():
    hessian, optimum = _random_quadratic(6)
    made = pruned(EXACT, linear([optimum.tolist()]), 5 / 6, _batch(hessian), loss=products)
    costs = [_loss(_minimiser(hessian, optimum, [i]), hessian, optimum) for i in range(6)]
    assert (~made.masks[NAME][0]).nonzero().item() == min(range(6), key=costs.__getitem__)
    assert _loss(made.weights[NAME][0], hessian, optimum) == pytest.approx(min(costs))


def test_a_second_level_starts_from_the_first_and_leaves_its_zeros():
    hessian, optimum = _random_quadratic(6)
    first = pruned(EXACT, linear([optimum.tolist()]), 4 / 6, _batch(hessian), loss=products)
    second = pruned(EXACT, linear(first.weights[NAME].tolist()), 2 / 6, _batch(hessian), loss=products, before=first.masks)
    gone = (~second.masks[NAME][0]).nonzero().flatten().tolist()
    assert len(gone) == 4
    assert torch.allclose(second.weights[NAME][0], _minimiser(hessian, optimum, gone), atol=1e-8)


def test_damping_is_added_once_however_many_examples_there_are():
    inverse = torch.linalg.inv(A + 0.5 * torch.eye(2, dtype=torch.float64))
    wanted = tensor([9.0, 1.0]) / (2 * inverse.diagonal())
    for repeats in (1, 10):
        batches = [tuple(part.repeat(repeats, *[1] * (part.ndim - 1)) for part in _batch(A)[0])]
        found = scores_of(OBS(damping=0.5), linear([[3.0, -1.0]]), batches, loss=products)[NAME][0]
        assert torch.allclose(found, wanted)


def test_the_fisher_is_of_single_examples():
    # gradients (2, 1) and (-2, 1): their mean (0, 1) has another Fisher
    batch = (tensor([[2.0, 1.0], [-2.0, 1.0]]), tensor([1.0, 1.0]))
    found = scores_of(OBS(damping=1e-9), linear([[1.0, 1.0]]), [batch], loss=products)[NAME][0]
    assert torch.allclose(found, tensor([2.0, 0.5]))


def test_blocks_are_consecutive_weights_and_what_they_leave_out_is_no_matter():
    hessian, optimum = _random_quadratic(5)
    cut = hessian.clone()
    for i, j in itertools.product(range(5), repeat=2):
        if i // 2 != j // 2:
            cut[i, j] = 0
    kind = OBS(damping=1e-12, block_size=2)
    found = pruned(kind, linear([optimum.tolist()]), 3 / 5, _batch(hessian), loss=products)
    gone = (~found.masks[NAME][0]).nonzero().flatten().tolist()
    assert torch.allclose(found.weights[NAME][0], _minimiser(cut, optimum, gone), atol=1e-8)


def test_no_block_reaches_over_two_tensors():
    """Two tensors whose gradients are the same: a shared block would let one make up for the other."""
    model = linear([[1.0]], [[1.0]])
    # y = w2 w1 x, of both tensors the gradient is x t
    batches = [(tensor([[2.0]]), tensor([1.0]))]
    found = scores_of(OBS(damping=1e-9, block_size=64), model, batches, loss=products)
    assert [score.item() for score in found.values()] == pytest.approx([2.0, 2.0])
    made = pruned(OBS(damping=1e-9), model, 0.5, batches, loss=products)
    assert [weight.item() for weight in made.weights.values()] == pytest.approx([1.0, 0.0])


def test_a_whole_neuron_goes_at_once():
    """y = w1 x + w2 x: the neuron that stays takes over what the other did."""
    model = linear([[1.0, 0.2], [3.0, 4.0]], [[1.0, 1.0]])
    scope = Scope(shapes={NAME: (2, 2)}, first=NAME, output="1.weight")
    made = pruned(OBS(damping=1e-6), model, 0.5, _batch(A), scope=scope, granularity=Neuron(), loss=products)
    assert made.masks[NAME].tolist() == [[False, False], [True, True]]
    assert made.weights[NAME][0].tolist() == [0.0, 0.0]
    assert torch.allclose(made.weights[NAME][1], tensor([4.0, 4.2]), atol=1e-4)


def test_no_damping_is_refused():
    with pytest.raises(ValueError, match="damping > 0"):
        OBS(damping=0.0)
