"""Every criterion x allocation x granularity that is allowed, on an MLP, a residual network and a transformer."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from prunelab.models.build import build_model
from prunelab.models.structure import scope_with_structure
from prunelab.pruning import controls, masks
from prunelab.pruning.compatibility import SINGLE_WEIGHTS, check, refusal
from prunelab.pruning.criteria.base import Compensating, Context
from prunelab.pruning.granularities.base import KINDS
from prunelab.pruning.prune import prune
from tests.conftest import configured, names

CRITERIA, ALLOCATIONS, GRANULARITIES = (names(f"pruning/{part}") for part in ("criterion", "allocation", "granularity"))
MODELS = {"lenet_300_100": (1, 6, 6), "resnet_20": (2, 8, 8), "vit_tiny": (1, 8, 8)}
STOCHASTIC = {"random", "obd_hutchinson"}
DENSITIES = (0.5, 0.4, 0.3)


def _network(name: str):
    narrow = {"lenet_300_100": {"width": 0.1}, "resnet_20": {"width": 0.25, "depth": 8}, "vit_tiny": {"dim": 16, "depth": 3}}[name]
    model = build_model(configured("model", name).replace(**narrow), input_shape=MODELS[name], num_classes=4)
    stream = torch.Generator().manual_seed(0)
    for buffer in model.buffers():
        if buffer.is_floating_point():
            buffer.copy_(torch.rand(buffer.shape, generator=stream) + 0.5)
    return model


def _batches(name: str):
    stream = torch.Generator().manual_seed(1)
    return [(torch.rand(6, *MODELS[name], generator=stream), torch.randint(0, 4, (6,), generator=stream)) for _ in range(2)]


def _allocation(name: str, scope):
    if name == "as_measured":
        from prunelab.pruning.allocations.as_measured import AsMeasured

        return AsMeasured(densities={tensor: 0.2 + 0.5 / (i + 1) for i, tensor in enumerate(scope.shapes)})
    return configured("pruning/allocation", name).build()


def _parts(criterion, allocation, granularity, scope):
    return (
        configured("pruning/criterion", criterion).build(),
        _allocation(allocation, scope),
        configured("pruning/granularity", granularity).build(),
    )


def _prune(name, model, before, parts, density, seed=0, rounds=1):
    criterion, allocation, granularity = parts
    context = Context(generator=torch.Generator().manual_seed(seed), masks=before, batches=_batches(name))
    return prune(
        model,
        scope=scope_with_structure(model),
        criterion=criterion,
        allocation=allocation,
        granularity=granularity,
        density=density,
        context=context,
        rounds=rounds,
    )


def _state(model):
    tensors = {name: value.clone() for name, value in model.state_dict().items()}
    flags = [(parameter.requires_grad, parameter.grad is None) for parameter in model.parameters()]
    return tensors, flags, [module.training for module in model.modules()], torch.get_rng_state()


def _same_state(one, other):
    tensors = all(torch.equal(one[0][name], other[0][name]) for name in one[0])
    return tensors and one[1:3] == other[1:3] and torch.equal(one[3], other[3])


def _possible(criterion, allocation, granularity, model_name):
    """Whether the method is allowed, and the network has such units that the criterion knows."""
    scope = scope_with_structure(_network(model_name))
    parts = _parts(criterion, allocation, granularity, scope)
    if refusal(*parts):
        return False
    try:
        parts[2].check(scope)
    except ValueError:
        return False
    if allocation == "uniform_plus" and granularity == "filter" and model_name == "vit_tiny":
        return False  # its one convolution would stay whole
    return not (criterion == "bn_scale" and model_name != "resnet_20")


ALLOWED = [
    combination
    for combination in itertools.product(CRITERIA, ALLOCATIONS, GRANULARITIES, MODELS)
    if _possible(*combination) and (combination[1] in ("global", "erk") or combination[0] in ("magnitude", "obs", "random"))
]


def test_every_choice_is_met():
    for position, choices in enumerate((CRITERIA, ALLOCATIONS, GRANULARITIES, list(MODELS))):
        assert {combination[position] for combination in ALLOWED} == set(choices)


@pytest.mark.parametrize(("criterion", "allocation", "granularity", "model_name"), ALLOWED, ids=lambda value: value)
def test_levels_are_exact_nested_and_leave_the_model_alone(criterion, allocation, granularity, model_name):
    model = _network(model_name)
    model.train()
    scope, before = scope_with_structure(model), _state(model)
    parts = _parts(criterion, allocation, granularity, scope)
    current = masks.ones(scope)
    for density in DENSITIES:
        made = _prune(model_name, model, current, parts, density)
        units = controls.kept_units(made.masks, scope, parts[2])
        if parts[1].exact_total and criterion != "bn_scale":
            assert sum(int(kept.sum()) for kept in units.values()) == round(density * sum(kept.numel() for kept in units.values()))
        assert masks.is_nested(made.masks, current)
        assert list(made.masks) == list(scope.shapes)
        assert isinstance(parts[0], Compensating) == bool(made.weights)
        assert all(torch.count_nonzero(made.weights[name][~made.masks[name]]) == 0 for name in made.weights)
        assert all(torch.isfinite(weight).all() for weight in made.weights.values())
        current = made.masks
    assert _same_state(before, _state(model))


@pytest.mark.parametrize("criterion", CRITERIA)
def test_scores_are_finite_of_the_right_shape_and_repeatable(criterion):
    name = next(combination[3] for combination in ALLOWED if combination[0] == criterion)
    model = _network(name)
    scope = scope_with_structure(model)
    kind = configured("pruning/criterion", criterion).build()

    def scores(seed):
        context = Context(generator=torch.Generator().manual_seed(seed), masks=masks.ones(scope), batches=_batches(name))
        return kind(model, scope, context)

    one, again, other = (scores(seed) for seed in (0, 0, 1))
    assert all(tuple(score.shape) == scope.shapes[tensor] and torch.isfinite(score).all() for tensor, score in one.items())
    assert all(torch.equal(one[tensor], again[tensor]) for tensor in one)
    assert all(torch.equal(one[tensor], other[tensor]) for tensor in one) == (criterion != "random")


@pytest.mark.parametrize("criterion", [name for name in CRITERIA if configured("pruning/criterion", name).build().needs_batches])
def test_a_criterion_that_looks_at_data_says_so_when_there_is_none(criterion):
    name = next(combination[3] for combination in ALLOWED if combination[0] == criterion)
    model = _network(name)
    scope = scope_with_structure(model)
    context = Context(generator=torch.Generator(), masks=masks.ones(scope))
    with pytest.raises(ValueError, match="batch"):
        configured("pruning/criterion", criterion).build()(model, scope, context)


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_controls_keep_the_number_of_units_and_change_the_place(granularity):
    name = "vit_tiny" if granularity == "head" else "resnet_20" if granularity != "neuron" else "lenet_300_100"
    model = _network(name)
    scope = scope_with_structure(model)
    parts = _parts("random", "global", granularity, scope)
    mask = _prune(name, model, masks.ones(scope), parts, 0.5).masks
    wanted = {tensor: int(kept.sum()) for tensor, kept in controls.kept_units(mask, scope, parts[2]).items()}
    stream = torch.Generator().manual_seed(5)
    made = [[controls.random_like(mask, masks.ones(scope), scope, parts[2], stream) for _ in range(8)]]
    if parts[2].kind != "n:m":
        made.append([controls.shuffle(mask, scope, parts[2], stream) for _ in range(8)])
    for others in made:
        for other in others:
            assert {tensor: int(kept.sum()) for tensor, kept in controls.kept_units(other, scope, parts[2]).items()} == wanted
        assert min(masks.intersection_over_union(mask, other) for other in others) < 1.0


def test_what_is_refused_says_why():
    for criterion, granularity in itertools.product(CRITERIA, GRANULARITIES):
        parts = [configured(f"pruning/{part}", name).build() for part, name in (("criterion", criterion), ("granularity", granularity))]
        reason = refusal(parts[0], configured("pruning/allocation", "global").build(), parts[1])
        allowed = not parts[0].granularities or parts[1].kind in parts[0].granularities
        assert (reason is None) == allowed
        assert parts[1].kind in KINDS
        assert set(parts[0].granularities) <= set(KINDS)
        assert set(SINGLE_WEIGHTS) <= set(KINDS)


def test_a_pattern_denser_than_n_of_m_is_refused_with_the_mend():
    parts = [configured(f"pruning/{part}", name).build() for part, name in (("criterion", "magnitude"), ("allocation", "global"))]
    with pytest.raises(ValueError, match=r"at most 0\.5 .*sparsity\.values=\[0\.5\]"):
        check(*parts, configured("pruning/granularity", "two_four").build(), (0.8, 0.5))


@settings(max_examples=40, deadline=None)
@given(
    density=st.floats(0.2, 1.0),
    step=st.floats(0.3, 1.0),
    allocation=st.sampled_from([name for name in ALLOCATIONS if name not in ("layer_rates", "uniform_plus", "as_measured")]),
    ties=st.booleans(),
)
def test_any_density_is_reached_to_the_weight(density, step, allocation, ties):
    model = torch.nn.Sequential(torch.nn.Linear(13, 7), torch.nn.Linear(7, 3), torch.nn.Linear(3, 1))
    if ties:
        for parameter in model.parameters():
            parameter.data.fill_(1.0)
    scope = scope_with_structure(model)
    parts = _parts("magnitude", allocation, "weight", scope)
    first = _prune("lenet_300_100", model, masks.ones(scope), parts, density).masks
    second = _prune("lenet_300_100", model, first, parts, density * step).masks
    assert [masks.kept(first), masks.kept(second)] == [round(d * scope.total) for d in (density, density * step)]
    assert masks.is_nested(second, first)


def test_a_level_cannot_bring_weights_back():
    model = _network("lenet_300_100")
    scope = scope_with_structure(model)
    parts = _parts("magnitude", "global", "weight", scope)
    made = _prune("lenet_300_100", model, masks.ones(scope), parts, 0.2).masks
    with pytest.raises(ValueError, match="left"):
        _prune("lenet_300_100", model, made, parts, 0.5)


def test_rounds_reach_the_same_count_by_exponential_steps():
    """And give another mask than one round: scores are taken again with the mask on."""
    model = _network("lenet_300_100")
    scope = scope_with_structure(model)
    parts = _parts("synflow", "global", "weight", scope)
    one, many = (_prune("lenet_300_100", model, masks.ones(scope), parts, 0.1, rounds=rounds).masks for rounds in (1, 20))
    assert masks.kept(one) == masks.kept(many) == round(0.1 * scope.total)
    assert masks.intersection_over_union(one, many) < 1.0
