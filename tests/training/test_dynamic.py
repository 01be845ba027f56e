"""Methods that prune while training, against numbers worked out by hand and what their papers say."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from prunelab.pruning import masks
from prunelab.pruning.schedules import cubic_sparsity
from prunelab.training.dynamic.base import Moment
from prunelab.training.dynamic.learned import ScoredMask, StraightThrough
from prunelab.training.module import MaskedTraining
from prunelab.training.spec import OptimizerSpec
from tests.conftest import configured
from tests.contract.test_dynamic import STEPS, goal, method, network, spec, train


def _changes(history):
    return [step for step in range(1, STEPS) if any(not torch.equal(history[step][n], history[step - 1][n]) for n in history[step])]


def test_gradual_pruning_follows_the_cubic_and_never_brings_weights_back():
    fitted, recording = train(method("gmp", begin="10it", end="40it", every="10it"))
    total = recording.goal.scope.total
    for step, tick in {9: None, 10: 10, 19: 10, 20: 20, 35: 30, 40: 40, 59: 40}.items():
        asked = 0.0 if tick is None else cubic_sparsity(tick, initial=0.0, final=0.8, begin_step=10, end_step=40)
        assert masks.kept(recording.history[step]) == round((1 - asked) * total)
    # at two thirds of the way a linear schedule would be at 0.53
    assert masks.kept(recording.history[30]) == round((1 - (0.8 - 0.8 / 27)) * total)
    assert all(masks.is_nested(recording.history[step], recording.history[step - 1]) for step in range(1, STEPS))
    assert fitted.data["mask_step"] == 40


def test_gradual_pruning_by_scores_that_know_nothing_of_what_is_gone_only_removes():
    """Magnitudes of pruned weights are zero, so they can't tell; random scores can."""
    model = network()
    by_chance = dataclasses.replace(goal(model), criterion=configured("pruning/criterion", "random").build())
    _, recording = train(method("gmp", begin="10it", end="40it", every="10it"), model, of=by_chance)
    assert all(masks.is_nested(recording.history[step], recording.history[step - 1]) for step in range(1, STEPS))


@pytest.mark.parametrize("name", ["set", "rigl"])
def test_exchange_keeps_each_layers_count_and_stops(name):
    fitted, recording = train(method(name, every="5it", end="31it"))
    history = recording.history
    counts = {n: int(mask.sum()) for n, mask in history[0].items()}
    assert all({n: int(mask.sum()) for n, mask in history[step].items()} == counts for step in range(STEPS))
    assert _changes(history) == [5, 10, 15, 20, 25, 30]
    assert fitted.data["mask_step"] == 30


def test_the_exchanged_fraction_decays_with_the_cosine_and_not_for_set():
    def moved(name):
        _, recording = train(method(name, every="5it", end="31it", decay={"rigl": "cosine", "set": "constant"}[name]))
        history = recording.history
        return [{n: int((history[t - 1][n] & ~history[t][n]).sum()) for n in history[t]} for t in (5, 15, 30)], history[0]

    found, start = moved("rigl")
    for step, gone in zip((5, 15, 30), found, strict=True):
        share = 0.3 / 2 * (1 + math.cos(math.pi * step / 31))
        for n, count in gone.items():
            active = int(start[n].sum())
            assert count == min(round(share * active), start[n].numel() - active)
    constant, _ = moved("set")
    assert constant[0] == constant[1] == constant[2]


def test_rigl_grows_where_the_gradient_of_the_step_is_largest_and_set_elsewhere():
    model = network()
    aim = goal(model)
    masked = method("rigl").start(model, aim)
    masks.apply(model, masked)
    stream = torch.Generator().manual_seed(9)
    gradients = {n: torch.randn(mask.shape, generator=stream) for n, mask in masked.items()}
    grown = {}
    for name in ("rigl", "set"):
        moment = Moment(step=5, spec=spec(), goal=aim, network=model, masks=masked, gradients=lambda: gradients, memory={})
        made = method(name).update(moment)
        grown[name] = {n: made[n] & ~masked[n] for n in made}
    for n, new in grown["rigl"].items():
        inactive = gradients[n].abs()[~masked[n]]
        count = int(new.sum())
        assert gradients[n].abs()[new].min() >= inactive.sort(descending=True).values[:count].min() - 1e-12
    assert any(not torch.equal(grown["rigl"][n], grown["set"][n]) for n in masked)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_weights_that_come_start_at_zero_with_nothing_remembered(optimizer):
    model = network()
    aim = goal(model)
    before = method("rigl").start(model, aim)
    module = MaskedTraining(spec(optimizer=OptimizerSpec(name=optimizer, lr=0.01)), model, before)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    module.optimizer.step()
    after = {n: mask.flip(0) for n, mask in before.items()}
    module.set_masks(after)
    for n, weight in model.named_parameters():
        if n not in after:
            continue
        both = before[n] & after[n]
        slots = [s for s in module.optimizer.state[weight].values() if isinstance(s, torch.Tensor) and s.shape == weight.shape]
        assert slots
        assert torch.count_nonzero(weight[~both]) == 0
        assert all(torch.count_nonzero(slot[~both]) == 0 and torch.count_nonzero(slot[both]) == both.sum() for slot in slots)


def test_dense_gradients_are_those_of_the_masked_network_and_change_nothing():
    """Also for pruned weights, which is what growth looks at."""
    seen = {}

    class Looking(type(method("rigl"))):
        def update(self, moment):
            state = {k: v.clone() for k, v in moment.network.state_dict().items()}
            seen["gradients"] = moment.gradients()
            seen["pruned"] = {n: ~mask for n, mask in moment.masks.items()}
            assert all(torch.equal(state[k], v) for k, v in moment.network.state_dict().items())
            return super().update(moment)

    model = network("resnet_20")
    train(Looking(**dataclasses.asdict(method("rigl"))), model, of=goal(model), training=spec(24))
    assert any(torch.count_nonzero(seen["gradients"][n][pruned]) > 0 for n, pruned in seen["pruned"].items())


def test_ac_dc_alternates_and_ends_sparse():
    fitted, recording = train(method("ac_dc", begin="10it", every="10it", end="45it"))
    total = recording.goal.scope.total
    kept = [masks.kept(recording.history[step]) for step in (9, 10, 19, 20, 29, 30, 39, 40, 44, 45, 59)]
    sparse = round(0.2 * total)
    assert kept == [total, sparse, sparse, total, total, sparse, sparse, total, total, sparse, sparse]
    assert fitted.data["mask_step"] == 45
    # weights that were out may come back
    assert not masks.is_nested(recording.history[30], recording.history[10])


def test_movement_raises_scores_of_weights_that_move_away_from_zero():
    """ds = dL/d(wm) * w, also where the mask is 0: a growing weight has w and its gradient of opposite signs."""
    weight = torch.tensor([2.0, -2.0, 2.0, -2.0], requires_grad=True)
    scores = torch.zeros(4, requires_grad=True)
    mask = torch.tensor([1.0, 1.0, 0.0, 0.0])
    upstream = torch.tensor([-1.0, 1.0, 1.0, -1.0])
    StraightThrough.apply(weight, scores, mask).backward(upstream)
    assert scores.grad.tolist() == [-2.0, -2.0, 2.0, 2.0]
    assert weight.grad.tolist() == [-1.0, 1.0, 0.0, 0.0]
    # one step of descent on the scores: the two that grow rank above the two that shrink; absolute scores would tie
    assert (-scores.grad).argsort(descending=True, stable=True).tolist()[:2] == [0, 1]


def test_movement_is_not_magnitude():
    fitted, recording = train(method("movement"))
    by_magnitude = recording.goal.prune(network(), 0.2, step=0, within=recording.goal.dense()).masks
    assert masks.intersection_over_union(fitted.masks, by_magnitude) < 0.6


def test_edge_popup_finds_a_mask_of_untouched_weights():
    start = {key: value.clone() for key, value in network().state_dict().items()}
    fitted, _ = train(method("edge_popup"))
    for key, value in fitted.state.items():
        kept = fitted.masks.get(key)
        assert torch.equal(value, start[key] if kept is None else start[key] * kept)
    untrained = network()
    masks.apply(untrained, fitted.masks)
    assert fitted.data["curve"]["validation_top1"][-1] > 0.3  # ten classes, and no weight was trained


def test_edge_popup_ranks_magnitudes_of_scores():
    part = ScoredMask(torch.tensor([-3.0, 1.0, 2.0]), absolute=True)
    assert part.ranked().tolist() == [3.0, 1.0, 2.0]
    assert ScoredMask(torch.tensor([-3.0, 1.0]), absolute=False).ranked().tolist() == [-3.0, 1.0]


def test_an_early_bird_is_drawn_when_the_last_masks_agree_and_at_the_end_otherwise():
    drawn = [train(method("early_bird", threshold=t, every="2it", end="40it"))[0].data["mask_step"] for t in (1.0, 1e-9)]
    assert drawn == [8, 40]  # at steps 0, 2, 4, 6, 8 there are five masks


def test_an_early_bird_waits_for_all_pairs_with_the_newest():
    """Five masks, of which the oldest differs: the ticket waits one more epoch."""
    model = network()
    aim = goal(model)
    moved = method("early_bird", every="1it", end="40it")
    memory: dict[str, torch.Tensor] = {}
    current = aim.dense()

    def at(step):
        moment = Moment(step=step, spec=spec(), goal=aim, network=model, masks=current, gradients=dict, memory=memory)
        return moved.update(moment)

    weights = dict(model.named_parameters())
    kept_weights = {n: w.detach().clone() for n, w in weights.items()}
    with torch.no_grad():
        for weight in weights.values():
            weight.copy_(weight.flip(-1) if weight.ndim > 1 else weight)
    at(0)
    with torch.no_grad():
        for n, weight in weights.items():
            weight.copy_(kept_weights[n])
    found = [masks.kept(at(step)) for step in range(1, 6)]
    assert found[:4] == [aim.scope.total] * 4
    assert found[4] == round(0.2 * aim.scope.total)
