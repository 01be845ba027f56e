"""Budgets divided by hand: exact totals, and what is full hands on its rest."""

from __future__ import annotations

import pytest
import torch

from prunelab.pruning.allocations.as_measured import AsMeasured
from prunelab.pruning.allocations.balanced import Balanced
from prunelab.pruning.allocations.erk import ERK
from prunelab.pruning.allocations.explicit import Explicit
from prunelab.pruning.allocations.global_ import Global
from prunelab.pruning.allocations.igq import IGQ
from prunelab.pruning.allocations.layer_rates import LayerRates
from prunelab.pruning.allocations.uniform import Uniform
from prunelab.pruning.allocations.uniform_plus import UniformPlus
from prunelab.pruning.schedules import geometric
from prunelab.pruning.scope import Scope

# ResNet-18 for CIFAR: the shapes on which a clamped ERK budget was seen to miss its total by a third
_WIDTHS = [(64, 3), *[(64, 64)] * 4, (128, 64), *[(128, 128)] * 3, (256, 128), *[(256, 256)] * 3, (512, 256), *[(512, 512)] * 3]
RESNET = {f"conv{i}": (n_out, n_in, 3, 3) for i, (n_out, n_in) in enumerate(_WIDTHS)} | {"fc": (10, 512)}


def _scope(shapes):
    return Scope(shapes=shapes, first=next(iter(shapes)), output=list(shapes)[-1])


def _random(scope, seed=0):
    stream = torch.Generator().manual_seed(seed)
    return {name: torch.rand(size, generator=stream) for name, size in scope.sizes.items()}


def _counts(allocation, shapes, density, scores=None):
    scope = _scope(shapes)
    return {name: int(mask.sum()) for name, mask in allocation(scores or _random(scope), scope, density).items()}


def test_global_keeps_the_highest_of_all_together():
    scores = {"a": torch.tensor([1.0, 5.0, 2.0]), "b": torch.tensor([4.0, 3.0, 6.0])}
    kept = Global()(scores, _scope({"a": (1, 3), "b": (1, 3)}), 0.5)
    assert {name: mask.tolist() for name, mask in kept.items()} == {"a": [False, True, False], "b": [True, False, True]}


def test_global_breaks_ties_by_the_order_of_the_network():
    scores = {"a": torch.ones(3), "b": torch.ones(3)}
    kept = Global()(scores, _scope({"a": (1, 3), "b": (1, 3)}), 4 / 6)
    assert {name: mask.tolist() for name, mask in kept.items()} == {"a": [True] * 3, "b": [True, False, False]}


def test_uniform_keeps_the_best_of_each_tensor_however_they_compare():
    scores = {"a": torch.tensor([1.0, 2.0, 3.0, 4.0]), "b": torch.tensor([10.0, 30.0, 20.0, 40.0])}
    kept = Uniform()(scores, _scope({"a": (1, 4), "b": (1, 4)}), 0.5)
    assert {name: mask.tolist() for name, mask in kept.items()} == {"a": [False, False, True, True], "b": [False, True, False, True]}


def test_uniform_rounds_the_total_and_not_each_tensor():
    # a quarter of 2, 2, 2 and 10 is 0.5, 0.5, 0.5 and 2.5: a total of 4, where rounding each would give 2 or 6
    assert _counts(Uniform(), {"a": (1, 2), "b": (1, 2), "c": (1, 2), "d": (1, 10)}, 0.25) == {"a": 1, "b": 1, "c": 0, "d": 2}


@pytest.mark.parametrize("allocation", [Uniform(), ERK(), IGQ(), Balanced(), AsMeasured(densities={"a": 0.5, "b": 0.5})])
def test_a_tensor_with_little_left_hands_the_rest_of_its_share_to_the_others(allocation):
    scores = {"a": torch.tensor([3.0, 4.0, *[-torch.inf] * 8]), "b": torch.rand(10)}
    assert _counts(allocation, {"a": (1, 10), "b": (1, 10)}, 0.5, scores) == {"a": 2, "b": 8}


def test_uniform_plus_keeps_the_ends():
    shapes = {"conv": (4, 1, 3, 3), "mid": (50, 40), "out": (10, 50)}
    assert _counts(UniformPlus(), shapes, 0.1) == {"conv": 36, "mid": round(0.1 * 2536) - 136, "out": 100}


def test_uniform_plus_is_uniform_where_the_output_has_enough_and_the_first_layer_is_linear():
    shapes = {"first": (10, 10), "out": (10, 10)}
    assert _counts(UniformPlus(), shapes, 0.5) == {"first": 50, "out": 50}
    assert _counts(UniformPlus(), shapes, 0.15) == {"first": 10, "out": 20}


def test_uniform_plus_counts_the_first_layer_before_it_looks_at_the_output():
    # of 200 the first takes 100 and leaves 0.1 of 1000 for the others: below the output's 20 %
    shapes = {"conv": (1, 4, 5, 5), "mid": (10, 90), "out": (10, 10)}
    assert _counts(UniformPlus(), shapes, 200 / 1100) == {"conv": 100, "mid": 80, "out": 20}


def test_uniform_plus_says_when_its_ends_are_too_much():
    with pytest.raises(ValueError, match="more than the 3 asked for"):
        _counts(UniformPlus(), {"conv": (4, 1, 3, 3), "out": (5, 5)}, 0.05)


@pytest.mark.parametrize("density", [0.8, 0.5, 0.2, 0.05])
def test_erk_reaches_the_asked_total_and_its_densities_are_in_proportion(density):
    counts, sizes = _counts(ERK(), RESNET, density), _scope(RESNET).sizes
    assert sum(counts.values()) == round(density * sum(sizes.values()))
    shares = {name: sum(shape) / sizes[name] for name, shape in RESNET.items()}
    factors = {name: counts[name] / sizes[name] / shares[name] for name in RESNET if counts[name] < sizes[name]}
    for name, factor in factors.items():
        assert abs(factor - factors["conv16"]) * shares[name] * sizes[name] < 1.5  # to the weight
    full = [name for name in RESNET if counts[name] == sizes[name]]
    assert all(shares[name] * max(factors.values()) >= 1 - 1e-3 for name in full)


def test_erk_by_hand():
    # shares are n_in + n_out: 20 and 11 of 31, of a budget of 55; the second is full at 10, so the first takes 45
    assert _counts(ERK(), {"a": (10, 10), "b": (1, 10)}, 0.5) == {"a": 45, "b": 10}


def test_erk_counts_the_kernel_in():
    # 4 + 2 + 3 + 3 = 12 against 8 + 4 = 12: without the kernel's sides it would be 6 against 12
    assert _counts(ERK(), {"conv": (4, 2, 3, 3), "fc": (8, 4)}, 20 / 104) == {"conv": 10, "fc": 10}


def test_igq_by_hand():
    # F = 1/12: n / (1 + F n) is 3 of 4 and 9 of 36, 12 of 40 in all
    assert _counts(IGQ(), {"a": (2, 2), "b": (6, 6)}, 12 / 40) == {"a": 3, "b": 9}


@pytest.mark.parametrize("density", [0.9, 0.3, 0.02])
def test_igq_has_one_force_for_all_tensors(density):
    counts, sizes = _counts(IGQ(), RESNET, density), _scope(RESNET).sizes
    assert sum(counts.values()) == round(density * sum(sizes.values()))
    # d = 1 / (1 + F n), so F = 1/kept - 1/n
    forces = {name: 1 / counts[name] - 1 / sizes[name] for name in RESNET}
    for name, force in forces.items():
        assert abs(1 / (1 / sizes[name] + forces["conv16"]) - 1 / (1 / sizes[name] + force)) < 1.5


def test_balanced_gives_each_tensor_as_many_and_what_does_not_fit_to_the_others():
    assert _counts(Balanced(), {"a": (1, 10), "b": (1, 20), "c": (1, 30)}, 0.5) == {"a": 10, "b": 10, "c": 10}
    assert _counts(Balanced(), {"a": (1, 4), "b": (1, 20), "c": (1, 36)}, 0.5) == {"a": 4, "b": 13, "c": 13}


def test_explicit_holds_what_is_named_and_gives_the_rest_uniformly():
    shapes = {"a": (10, 10), "b": (10, 10), "c": (10, 20), "d": (10, 10)}
    kept = Explicit(densities={"first": 1.0, "output": 0.5})
    assert _counts(kept, shapes, 0.6) == {"a": 100, "b": 50, "c": 100, "d": 50}
    with pytest.raises(ValueError, match="keep 150 units"):
        _counts(kept, shapes, 0.25)
    with pytest.raises(ValueError, match="Did you mean 'output'"):
        _counts(Explicit(densities={"outptu": 0.5}), shapes, 0.6)


def test_as_measured_repeats_another_masks_counts_at_its_density():
    shapes, densities = {"a": (10, 10), "b": (10, 30)}, {"a": 0.5, "b": 0.1}
    assert _counts(AsMeasured(densities=densities), shapes, 80 / 400) == {"a": 50, "b": 30}
    assert _counts(AsMeasured(densities=densities), shapes, 40 / 400) == {"a": 25, "b": 15}


def test_layer_rates_are_lenets():
    shapes = {"fc1": (300, 784), "fc2": (100, 300), "fc3": (10, 100)}
    for level, density in enumerate(geometric(0.2, 5), start=1):
        wanted = [round(235_200 * 0.8**level), round(30_000 * 0.8**level), round(1_000 * 0.9**level)]
        assert list(_counts(LayerRates(), shapes, density).values()) == wanted


ALLOCATIONS = [
    Global(),
    Uniform(),
    UniformPlus(),
    ERK(),
    IGQ(),
    Balanced(),
    LayerRates(),
    Explicit(densities={"output": 0.3}),
    AsMeasured(densities={"conv": 0.9, "mid": 0.3, "more": 0.2, "out": 0.5}),
]


@pytest.mark.parametrize("allocation", ALLOCATIONS, ids=lambda value: type(value).__name__)
def test_units_that_went_stay_away_and_a_tensor_never_regains(allocation):
    scope = _scope({"conv": (3, 1, 3, 3), "mid": (30, 20), "more": (7, 13), "out": (5, 7)})
    scores = _random(scope)
    kept = {name: torch.ones(size, dtype=torch.bool) for name, size in scope.sizes.items()}
    for density in (0.7, 0.41, 0.33, 0.2, 0.12):
        left = {name: score.masked_fill(~kept[name], -torch.inf) for name, score in scores.items()}
        now = allocation(left, scope, density)
        assert all(not bool((now[name] & ~kept[name]).any()) for name in kept)
        if allocation.exact_total:
            assert sum(int(mask.sum()) for mask in now.values()) == round(density * scope.total)
        kept, scores = now, _random(scope, seed=round(1000 * density))


@pytest.mark.parametrize("density", [0.6, 0.25])
@pytest.mark.parametrize("allocation", ALLOCATIONS, ids=lambda value: type(value).__name__)
def test_the_best_of_a_tensor_are_what_it_keeps(allocation, density):
    scope = _scope({"conv": (3, 1, 3, 3), "mid": (30, 20), "more": (7, 13), "out": (5, 7)})
    scores = _random(scope)
    for name, mask in allocation(scores, scope, density).items():
        if 0 < int(mask.sum()) < mask.numel():
            assert scores[name][mask].min() > scores[name][~mask].max()
