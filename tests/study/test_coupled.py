"""Coupled channels in a study: their biases and BatchNorm go with them, and count for nothing."""

from __future__ import annotations

import pytest
import torch

from prunelab.models.structure import scope_with_structure
from prunelab.study.points import Point
from tests.study.conftest import by_control, weights_of

COUPLED = ["pruning/granularity=coupled", "pruning/allocation=uniform", "sparsity=list", "sparsity.values=[0.5]"]
RESNET = [*COUPLED, "model=resnet_20", "model.depth=8", "model.width=0.25", "trainer.length=4it", "trainer.evaluate_every=2it"]


def _scope(point, workshop):
    network = workshop.model(point.train.model, point.train.dataset)
    return scope_with_structure(network, coupled_for=workshop.splits(point.train.dataset).input_shape)


@pytest.mark.parametrize("words", [["schedule=fine_tuning"], ["schedule.controls=[random,shuffle]"]])
def test_a_dead_channel_is_zero_in_every_norm_it_passes_however_its_mask_was_made(run, words):
    made, workshop, _ = run(*RESNET, *words)
    scope = _scope(made.points[1], workshop)
    coupled = scope.structure.coupled
    for control, point in by_control(made, 1).items():
        kept = workshop.store.read(point.train.masks.key).tensors
        assert set(kept) == {*scope.shapes, *coupled.companions}, control
        weights = weights_of(workshop, point)
        dead = torch.ones(coupled.num_units, dtype=torch.bool)
        for name, units in coupled.outputs.items():
            dead[units[kept[name].flatten(1).any(1)]] = False
        assert 0.2 < dead.float().mean() < 0.8
        for name, units in coupled.companions.items():
            assert torch.equal(kept[name], ~dead[units])
            assert torch.count_nonzero(weights[name][dead[units]]) == 0
            if name.endswith("weight"):
                assert torch.count_nonzero(weights[name][~dead[units]]) > 0


def test_companions_are_no_part_of_the_sparsity(run):
    made, workshop, _ = run(*RESNET)
    point = made.points[1]
    assert isinstance(point, Point)
    kept = workshop.store.read(point.train.masks.key).tensors
    scope = _scope(point, workshop)
    measured = workshop.store.read(point.measure.key).data
    assert measured["weights_left"] == sum(int(kept[name].sum()) for name in scope.shapes)
    assert measured["sparsity"] == pytest.approx(1 - measured["weights_left"] / scope.total)
    assert set(measured["layer_density"]) == set(scope.shapes)


def test_a_ladder_goes_on_from_the_masks_of_the_scope(run):
    made, workshop, _ = run("pruning/granularity=coupled", "sparsity=list", "sparsity.values=[0.3,0.6]")
    first, second = (workshop.store.read(point.train.masks.key).tensors for point in made.points[1:])
    assert first.keys() == second.keys() >= {"fc1.bias"}
    assert all(not bool((second[name] & ~first[name]).any()) for name in first)
    assert not torch.equal(first["fc1.bias"], second["fc1.bias"])


def test_while_training_and_where_channels_cannot_be_followed_it_is_refused(run):
    with pytest.raises(ValueError, match="its BatchNorm goes too"):
        run("pruning/granularity=coupled", "schedule=gmp", "sparsity=list", "sparsity.values=[0.5]")
    with pytest.raises(ValueError, match="LayerNorm over channels"):
        run(*COUPLED, "model=vit_tiny")


def test_other_granularities_take_no_trace(run, monkeypatch):
    traces = []
    monkeypatch.setattr("prunelab.models.structure.coupled_units", lambda *given: traces.append(given))
    run("pruning/granularity=neuron", "sparsity=list", "sparsity.values=[0.5]")
    assert traces == [], "a trace costs time that nobody asked for"
