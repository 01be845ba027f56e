"""Tickets, rewinding and controls as the papers define them; keys that cover everything."""

from __future__ import annotations

import dataclasses

import pytest

from prunelab.config import to_study
from prunelab.pruning import masks
from prunelab.store.store import Store
from prunelab.study.plan import plan
from prunelab.study.points import Point
from prunelab.study.progress import progress
from prunelab.study.stages.init import Init
from prunelab.study.stages.train import Train
from prunelab.study.workshop import Workshop
from tests.contract.test_configs import composed
from tests.study.conftest import SMALL, by_control, same, weights_of


def test_with_rate_zero_each_level_is_the_dense_network_bit_for_bit(run):
    made, workshop, _ = run("sparsity.rate=0")
    dense, *levels = (weights_of(workshop, point) for point in made.points)
    assert len(levels) == 2
    assert all(same(dense, level) for level in levels)


def test_rewound_to_the_end_a_ticket_is_the_masked_dense_network(run):
    made, workshop, _ = run("schedule.rewind_to=100%")
    dense, ticket = made.points[0], made.points[1]
    kept = workshop.store.read(ticket.train.masks.key).tensors
    expected = {n: w * kept[n] if n in kept else w for n, w in weights_of(workshop, dense).items()}
    assert same(expected, weights_of(workshop, ticket))


def test_a_ticket_starts_from_the_weights_of_its_own_run_at_step_k(run):
    made, _, _ = run("schedule.rewind_to=10")
    for point in made.points[1:]:
        start = point.train.weights
        assert isinstance(start, Train)
        assert (start.spec.start_step, start.spec.end_step, start.weights.key) == (0, 10, made.points[0].train.weights.key)
        assert (point.train.spec.start_step, point.train.spec.end_step) == (10, 20)
        assert point.train.spec.order_seed == made.points[0].train.spec.order_seed


def test_training_on_never_changes_the_kept_initialweights_of(run):
    made, workshop, _ = run()
    init = made.points[0].train.weights
    assert isinstance(init, Init)
    assert same(init.run({}, workshop).tensors, workshop.store.read(init.key).tensors)


def test_retrainings_differ_in_their_start_and_learning_rate_alone(run):
    plans = {mode: run(f"schedule.retraining={mode}", "optimizer.schedule=cosine")[0].points[1].train for mode in
             ("weight_rewinding", "lr_rewinding", "fine_tuning")}  # fmt: skip
    weight, lr, tuned = plans.values()
    assert isinstance(weight.weights, Init)
    assert isinstance(lr.weights, Train)
    assert lr.weights.key == tuned.weights.key
    assert weight.spec == lr.spec == dataclasses.replace(tuned.spec, constant_lr=False)
    assert len({stage.key for stage in plans.values()}) == 3


def test_controls_are_what_they_say(run):
    made, workshop, _ = run("schedule.controls=[reinit,shuffle,random,small_dense]")
    before = None
    for level in (1, 2):
        points = by_control(made, level)
        stored = {c: workshop.store.read(p.train.masks.key).tensors for c, p in points.items() if p.train.masks}
        assert stored.keys() == {"none", "reinit", "shuffle", "random"}
        assert points["reinit"].train.masks.key == points["none"].train.masks.key
        assert points["reinit"].train.weights.key != points["none"].train.weights.key == points["shuffle"].train.weights.key
        for control in ("shuffle", "random"):
            assert masks.layer_density(stored[control]) == masks.layer_density(stored["none"])
            assert masks.intersection_over_union(stored[control], stored["none"]) < 0.9
        if before is not None:
            assert masks.is_nested(stored["random"], before["random"])
            assert masks.is_nested(stored["none"], before["none"])
        before = stored
        small, left = weights_of(workshop, points["small_dense"]), workshop.store.data(points["none"].measure.key)["parameters"]
        count = sum(tensor.numel() for tensor in small.values())
        assert 0.97 * left < count <= left


def test_reinitialised_networks_of_two_levels_differ(run):
    made, workshop, _ = run("schedule.controls=[reinit]")
    starts = [by_control(made, level)["reinit"].train.weights for level in (1, 2)]
    assert not same(*(workshop.store.read(start.key).tensors for start in starts))


def test_children_of_one_network_differ_in_data_order_alone(run):
    made, workshop, _ = run("schedule.instability_steps=[0,20]", "schedule.instability_levels=[0,1]")
    barriers = [point.barrier for point in made.points if not isinstance(point, Point)]
    assert len(barriers) == 4
    first, second = barriers[0].first, barriers[0].second
    assert first.weights.key == second.weights.key
    assert first.spec == dataclasses.replace(second.spec, order_seed=first.spec.order_seed)
    assert first.key != second.key
    found = [workshop.store.data(barrier.key) for barrier in barriers]
    assert found[1]["barrier"] == found[3]["barrier"] == 0  # children that start at the last step are one network
    errors = found[0]["curve"]["test_error"]
    assert found[0]["barrier"] == pytest.approx(max(errors) - (errors[0] + errors[-1]) / 2)


def test_a_second_run_computes_nothing_and_a_longer_one_only_what_is_new(run):
    _, _, first = run("schedule.controls=[reinit]")
    assert first.kinds.count("train") == 5
    assert run("schedule.controls=[reinit]")[2].kinds == []
    assert run("schedule.controls=[reinit]", "sparsity.levels=3")[2].kinds.count("train") == 2


def test_a_lost_record_is_written_again_without_training(run, tmp_path):
    run()
    for path in (tmp_path / "records" / "t").glob("*.json"):
        path.unlink()
    assert run()[2].kinds == []
    assert len(list((tmp_path / "records" / "t").glob("*.json"))) == 3


def test_a_damaged_artifact_is_mended_to_the_same_bits(run, tmp_path):
    made, workshop, _ = run()
    point = made.points[1]
    whole = weights_of(workshop, point)
    path = tmp_path / "store" / "artifacts" / point.train.key[:2] / point.train.key / "tensors.safetensors"
    path.write_bytes(path.read_bytes()[:-5])
    for record in (tmp_path / "records" / "t").glob("*.json"):
        record.unlink()
    with pytest.warns(UserWarning, match="set aside"):
        run()
    assert same(whole, weights_of(workshop, point))


def test_the_plan_counts_a_beginning_only_once(run, tmp_path):
    study = to_study(*composed(*SMALL, "schedule.rewind_to=10"))
    workshop = Workshop(store=Store(tmp_path / "other"), hardware=study.hardware)
    found = progress(plan(study, workshop), workshop.store)
    assert found.pending_steps == 20 + 2 * 10
    assert progress(run("schedule.rewind_to=10")[0], Store(tmp_path / "store")).pending_steps == 0


@pytest.mark.parametrize(
    "change",
    ["optimizer.lr=0.002", "optimizer.eps=1e-7", "trainer.label_smoothing=0.1", "model.init=orthogonal", "seeds=[1]",
     "dataset.split_seed=1", "hold.order=7", "trainer.precision=bf16-mixed"],
)  # fmt: skip
def test_every_setting_is_part_of_the_key(change, tmp_path):
    def key(*more):
        study = to_study(*composed(*SMALL, *more))
        return plan(study, Workshop(store=Store(tmp_path), hardware=study.hardware)).points[0].train.key

    assert key() == key("optimizer.weight_decay=0", "hardware.threads=1") != key(change)


def test_held_seeds_are_shared_and_the_others_are_not(tmp_path):
    study = to_study(*composed(*SMALL, "seeds=[0,1]", "hold.init=0"))
    made = plan(study, Workshop(store=Store(tmp_path), hardware=study.hardware))
    dense = [point.train for point in made.points if point.axes["level"] == 0]
    assert dense[0].weights.key == dense[1].weights.key
    assert dense[0].spec.order_seed != dense[1].spec.order_seed
