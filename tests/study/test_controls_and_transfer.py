"""Pruning at initialisation with its sanity checks, supermasks, and tickets of another data set."""

from __future__ import annotations

import pytest
import torch

from prunelab.pruning import masks
from prunelab.study.stages.init import Init
from tests.study.conftest import by_control, same, weights_of

AT_INIT = ["schedule=at_init", "pruning/criterion=snip", "pruning.calibration.examples=100"]


def _masks(workshop, point):
    return workshop.store.read(point.train.masks.key).tensors


def test_pruned_at_initialisation_the_initial_weights_are_scored_and_trained(run):
    made, _, _ = run(*AT_INIT)
    for point in made.points[1:]:
        assert isinstance(point.train.weights, Init)
        assert point.train.masks.prune.weights.key == point.train.weights.key == made.points[0].train.weights.key
        assert (point.train.spec.start_step, point.train.spec.end_step) == (0, 20)


def test_pruned_early_in_training_it_goes_on_from_there(run):
    made, _, _ = run(*AT_INIT, "schedule.prune_at=5")
    point = made.points[1]
    assert point.train.weights.spec.end_step == point.train.spec.start_step == 5
    assert point.train.masks.prune.weights.key == point.train.weights.key


def test_inverted_scores_keep_the_weights_that_the_method_removes_first(run):
    made, workshop, _ = run(*AT_INIT, "schedule.controls=[inverted]", "sparsity=list", "sparsity.values=[0.5]")
    points = by_control(made, 1)
    best, worst = (_masks(workshop, points[name]) for name in ("none", "inverted"))
    assert masks.kept(best) == pytest.approx(masks.kept(worst), abs=1)
    assert masks.intersection_over_union(best, worst) < 1e-3
    assert points["inverted"].train.weights.key == points["none"].train.weights.key


def test_supermasks_are_not_trained_and_signs_have_one_magnitude_a_layer(run):
    made, workshop, _ = run("schedule.controls=[signs,supermask,supermask_signs]")
    points = by_control(made, 1)
    start = workshop.store.read(points["none"].train.weights.key).tensors
    kept = _masks(workshop, points["none"])
    supermask = weights_of(workshop, points["supermask"])
    assert all(torch.equal(supermask[name], start[name] * kept[name]) for name in kept)
    signed = weights_of(workshop, points["supermask_signs"])
    for name, mask in kept.items():
        left = signed[name][mask]
        assert torch.equal(left.sign(), start[name][mask].sign())
        assert left.abs().unique().numel() == 1
        assert left.abs()[0].item() == pytest.approx(start[name].std().item(), rel=1e-5)
    trained = weights_of(workshop, points["signs"])
    assert not same(trained, signed)
    assert points["signs"].train.steps == points["none"].train.steps


def test_a_ticket_of_another_data_set_is_trained_on_this_one_from_its_own_weights(run):
    other = ["+dataset@source=digits", "source.split_seed=5"]
    made, workshop, _ = run(*other)
    own, _, _ = run("dataset.split_seed=5")
    for moved, found in zip(made.points[1:], own.points[1:], strict=True):
        assert moved.train.masks.key == found.train.masks.key
        assert moved.train.dataset.arguments["split_seed"] == 0
        assert moved.train.weights.key == made.points[0].train.weights.key
        assert moved.axes["variant"] != found.axes["variant"]
    assert same(_masks(workshop, made.points[1]), _masks(workshop, own.points[1]))


@pytest.mark.parametrize("words", [["schedule=fine_tuning"], ["schedule=at_init"], ["schedule=rigl", "schedule.dynamics.every=3it"]])
def test_a_transfer_that_makes_no_sense_is_refused(run, words):
    with pytest.raises(ValueError, match="source transfers tickets"):
        run("+dataset@source=digits", *words)
