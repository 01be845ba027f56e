"""Every criterion x allocation x granularity that is allowed, on an MLP, a residual network and a transformer."""

from __future__ import annotations

import copy
import functools
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
from prunelab.pruning.granularities.units import Units
from prunelab.pruning.prune import prune
from tests.conftest import configured, names

CRITERIA, ALLOCATIONS, GRANULARITIES = (names(f"pruning/{part}") for part in ("criterion", "allocation", "granularity"))
MODELS = {"lenet_300_100": (1, 6, 6), "resnet_20": (2, 8, 8), "vit_tiny": (1, 8, 8)}
DENSITIES = (0.5, 0.3)
TRANSFORMER_UNITS = ("head", "ffn_neuron", "heads_and_neurons")
# criteria with other options than their file's
VARIANTS = {f"obd_{hessian}": ("obd", {"hessian": hessian}) for hessian in ("gauss_newton", "hutchinson")}
RANDOM = {"random", *VARIANTS}


@functools.cache
def _template(name: str):
    narrow = {"lenet_300_100": {"width": 0.1}, "resnet_20": {"width": 0.25, "depth": 8}, "vit_tiny": {"dim": 16, "depth": 2}}[name]
    model = build_model(configured("model", name).replace(**narrow), input_shape=MODELS[name], num_classes=4)
    stream = torch.Generator().manual_seed(0)
    for buffer_name, buffer in model.named_buffers():
        if buffer.is_floating_point():
            # means far from what flows would leave no ReLU that fires
            buffer.copy_(torch.rand(buffer.shape, generator=stream) * 0.1 + (0.0 if buffer_name.endswith("mean") else 0.1))
    return model.train()


def _network(name: str):
    """In training, with a frozen parameter and a gradient left over: all of it must be found again."""
    model = copy.deepcopy(_template(name))
    first, second, *_ = model.parameters()
    first.grad, second.requires_grad = torch.ones_like(first), False
    return model


@functools.cache
def _scope(name: str):
    coupled_for = None if name == "vit_tiny" else MODELS[name]  # its LayerNorms hold all channels together
    return scope_with_structure(_template(name), coupled_for=coupled_for)


@functools.cache
def _batches(name: str):
    stream = torch.Generator().manual_seed(1)
    return [(torch.randn(n, *MODELS[name], generator=stream), torch.randint(0, 4, (n,), generator=stream)) for n in (4, 3)]


@functools.cache
def _built(part: str, name: str):
    if name in VARIANTS:
        name, options = VARIANTS[name]
        return configured(f"pruning/{part}", name).replace(**options).build()
    return configured(f"pruning/{part}", name).build()


def _allocation(name: str, scope):
    if name == "as_measured":
        from prunelab.pruning.allocations.as_measured import AsMeasured

        return AsMeasured(densities={tensor: 0.2 + 0.5 / (i + 1) for i, tensor in enumerate(scope.shapes)})
    return _built("allocation", name)


def _parts(criterion, allocation, granularity, scope):
    return _built("criterion", criterion), _allocation(allocation, scope), _built("granularity", granularity)


def _prune(name, model, before, parts, density, seed=0, rounds=1, scope=None):
    criterion, allocation, granularity = parts
    context = Context(generator=torch.Generator().manual_seed(seed), masks=before, batches=_batches(name)[:1])
    return prune(
        model,
        scope=_scope(name) if scope is None else scope,
        criterion=criterion,
        allocation=allocation,
        granularity=granularity,
        density=density,
        context=context,
        rounds=rounds,
    )


def _state(model):
    tensors = {name: value.clone() for name, value in model.state_dict().items()}
    tensors |= {f"{name}.grad": parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.grad is not None}
    tensors["random state"] = torch.get_rng_state()
    return tensors, [parameter.requires_grad for parameter in model.parameters()], [module.training for module in model.modules()]


def _same_state(one, other):
    tensors = one[0].keys() == other[0].keys() and all(torch.equal(one[0][name], other[0][name]) for name in one[0])
    return tensors and one[1:] == other[1:]


def _possible(criterion, allocation, granularity, model_name):
    """Whether the method is allowed, and the network has such units that the criterion knows."""
    scope = _scope(model_name)
    parts = _parts(criterion, allocation, granularity, scope)
    if refusal(*parts):
        return False
    try:
        parts[2].check(scope)
    except ValueError:
        return False
    if allocation == "uniform_plus" and granularity == "filter" and model_name == "vit_tiny":
        return False  # its one convolution would stay whole
    if allocation == "uniform_plus" and granularity == "coupled" and model_name == "resnet_20":
        return False  # the first layer's channels are those of all residual sums, more than is asked for
    return not (criterion == "bn_scale" and model_name != "resnet_20")


ALLOWED = [combination for combination in itertools.product(CRITERIA, ALLOCATIONS, GRANULARITIES, MODELS) if _possible(*combination)]
ON_MODELS = [*sorted({(combination[0], combination[3]) for combination in ALLOWED}), *itertools.product(VARIANTS, MODELS)]


def test_every_choice_is_met():
    for position, choices in enumerate((CRITERIA, ALLOCATIONS, GRANULARITIES, list(MODELS))):
        assert {combination[position] for combination in ALLOWED} == set(choices)


@pytest.mark.parametrize(("criterion", "allocation", "granularity", "model_name"), ALLOWED, ids=lambda value: value)
def test_levels_are_exact_nested_and_leave_the_model_alone(criterion, allocation, granularity, model_name):
    model = _network(model_name)
    scope, before = _scope(model_name), _state(model)
    parts = _parts(criterion, allocation, granularity, scope)
    current = masks.ones(scope)
    for level, density in enumerate(DENSITIES):
        made = _prune(model_name, model, current, parts, density, seed=level)
        units = controls.kept_units(made.masks, scope, parts[2])
        if parts[1].exact_total:
            assert sum(int(kept.sum()) for kept in units.values()) == round(density * sum(kept.numel() for kept in units.values()))
        assert masks.is_nested(made.masks, current)
        assert list(made.masks) == list(scope.shapes)
        assert isinstance(parts[0], Compensating) == bool(made.weights)
        assert all(torch.count_nonzero(made.weights[name][~made.masks[name]]) == 0 for name in made.weights)
        assert all(torch.isfinite(weight).all() for weight in made.weights.values())
        current = made.masks
    assert _same_state(before, _state(model))


@pytest.mark.parametrize("name", MODELS)
def test_the_networks_are_alive(name):
    """In a network whose ReLUs never fire all criteria of gradients agree, and nothing here would be tested."""
    context = Context(generator=torch.Generator(), masks=masks.ones(_scope(name)), batches=_batches(name))
    found = _built("criterion", "gradient")(_network(name), _scope(name), context)
    assert all(int((score > 0).sum()) > 0.3 * score.numel() for score in found.values())


def _units_for(criterion, scope):
    """Units of the first kind that a criterion of units alone can score and the network has."""
    for granularity in GRANULARITIES:
        made = _built("granularity", granularity)
        if made.kind in criterion.granularities and isinstance(made, Units) and made.groups(scope):
            return made.groups(scope)
    return {}


@pytest.mark.parametrize(("criterion", "name"), ON_MODELS)
def test_scores_are_finite_of_the_right_shape_and_repeatable(criterion, name):
    model, scope = _network(name), _scope(name)
    before, kind = _state(model), _built("criterion", criterion)
    part = masks.ones(scope)
    for mask in part.values():
        mask.view(-1)[::3] = False

    units = _units_for(kind, scope)

    def scores(seed, left):
        context = Context(generator=torch.Generator().manual_seed(seed), masks=left, batches=_batches(name), units=units)
        return kind(model, scope, context)

    for left in (masks.ones(scope), part):
        one, again, other = (scores(seed, left) for seed in (0, 0, 1))
        assert one
        assert all(tuple(score.shape) == scope.shapes[tensor] and torch.isfinite(score).all() for tensor, score in one.items())
        assert all(torch.equal(one[tensor], again[tensor]) for tensor in one)
        assert all(torch.equal(one[tensor], other[tensor]) for tensor in one) == (criterion not in RANDOM)
    assert _same_state(before, _state(model))


@pytest.mark.parametrize(("criterion", "name"), ON_MODELS)
def test_the_same_seed_prunes_the_same_and_another_seed_otherwise_if_the_method_draws(criterion, name):
    known_as = VARIANTS[criterion][0] if criterion in VARIANTS else criterion
    granularity = next(combination[2] for combination in reversed(ALLOWED) if (combination[0], combination[3]) == (known_as, name))
    model, scope = _network(name), _scope(name)
    parts = _parts(criterion, "global", granularity, scope)
    one, again, other = (_prune(name, model, masks.ones(scope), parts, 0.5, seed=seed).masks for seed in (0, 0, 1))
    assert masks.intersection_over_union(one, again) == 1.0
    assert (masks.intersection_over_union(one, other) == 1.0) == (criterion not in RANDOM)


@pytest.mark.parametrize("criterion", [name for name in CRITERIA if configured("pruning/criterion", name).build().needs_batches])
def test_a_criterion_that_looks_at_data_says_so_when_there_is_none(criterion):
    name = next(combination[3] for combination in ALLOWED if combination[0] == criterion)
    model, scope = _network(name), _scope(name)
    context = Context(generator=torch.Generator(), masks=masks.ones(scope))
    with pytest.raises(ValueError, match="batch"):
        configured("pruning/criterion", criterion).build()(model, scope, context)


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_controls_keep_the_number_of_units_and_change_the_place(granularity):
    name = {"neuron": "lenet_300_100", **dict.fromkeys(TRANSFORMER_UNITS, "vit_tiny")}.get(granularity, "resnet_20")
    model, scope = _network(name), _scope(name)
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
    first = _prune("lenet_300_100", model, masks.ones(scope), parts, density, scope=scope).masks
    second = _prune("lenet_300_100", model, first, parts, density * step, scope=scope).masks
    assert [masks.kept(first), masks.kept(second)] == [round(d * scope.total) for d in (density, density * step)]
    assert masks.is_nested(second, first)


def test_a_level_cannot_bring_weights_back():
    model, scope = _network("lenet_300_100"), _scope("lenet_300_100")
    parts = _parts("magnitude", "global", "weight", scope)
    made = _prune("lenet_300_100", model, masks.ones(scope), parts, 0.2).masks
    with pytest.raises(ValueError, match="left"):
        _prune("lenet_300_100", model, made, parts, 0.5)


def test_rounds_reach_the_same_count_by_exponential_steps():
    """And give another mask than one round: scores are taken again with the mask on."""
    model, scope = _network("lenet_300_100"), _scope("lenet_300_100")
    parts = _parts("synflow", "global", "weight", scope)
    one, many = (_prune("lenet_300_100", model, masks.ones(scope), parts, 0.1, rounds=rounds).masks for rounds in (1, 20))
    assert masks.kept(one) == masks.kept(many) == round(0.1 * scope.total)
    assert masks.intersection_over_union(one, many) < 1.0
