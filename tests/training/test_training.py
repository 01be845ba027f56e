"""Training: exact rewinding, exact resumption, and pruned weights that stay zero."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from prunelab.basics.step import resolve_step
from prunelab.datasets.augment import Augment
from prunelab.models.build import build_model
from prunelab.models.initialization import initialize
from prunelab.pruning.scope import scope_of
from prunelab.store.artifact import Artifact
from prunelab.store.store import Store
from prunelab.training.batches import Order
from prunelab.training.fit import Observers, fit
from prunelab.training.learning_rate import LearningRate
from prunelab.training.module import draws_randomly
from prunelab.training.spec import Hardware, OptimizerSpec, TrainerSpec, TrainSpec
from tests.conftest import configured

HARDWARE = Hardware(accelerator="cpu")


def _spec(*, start=0, end=40, optimizer=None, total=40, order_seed=0, constant_lr=False, **trainer) -> TrainSpec:
    return TrainSpec(
        optimizer=optimizer or OptimizerSpec(),
        trainer=TrainerSpec(length=f"{total}it", batch_size=30, evaluate_every="10it", **trainer),
        order_seed=order_seed,
        steps_per_epoch=39,
        total_steps=total,
        start_step=start,
        end_step=end,
        constant_lr=constant_lr,
    )


@pytest.fixture(scope="module")
def splits():
    return configured("dataset", "digits").build()


def _model(name="lenet_300_100", seed=0):
    model = build_model(configured("model", name), input_shape=(1, 8, 8), num_classes=10)
    initialize(model, "kaiming_normal", seed)
    return model


def _fit(splits, spec, *, model=None, masks=None, **more):
    return fit(spec, model=model or _model(), masks=masks or {}, splits=splits, hardware=HARDWARE, **more)


def _same(one, other) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_it_learns(splits):
    fitted = _fit(splits, _spec(end=120, total=120))
    assert fitted.data["curve"]["validation_top1"][-1] > 0.8
    assert fitted.data["curve"]["step"] == [float(step) for step in range(10, 121, 10)]


OPTIMIZERS = {
    "sgd": OptimizerSpec(name="sgd", lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-2),
    "adam": OptimizerSpec(name="adam", lr=1e-3, weight_decay=1e-2),
    "adamw": OptimizerSpec(name="adamw", lr=1e-3, weight_decay=1e-2),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_pruned_weights_stay_exactly_zero_under_momentum_and_decay(splits, name):
    model = _model()
    masks = {n: torch.rand(shape) < 0.3 for n, shape in scope_of(model).shapes.items()}
    before = {n: value.clone() for n, value in model.state_dict().items()}
    state = _fit(splits, _spec(optimizer=OPTIMIZERS[name]), model=model, masks=masks).state
    for n, mask in masks.items():
        assert torch.count_nonzero(state[n][~mask]) == 0
        assert not torch.equal(state[n][mask], before[n][mask])


def test_snapshots_are_the_training_that_ends_there(splits):
    """Taken on the way, with BatchNorm statistics; and taking them changes nothing."""
    found = {}
    observers = Observers(snapshot_steps=[7, 20], on_snapshot=lambda step, fitted: found.update({step: fitted.state}))
    model = "mnist1d_cnn"
    splits = configured("dataset", "mnist1d").build()

    def network():
        made = build_model(configured("model", model), input_shape=(40,), num_classes=10)
        initialize(made, "kaiming_normal", 0)
        return made

    whole = _fit(splits, _spec(), model=network(), observers=observers).state
    assert _same(whole, _fit(splits, _spec(), model=network()).state)
    for step in (7, 20):
        assert _same(found[step], _fit(splits, _spec(end=step), model=network()).state)


def test_sgd_without_momentum_from_a_snapshot_is_the_whole_training(splits):
    """Learning rate and data order go on at step k; nothing restarts."""
    optimizer = OptimizerSpec(name="sgd", lr=0.05, momentum=0.0, schedule="cosine", warmup="5it")
    whole = _fit(splits, _spec(optimizer=optimizer)).state
    model = _model()
    model.load_state_dict(_fit(splits, _spec(optimizer=optimizer, end=17)).state)
    assert _same(whole, _fit(splits, _spec(optimizer=optimizer, start=17), model=model).state)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_a_killed_training_continues_with_the_same_bits(splits, name, ema, tmp_path):
    """From what the store gives back, which is not in every way what was handed to it."""
    spec = _spec(optimizer=OPTIMIZERS[name], ema=ema, select="best")
    hardware = dataclasses.replace(HARDWARE, checkpoint_seconds=1e-9)
    stores = []

    def keep(state, position):
        stores.append(Store(tmp_path / str(len(stores))))
        stores[-1].write_partial("0" * 64, Artifact(tensors=state, data=position))

    whole = fit(spec, model=_model(), masks={}, splits=splits, hardware=hardware, observers=Observers(on_partial=keep))
    partial = stores[1].read_partial("0" * 64)
    assert partial.data["step"] == 20
    again = _fit(splits, spec, model=_model(seed=5), resume=(partial.tensors, partial.data))
    assert _same(whole.state, again.state)
    assert whole.data["curve"] == again.data["curve"]


def test_dropout_is_a_function_of_the_step(splits):
    class Dropping(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 32), torch.nn.Dropout(0.5), torch.nn.Linear(32, 10))

        def forward(self, x):
            return self.net(x)

    def network():
        made = Dropping()
        initialize(made, "kaiming_normal", 0)
        return made

    assert draws_randomly(network())
    torch.manual_seed(1)
    one = _fit(splits, _spec(), model=network()).state
    torch.manual_seed(2)
    again = network()
    before = torch.get_rng_state()
    assert _same(one, _fit(splits, _spec(), model=again).state)
    assert torch.equal(before, torch.get_rng_state())


def test_augmentation_and_order_seeds_matter(splits):
    shifted = dataclasses.replace(splits, augment=Augment(shift=1))
    runs = [_fit(s, _spec(order_seed=seed)).state for s, seed in ((splits, 0), (splits, 1), (shifted, 0), (shifted, 0))]
    assert not _same(runs[0], runs[1])
    assert not _same(runs[0], runs[2])
    assert _same(runs[2], runs[3])


def test_neighbouring_seeds_share_no_epoch():
    first, second = (Order(num_examples=500, batch_size=50, seed=seed) for seed in (0, 1))
    epochs = [{tuple(order(step).tolist()) for step in range(0, 200, 10)} for order in (first, second)]
    assert len(epochs[0]) == 20
    assert not epochs[0] & epochs[1]


def test_an_epoch_sees_every_example_once_and_any_step_can_be_asked_for():
    order = Order(num_examples=100, batch_size=10, seed=0)
    seen = torch.cat([order(step) for step in range(10, 20)])
    assert sorted(seen.tolist()) == list(range(100))
    assert torch.equal(Order(num_examples=100, batch_size=10, seed=0)(13), order(13))


def test_patience_stops_and_best_is_not_the_last(splits):
    optimizer = OptimizerSpec(name="sgd", lr=0.5, momentum=0.9)
    stopped = _fit(splits, _spec(end=400, total=400, optimizer=optimizer, patience=2, select="best"))
    steps, losses = stopped.data["curve"]["step"], stopped.data["curve"]["validation_loss"]
    assert steps[-1] < 400
    assert losses.index(min(losses)) == len(losses) - 3
    until_best = _fit(splits, _spec(end=int(steps[-3]), total=400, optimizer=optimizer))
    assert _same(stopped.state, until_best.state)


def test_divergence_is_said(splits):
    fitted = _fit(splits, _spec(optimizer=OptimizerSpec(name="sgd", lr=1e20)))
    assert fitted.data["diverged"]


def test_bf16_channels_last_clipping_and_smoothing_train(splits):
    model = build_model(configured("model", "resnet_20").replace(width=0.25), input_shape=(1, 8, 8), num_classes=10)
    initialize(model, "kaiming_normal", 0)
    stream = torch.Generator().manual_seed(0)
    masks = {n: torch.rand(shape, generator=stream) < 0.5 for n, shape in scope_of(model).shapes.items()}
    spec = _spec(precision="bf16-mixed", channels_last=True, gradient_clip=1.0, label_smoothing=0.1, end=10)
    fitted = _fit(splits, spec, model=model, masks=masks)
    assert fitted.data["curve"]["train_loss"][-1] < 3
    assert all(torch.count_nonzero(fitted.state[n][~mask]) == 0 for n, mask in masks.items())


SHAPES = {
    "constant": [1.0, 1.0, 1.0, 1.0],
    "step": [1.0, 1.0, 0.1, 0.01],
    "cosine": [1.0, 0.5 * (1 + 2**-0.5), 0.5, 0.5 * (1 - 2**-0.5)],
}


@pytest.mark.parametrize("name", SHAPES)
def test_learning_rates_by_hand(name):
    optimizer = OptimizerSpec(name="sgd", lr=2.0, schedule=name, milestones=["50%", "75%"])
    rate = LearningRate(_spec(total=100, end=100, optimizer=optimizer))
    assert [rate(step) for step in (0, 25, 50, 75)] == pytest.approx([2 * value for value in SHAPES[name]])


def test_warm_up_one_cycle_and_fine_tuning():
    warm = LearningRate(_spec(total=100, end=100, optimizer=OptimizerSpec(lr=1.0, warmup="10it")))
    assert [warm(step) for step in (0, 4, 9, 10)] == pytest.approx([0.1, 0.5, 1.0, 1.0])
    cycle = LearningRate(_spec(total=101, end=101, optimizer=OptimizerSpec(lr=1.0, schedule="one_cycle")))
    assert [cycle(step) for step in (0, 30, 100)] == pytest.approx([1 / 25, 1.0, 1e-4])
    step = OptimizerSpec(lr=1.0, schedule="step", milestones=["50%"])
    tuned = LearningRate(_spec(total=100, end=100, optimizer=step, constant_lr=True))
    assert [tuned(0), tuned(99)] == pytest.approx([0.1, 0.1])


@pytest.mark.parametrize(("text", "step"), [("500it", 500), (500, 500), ("2ep", 78), ("1%", 10), ("0.5ep", 20)])
def test_steps(text, step):
    assert resolve_step(text, steps_per_epoch=39, total_steps=1000) == step


@pytest.mark.parametrize("text", ["2 epochs", "-1", "1.5it", "101%", "2000"])
def test_wrong_steps_are_refused(text):
    with pytest.raises(ValueError, match="step|training|whole"):
        resolve_step(text, steps_per_epoch=39, total_steps=1000)
