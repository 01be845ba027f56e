"""Every criterion x allocation, on an MLP, a residual network and a transformer."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from prunelab.models.build import build_model
from prunelab.pruning import masks
from prunelab.pruning.criteria.base import Context
from prunelab.pruning.prune import prune
from prunelab.pruning.scope import scope_of
from tests.conftest import configured, names

CRITERIA, ALLOCATIONS = names("pruning/criterion"), names("pruning/allocation")
MODELS = {"lenet_300_100": (1, 8, 8), "resnet_20": (3, 16, 16), "vit_tiny": (3, 16, 16)}


def _network(name: str):
    model = configured("model", name).replace(width=0.25) if name == "resnet_20" else configured("model", name)
    return build_model(model, input_shape=MODELS[name], num_classes=10)


def _prune(model, before, criterion, allocation, density, seed=0):
    return prune(
        model,
        scope=scope_of(model),
        criterion=configured("pruning/criterion", criterion).build(),
        allocation=configured("pruning/allocation", allocation).build(),
        granularity=configured("pruning/granularity", "weight").build(),
        density=density,
        context=Context(generator=torch.Generator().manual_seed(seed), masks=before),
    )


def _state(model):
    tensors = {name: value.clone() for name, value in model.state_dict().items()}
    flags = [(parameter.requires_grad, parameter.grad is None) for parameter in model.parameters()]
    return tensors, flags, model.training, torch.get_rng_state()


@pytest.mark.parametrize("model_name", MODELS)
@pytest.mark.parametrize("allocation", ALLOCATIONS)
@pytest.mark.parametrize("criterion", CRITERIA)
def test_levels_are_exact_nested_and_leave_the_model_alone(criterion, allocation, model_name):
    model = _network(model_name)
    scope, before = scope_of(model), _state(model)
    kind = configured("pruning/allocation", allocation).build()
    current = masks.ones(scope)
    for density in (0.7, 0.45, 0.3):
        made = _prune(model, current, criterion, allocation, density)
        if kind.exact_total:
            assert masks.kept(made) == round(density * scope.total)
        assert masks.is_nested(made, current)
        assert list(made) == list(scope.shapes)
        current = made
    after = _state(model)
    assert all(torch.equal(before[0][name], after[0][name]) for name in before[0])
    assert before[1:3] == after[1:3]
    assert torch.equal(before[3], after[3])


@pytest.mark.parametrize("criterion", CRITERIA)
def test_same_seed_same_mask(criterion):
    model = _network("lenet_300_100")
    one, again, other = (_prune(model, masks.ones(scope_of(model)), criterion, "global", 0.3, seed) for seed in (0, 0, 1))
    assert masks.intersection_over_union(one, again) == 1.0
    assert (masks.intersection_over_union(one, other) < 0.9) == (criterion == "random")


@settings(max_examples=40, deadline=None)
@given(
    density=st.floats(0.2, 1.0),
    step=st.floats(0.3, 1.0),
    allocation=st.sampled_from([name for name in ALLOCATIONS if name not in ("layer_rates", "uniform_plus")]),
    ties=st.booleans(),
)
def test_any_density_is_reached_to_the_weight(density, step, allocation, ties):
    model = torch.nn.Sequential(torch.nn.Linear(13, 7), torch.nn.Linear(7, 3), torch.nn.Linear(3, 1))
    if ties:
        for parameter in model.parameters():
            parameter.data.fill_(1.0)
    scope = scope_of(model)
    first = _prune(model, masks.ones(scope), "magnitude", allocation, density)
    second = _prune(model, first, "magnitude", allocation, density * step)
    assert [masks.kept(first), masks.kept(second)] == [round(d * scope.total) for d in (density, density * step)]
    assert masks.is_nested(second, first)


def test_a_level_cannot_bring_weights_back():
    model = _network("lenet_300_100")
    made = _prune(model, masks.ones(scope_of(model)), "magnitude", "global", 0.2)
    with pytest.raises(ValueError, match="left"):
        _prune(model, made, "magnitude", "global", 0.5)
