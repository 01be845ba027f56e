"""What is chosen, by times that are given; and that it is faster, by the clock."""

from __future__ import annotations

import itertools
import json

import pytest
import torch
from torch import nn

from prunelab.compress.break_even import DENSE, MODEL, Plan, apply, break_even_plan
from prunelab.metrics.latency import measure_latency
from prunelab.pruning import masks as masks_


def _network(*widths):
    layers = [nn.Linear(one, other) for one, other in itertools.pairwise(widths)]
    return nn.Sequential(*layers)


def _masks(model, density=0.05):
    stream = torch.Generator().manual_seed(0)
    return {name: torch.rand(p.shape, generator=stream) < density for name, p in model.named_parameters() if name.endswith("weight")}


def _given(table):
    """A measure that reads times from a table: {name: {format: seconds or list of seconds, call by call}}."""
    asked = []

    def measure(name, calls):
        asked.append((name, tuple(calls)))
        for call in calls.values():
            call()
        found = {}
        for kind in calls:
            value = table[name].get(kind, 100.0)
            found[kind] = value.pop(0) if isinstance(value, list) else value
        return found

    return measure, asked


def test_a_layer_is_sparse_if_it_gains_by_a_clear_margin():
    model = _network(64, 64, 64, 64)
    measure, _ = _given({"0": {DENSE: 1.0, "csr": 0.5}, "1": {DENSE: 1.0, "csr": 0.95}, "2": {DENSE: 1.0, "csr": 2.0},
                         MODEL: {DENSE: 3.0, "sparse": 2.5}})  # fmt: skip
    plan = break_even_plan(model, _masks(model), torch.randn(4, 64), measure=measure)
    assert [layer.choice for layer in plan.layers] == ["csr", DENSE, DENSE]
    assert "1.05 times as fast, below 1.1" in plan.layers[1].reason
    assert (plan.dense_seconds, plan.sparse_seconds, plan.batch) == (3.0, 2.5, 4)
    assert plan.difference <= 1e-5


def test_the_fastest_of_the_formats_that_fit_is_taken():
    model = _network(64, 64)
    masks = {"0.weight": torch.zeros(64, 64, dtype=torch.bool)}
    masks["0.weight"][:16, :16] = True
    measure, asked = _given({"0": {DENSE: 1.0, "csr": 0.6, "bsr_8": 0.5, "bsr_16": 0.4, "bsr_4": 0.7}, MODEL: {DENSE: 1.0, "sparse": 0.5}})
    plan = break_even_plan(model, masks, torch.randn(4, 64), measure=measure)
    assert asked[0] == ("0", (DENSE, "csr", "bsr_4", "bsr_8", "bsr_16", "bsr_32"))
    assert plan.layers[0].choice == "bsr_16"
    scattered = {"0.weight": _masks(model)["0.weight"]}
    measure, asked = _given({"0": {DENSE: 1.0}, MODEL: {DENSE: 1.0}})
    break_even_plan(model, scattered, torch.randn(4, 64), measure=measure)
    assert asked[0] == ("0", (DENSE, "csr"))  # blocks of scattered weights are nearly all full


def test_while_the_whole_is_not_faster_the_least_gain_goes_back_to_dense():
    model = _network(64, 64, 64, 64)
    table = {"0": {DENSE: 1.0, "csr": 0.5}, "1": {DENSE: 1.0, "csr": 0.2}, "2": {DENSE: 1.0, "csr": 0.8},
             MODEL: {DENSE: [3.0, 3.0, 3.0], "sparse": [3.1, 2.99, 2.5]}}  # fmt: skip
    measure, asked = _given(table)
    plan = break_even_plan(model, _masks(model), torch.randn(4, 64), measure=measure)
    assert [layer.choice for layer in plan.layers] == [DENSE, "csr", DENSE]  # 2.99 is not faster by the margin
    assert plan.sparse_seconds == 2.5
    assert "whole model was not faster" in plan.layers[2].reason
    assert len(asked) == 3 + 3


def test_if_nothing_is_faster_the_plan_is_the_dense_model():
    model = _network(64, 64)
    measure, _ = _given({"0": {DENSE: 1.0, "csr": 0.5}, MODEL: {DENSE: [1.0, 1.0], "sparse": [1.5]}})
    plan = break_even_plan(model, _masks(model), torch.randn(4, 64), measure=measure)
    assert plan.sparse_layers == ()
    assert plan.sparse_seconds == plan.dense_seconds
    assert [type(layer) for layer in apply(plan, model)] == [nn.Linear]


def test_layers_too_dense_or_not_called_are_not_timed():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.full, self.hidden, self.grouped = nn.Linear(8, 8), nn.Linear(8, 8), nn.Conv1d(8, 8, 1)

        def forward(self, x):
            return self.grouped((self.full(x) @ self.hidden.weight).unsqueeze(-1)).squeeze(-1)

    model = Odd()
    masks = {**_masks(model, 0.05), "full.weight": _masks(model, 0.7)["full.weight"]}
    measure, asked = _given({MODEL: {DENSE: 1.0}})
    plan = break_even_plan(model, masks, torch.randn(4, 8), measure=measure)
    reasons = {layer.name: layer.reason for layer in plan.layers}
    assert reasons["full"] == "density above 0.4 is not timed"
    assert "without calling" in reasons["hidden"]
    assert "no sparse form" in reasons["grouped"]
    assert asked == [(MODEL, (DENSE,))]


def test_a_model_that_views_across_examples_gets_contiguous_layers():
    class Views(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(64, 64)

        def forward(self, x):
            return self.fc(x).view(-1)

    model = Views()
    measure, _ = _given({"fc": {DENSE: 1.0, "csr": 0.5}, MODEL: {DENSE: 1.0, "sparse": 0.5}})
    plan = break_even_plan(model, _masks(model), torch.randn(4, 64), measure=measure)
    assert plan.contiguous
    assert plan.layers[0].choice == "csr"
    assert apply(plan, _zeroed(model, _masks(model)))(torch.ones(2, 64)).shape == (128,)


def _zeroed(model, masks):
    masks_.apply(model, masks)
    return model


def test_a_plan_is_json_and_applies_to_a_copy():
    model = _network(64, 32, 8).train()
    masks = _masks(model)
    measure, _ = _given({"0": {DENSE: 1.0, "csr": 0.5}, "1": {DENSE: 1.0, "csr": 0.5}, MODEL: {DENSE: 2.0, "sparse": 1.0}})
    before = {name: value.clone() for name, value in model.state_dict().items()}
    plan = break_even_plan(model, masks, torch.randn(4, 64), measure=measure)
    assert all(torch.equal(model.state_dict()[name], value) for name, value in before.items())
    assert model.training
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
    with pytest.raises(ValueError, match="mask it first"):
        apply(plan, model)
    masks_.apply(model, masks)
    made, x = apply(plan, model), torch.randn(3, 64)
    assert [type(layer).__name__ for layer in made] == ["SparseLinear", "SparseLinear"]
    assert type(model[0]) is nn.Linear
    with torch.inference_mode():
        assert torch.allclose(made(x), model(x), atol=1e-6)
    with pytest.raises(ValueError, match="unknown layer"):
        apply(plan, nn.Sequential(model[0]))


def test_a_torch_without_mkl_is_said(monkeypatch):
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: False)
    model = _network(8, 8)
    with pytest.raises(ValueError, match="no MKL"):
        break_even_plan(model, _masks(model), torch.ones(1, 8))


def test_by_the_clock_a_very_sparse_large_layer_is_faster_sparse():
    model = _network(1024, 1024)
    masks = _masks(model, 0.02)
    x = torch.randn(64, 1024)
    plan = break_even_plan(model, masks, x, repeats=9)
    assert plan.layers[0].choice == "csr"
    masks_.apply(model, masks)
    found = measure_latency({DENSE: model, "sparse": apply(plan, model)}, x, repeats=9)
    assert found["sparse"].median < found[DENSE].median  # about 8 times
