"""SparseGPT against least squares and against its definition, column by column."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from prunelab.pruning import masks
from prunelab.pruning.criteria.magnitude import Magnitude
from prunelab.pruning.criteria.sparsegpt import SparseGPT, inverse_factor
from prunelab.pruning.granularities.n_of_m import NOfM
from prunelab.pruning.scope import scope_of
from tests.pruning.toys import A, context_of, linear, pruned, scores_of, seeded, tensor

NAME = "0.weight"
EXACT = SparseGPT(damping=1e-10)


def _correlated(examples=64, inputs=12, seed=0):
    generator = torch.Generator().manual_seed(seed)
    mix = torch.rand(inputs, inputs, dtype=torch.float64, generator=generator)
    return (torch.rand(examples, inputs, dtype=torch.float64, generator=generator) - 0.5) @ mix


def _layer(rows, columns, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return linear((torch.rand(rows, columns, dtype=torch.float64, generator=generator) - 0.5).tolist())


def _data(inputs):
    return [(inputs, torch.zeros(len(inputs)))]


def _error(model, weights, inputs):
    return (inputs @ (model[0].weight.detach() - weights).T).square().sum().item()


def _least_squares(model, mask, inputs):
    """The best weights with a mask: each row fits the layer's outputs on the inputs that it keeps."""
    best = torch.zeros_like(model[0].weight)
    for row, keep in enumerate(mask):
        best[row, keep] = torch.linalg.lstsq(inputs[:, keep], inputs @ model[0].weight[row].detach()).solution
    return best.detach()


def _solve(kind, model, inputs, mask):
    with torch.no_grad():
        solved = kind.solve(model, scope_of(model), context_of(model, _data(inputs)))
        return solved.update({NAME: mask}, free=False)[1][NAME]


def test_the_factor_is_upper_and_of_the_inverse():
    factor = inverse_factor(A[None], 1e-12)[0]
    assert factor[1, 0] == 0.0
    assert torch.allclose(factor.T @ factor, torch.linalg.inv(A))


def test_saliency_is_the_error_of_a_removal_that_later_columns_make_up_for():
    # H = 2 X X' with X X' = A: U_11^2 = [H^-1]_11 = 3/10 and U_22^2 = 1 / H_22 = 1/6
    inputs = torch.linalg.cholesky(A).T
    found = scores_of(EXACT, linear([[3.0, -1.0]]), _data(inputs))[NAME]
    assert torch.allclose(found, tensor([[9 / 0.3, 6.0]]))


def test_against_the_definition_column_by_column():
    inputs, model = _correlated(), _layer(5, 12)
    mask = torch.rand(5, 12, generator=torch.Generator().manual_seed(2)) < 0.5
    hessian = 2 * inputs.T @ inputs
    wanted = model[0].weight.detach().clone()
    for row in range(5):
        for j in range(12):
            if not mask[row, j]:
                inverse = torch.linalg.inv(hessian[j:, j:])
                wanted[row, j:] -= wanted[row, j] / inverse[0, 0] * inverse[0]
    for block_size in (1, 5, 128):
        found = _solve(SparseGPT(damping=1e-10, block_size=block_size), model, inputs, mask)
        assert torch.allclose(found, wanted * mask, atol=1e-6)


def test_first_columns_that_go_leave_the_least_squares_optimum():
    inputs, model = _correlated(), _layer(5, 12)
    mask = torch.zeros(5, 12, dtype=torch.bool)
    mask[:, 4:] = True
    assert torch.allclose(_solve(EXACT, model, inputs, mask), _least_squares(model, mask, inputs), atol=1e-6)


def test_the_choice_of_a_block_is_of_the_weights_that_the_blocks_before_it_left():
    inputs, model = _correlated(), _layer(5, 12)
    hessian = 2 * inputs.T @ inputs
    inverses = [torch.linalg.inv(hessian[j:, j:]) for j in range(12)]
    weights, keep = model[0].weight.detach().clone(), torch.zeros(5, 12, dtype=torch.bool)
    for start in (0, 4, 8):
        block = slice(start, start + 4)
        saliency = weights[:, block].square() / torch.stack([inverse[0, 0] for inverse in inverses[block]])
        keep[:, block] = saliency >= saliency.flatten().sort(descending=True).values[9]  # the best half, over all rows
        for j in range(start, start + 4):
            gone = weights[:, j].masked_fill(keep[:, j], 0.0)
            weights[:, j:] -= torch.outer(gone / inverses[j][0, 0], inverses[j][0])
    made = pruned(SparseGPT(damping=1e-10, block_size=4), model, 0.5, _data(inputs))
    assert torch.equal(made.masks[NAME], keep)
    assert torch.allclose(made.weights[NAME], weights * keep, atol=1e-6)


def _brain_surgeon(weights, hessian, removals):
    """Exact OBS of one row: the cheapest weight goes and all others make up for it, one after the other."""
    weights, alive = weights.clone(), list(range(len(weights)))
    for _ in range(removals):
        inverse = torch.linalg.inv(hessian[alive][:, alive])
        cheapest = int((weights[alive].square() / inverse.diagonal()).argmin())
        weights[alive] -= weights[alive][cheapest] / inverse[cheapest, cheapest] * inverse[:, cheapest]
        weights[alive.pop(cheapest)] = 0.0
    return weights


@pytest.mark.parametrize("seed", range(3))
def test_reconstruction_lies_between_exact_obs_and_magnitude(seed):
    generator = torch.Generator().manual_seed(seed)
    mix = torch.eye(64, dtype=torch.float64) + torch.rand(64, 64, dtype=torch.float64, generator=generator) / 2 - 0.25
    inputs, model = (torch.rand(400, 64, dtype=torch.float64, generator=generator) - 0.5) @ mix, _layer(8, 64, seed + 100)
    before = model[0].weight.detach()
    made = pruned(SparseGPT(block_size=8), model, 0.5, _data(inputs))
    error = _error(model, made.weights[NAME], inputs)
    exact = torch.stack([_brain_surgeon(row, inputs.T @ inputs, 32) for row in before])
    assert masks.kept(made.masks) == 256
    assert _error(model, exact, inputs) < error < 4 * _error(model, exact, inputs)
    assert error < 0.75 * _error(model, before * pruned(Magnitude(), model, 0.5).masks[NAME], inputs)
    # of its own mask: far better than without the update, and near the best weights that there are
    assert error < 0.75 * _error(model, before * made.masks[NAME], inputs)
    assert error < 2 * _error(model, _least_squares(model, made.masks[NAME], inputs), inputs)


def test_a_dead_input_goes_first_and_harms_nothing():
    inputs, model = _correlated(), _layer(3, 12)
    inputs[:, [0, 5]] = 0.0
    model[0].weight.data[:, [0, 5]] = 100.0
    made = pruned(EXACT, model, 10 / 12, _data(inputs))
    assert not made.masks[NAME][:, [0, 5]].any()
    alive = [i for i in range(12) if i not in (0, 5)]
    assert torch.allclose(made.weights[NAME][:, alive], model[0].weight.detach()[:, alive])


def test_data_of_zeros_gives_no_nan():
    made = pruned(EXACT, _layer(3, 4), 0.5, _data(torch.zeros(6, 4, dtype=torch.float64)))
    assert masks.kept(made.masks) == 6
    assert made.weights[NAME].count_nonzero() == 0


def test_what_was_pruned_stays_away_and_is_made_up_for_no_second_time():
    inputs, model = _correlated(), _layer(5, 12)
    first = pruned(EXACT, model, 0.75, _data(inputs))
    then = linear(first.weights[NAME].tolist())
    second = pruned(EXACT, then, 0.5, _data(inputs), before=first.masks)
    assert masks.is_nested(second.masks, first.masks)
    assert masks.kept(second.masks) == 30
    assert _error(then, second.weights[NAME], inputs) < 3 * _error(then, _least_squares(then, second.masks[NAME], inputs), inputs)
    third = pruned(EXACT, then, 0.75, _data(inputs), before=first.masks)
    assert torch.allclose(third.weights[NAME], first.weights[NAME])


def test_a_pattern_is_kept_through_the_sweep():
    made = pruned(EXACT, _layer(5, 12), 0.5, _data(_correlated()), granularity=NOfM(n=2, m=4))
    assert bool((made.masks[NAME].unflatten(1, (3, 4)).sum(-1) == 2).all())


def test_a_layer_sees_what_the_pruned_layers_before_it_give():
    model = seeded(lambda: nn.Sequential(nn.Linear(12, 8, bias=False), nn.ReLU(), nn.Linear(8, 3, bias=False)))
    inputs = _correlated()
    made = pruned(EXACT, model, 0.5, _data(inputs))
    hidden = torch.relu(inputs @ made.weights[NAME].T)
    second = linear(model[2].weight.tolist())
    assert torch.allclose(_solve(EXACT, second, hidden, made.masks["2.weight"]), made.weights["2.weight"], atol=1e-8)


@pytest.mark.parametrize("groups", [1, 2])
def test_a_convolution_is_reconstructed_group_by_group(groups):
    """Each group of filters is the linear layer of its own patches."""
    model = seeded(lambda: nn.Sequential(nn.Conv2d(2, 4, 3, groups=groups, bias=False)))
    images = torch.rand(3, 2, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    mask = torch.rand(4, 2 // groups, 3, 3, generator=torch.Generator().manual_seed(1)) < 0.5
    found = _solve(EXACT, model, images, mask)
    for group in range(groups):
        channels, filters = (slice(group * n // groups, (group + 1) * n // groups) for n in (2, 4))
        patches = nn.functional.unfold(images[:, channels], 3).transpose(1, 2).flatten(0, 1)
        alone = linear(model[0].weight[filters].flatten(1).tolist())
        wanted = _solve(EXACT, alone, patches, mask[filters].flatten(1))
        assert torch.allclose(found[filters].flatten(1), wanted, atol=1e-8)
