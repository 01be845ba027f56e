"""Every method that prunes while training: exact budgets, repeatable and resumable to the bit, a plain sparse network in the end."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch
import yaml

from prunelab.basics.component import component
from prunelab.models.build import build_model
from prunelab.models.initialization import initialize
from prunelab.models.structure import scope_with_structure
from prunelab.pruning import controls, masks
from prunelab.training.dynamic.base import Goal
from prunelab.training.dynamic.callback import DynamicSparsity
from prunelab.training.fit import Observers, fit
from prunelab.training.spec import Hardware, OptimizerSpec, TrainerSpec, TrainSpec
from tests.conftest import CONF, configured, names

STEPS = 60
SCHEDULES = {name: yaml.safe_load((CONF / "schedule" / f"{name}.yaml").read_text()) for name in names("schedule")}
METHODS = [name for name, schedule in SCHEDULES.items() if schedule.get("dynamics")]
SHORT = {"gmp": {"every": "5it"}, "rigl": {"every": "5it"}}  # intervals that go with so short a training
HELD_FROM_THE_START = ("set", "rigl", "edge_popup")  # methods that are as sparse at the first step as at the last


def method(name: str, **options):
    """The method of conf/schedule/NAME.yaml."""
    config = dict(SCHEDULES[name]["dynamics"]) | SHORT.get(name, {}) | options
    return component(name, config.pop("_target_"), config).build()


def spec(total: int = STEPS, **more) -> TrainSpec:
    """A training on digits."""
    return TrainSpec(
        optimizer=more.pop("optimizer", OptimizerSpec(name="sgd", lr=0.05, momentum=0.9, weight_decay=1e-4)),
        trainer=TrainerSpec(length=f"{total}it", batch_size=30, evaluate_every="20it", **more),
        order_seed=3,
        steps_per_epoch=6,
        total_steps=total,
        start_step=0,
        end_step=total,
    )


def network(name: str = "lenet_300_100", seed: int = 0):
    """A small network, initialised."""
    made = build_model(configured("model", name).replace(width=0.2), input_shape=(1, 8, 8), num_classes=10)
    initialize(made, "kaiming_normal", seed)
    return made


def goal(model, *, density: float = 0.2, granularity: str = "weight", allocation: str = "global", seed: int = 0) -> Goal:
    """By magnitude."""
    return Goal(
        scope=scope_with_structure(model),
        criterion=configured("pruning/criterion", "magnitude").build(),
        allocation=configured("pruning/allocation", allocation).build(),
        granularity=configured("pruning/granularity", granularity).build(),
        density=density,
        rounds=1,
        seed=seed,
    )


class Recording(DynamicSparsity):
    """Keeps the masks in force at every step."""

    def __init__(self, *args):
        super().__init__(*args)
        self.history = {}

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        super().on_train_batch_start(trainer, pl_module, batch, batch_idx)
        self.history |= dict.fromkeys(batch, self.masks)


def train(dynamics, model=None, *, of=None, observers=None, resume=None, training=None):
    """The fitted network, and the callback."""
    model = model or network()
    training = training or spec()
    recording = Recording(dynamics, of or goal(model), training)
    splits = configured("dataset", "digits").build()
    hardware = Hardware(accelerator="cpu", checkpoint_seconds=1e-9)
    return fit(
        training, model=model, masks={}, splits=splits, hardware=hardware, dynamic=recording, observers=observers, resume=resume
    ), recording


def test_there_are_methods():
    assert {"gmp", "set", "rigl", "movement", "ac_dc", "edge_popup", "early_bird"} <= set(METHODS)


@pytest.mark.parametrize("granularity", ["weight", "neuron", "two_four"])
@pytest.mark.parametrize("name", METHODS)
def test_it_ends_with_the_asked_budget_on_a_plain_network(name, granularity):
    model = network()
    fresh = {key: value.shape for key, value in network().state_dict().items()}
    dynamics, aim = method(name), goal(model, granularity=granularity)
    if dynamics.granularities and aim.granularity.kind not in dynamics.granularities:
        pytest.skip("refused when the study is planned")
    fitted, _ = train(dynamics, model, of=aim)
    units = controls.kept_units(fitted.masks, aim.scope, aim.granularity)
    assert sum(int(kept.sum()) for kept in units.values()) == round(0.2 * sum(kept.numel() for kept in units.values()))
    assert {key: value.shape for key, value in fitted.state.items()} == fresh
    assert {key: value.shape for key, value in model.state_dict().items()} == fresh
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert all(torch.count_nonzero(fitted.state[key][~mask]) == 0 for key, mask in fitted.masks.items())
    assert sum(torch.count_nonzero(fitted.state[key]) for key in fitted.masks) > 0.8 * masks.kept(fitted.masks)
    assert fitted.data["mask_step"] < STEPS


@pytest.mark.parametrize("name", METHODS)
def test_the_budget_holds_at_each_step(name):
    fitted, recording = train(method(name))
    total = recording.goal.scope.total
    counts = [masks.kept(recording.history[step]) for step in range(STEPS)]
    final = round(0.2 * total)
    assert counts[-1] == final
    assert min(counts) == final
    assert max(counts) == (final if name in HELD_FROM_THE_START else total)
    assert fitted.data["curve"]["validation_top1"][-1] > 0.2


@pytest.mark.parametrize("name", METHODS)
def test_a_seed_gives_the_same_bits_and_a_resumed_training_goes_on_with_them(name):
    parts = {}
    observers = Observers(on_partial=lambda state, position: parts.update({position["step"]: copy.deepcopy((state, position))}))
    whole, _ = train(method(name), observers=observers)
    again, _ = train(method(name))
    middle = min(step for step in parts if step > STEPS // 2)
    resumed, _ = train(method(name), resume=parts[middle])
    for other in (again, resumed):
        assert whole.data["mask_step"] == other.data["mask_step"]
        assert whole.data["curve"] == other.data["curve"]
        for tensors, others in ((whole.state, other.state), (whole.masks, other.masks)):
            assert tensors.keys() == others.keys()
            assert all(torch.equal(tensors[key], others[key]) for key in tensors)


@pytest.mark.parametrize("name", METHODS)
def test_a_network_with_batch_norm_learns_too(name):
    model = network("resnet_20")
    fitted, _ = train(method(name), model, of=goal(model, density=0.3), training=spec(24))
    assert masks.kept(fitted.masks) == round(0.3 * scope_with_structure(model).total)
    assert all(torch.isfinite(value).all() for value in fitted.state.values())


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("option", [{"ema": 0.9}, {"select": "best"}, {"patience": 2}])
def test_options_that_look_back_are_refused(name, option):
    with pytest.raises(ValueError, match="does not go with pruning while training"):
        train(method(name), training=spec(**option))


@pytest.mark.parametrize("name", METHODS)
def test_a_window_outside_the_training_is_refused(name):
    for options in ({"end": "100%"}, {"end": "200it"}, {"begin": "50%", "end": "40%"}):
        with pytest.raises(ValueError, match=r"between step 0 and the last step|beyond the last step"):
            method(name, **options).steps(spec())
    with pytest.raises(ValueError, match="longer than the"):
        method(name, begin="10%", end="50%", every="41%").steps(spec())


def test_exact_budgets_under_other_allocations():
    for allocation in ("uniform", "erk"):
        model = network()
        fitted, _ = train(method("gmp"), model, of=goal(model, allocation=allocation))
        assert masks.kept(fitted.masks) == round(0.2 * scope_with_structure(model).total)


def test_dataclasses_are_frozen():
    for name in METHODS:
        with pytest.raises(dataclasses.FrozenInstanceError):
            method(name).every = "3it"
