"""Hard-concrete gates, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from prunelab.pruning import masks
from prunelab.training.dynamic.attached import attached
from prunelab.training.dynamic.base import Moment
from prunelab.training.dynamic.hard_concrete import StochasticGate, expected_density
from tests.contract.test_dynamic import goal, method, network, spec


def test_the_distribution_of_a_gate():
    """At log alpha = 0 a gate is 0.5 on average; P(z != 0) = sigmoid(log alpha - 2/3 ln(0.1 / 1.1)) = 0.832."""
    gate = StochasticGate(torch.zeros(20_000))
    torch.manual_seed(0)
    drawn = gate(torch.ones(20_000))
    chance = 1 / (1 + math.exp(2 / 3 * math.log(0.1 / 1.1)))
    assert gate.open_probability()[0].item() == pytest.approx(chance, rel=1e-6)
    assert (drawn > 0).float().mean().item() == pytest.approx(chance, abs=0.01)
    assert (drawn == 1).float().mean().item() == pytest.approx(1 - chance, abs=0.01)  # by symmetry
    assert drawn.mean().item() == pytest.approx(0.5, abs=0.01)
    assert torch.equal(gate.eval()(torch.ones(20_000)), torch.full((20_000,), 0.5))


def test_gates_far_out_are_exactly_open_or_shut():
    gate = StochasticGate(torch.tensor([-20.0, 20.0])).eval()
    assert gate(torch.tensor([3.0, 3.0])).tolist() == [0.0, 3.0]


def test_the_constraint_is_an_augmented_lagrangian():
    model = network()
    aim, dynamics = goal(model), method("l0", strength=4.0)
    dynamics.attach(model, aim)
    gates = attached(model, StochasticGate)
    for gate in gates.values():
        gate.multiplier.fill_(3.0)
        gate.wanted.fill_(0.25)
    excess = expected_density(gates).item() - 0.25
    (penalty,) = dynamics.penalties(spec(), aim)
    assert penalty(model).item() == pytest.approx(3 * excess + 2 * excess**2, rel=1e-5)
    moment = Moment(step=3, spec=spec(), goal=aim, network=model, masks=aim.dense(), gradients=dict, memory={})
    before = expected_density(gates).item()
    assert dynamics.update(moment) is moment.masks
    wanted = next(iter(gates.values())).wanted.item()
    assert wanted == pytest.approx(1.0)  # the window begins at step 3
    assert next(iter(gates.values())).multiplier.item() == pytest.approx(3 + 4 * (before - wanted), rel=1e-4)


def test_at_the_end_the_likeliest_gates_stay_and_nothing_is_drawn_any_more():
    model = network()
    aim, dynamics = goal(model), method("l0")
    dynamics.attach(model, aim)
    gates = attached(model, StochasticGate)
    stream = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for gate in gates.values():
            gate.log_alpha.copy_(torch.randn(gate.log_alpha.shape, generator=stream))
    model.eval()
    soft = {name: model.get_parameter(_original(name)).detach() * gate.expected().detach() for name, gate in gates.items()}
    end = dynamics.ticks(spec()).end
    moment = Moment(step=end, spec=spec(), goal=aim, network=model, masks=aim.dense(), gradients=dict, memory={})
    found = dynamics.update(moment)
    with torch.no_grad():
        dynamics.hold(model, found)
    assert masks.kept(found) == round(0.2 * aim.scope.total)
    everything = torch.cat([gate.log_alpha.flatten() for gate in gates.values()])
    threshold = everything.sort(descending=True).values[masks.kept(found) - 1]
    model.train()
    for name, gate in gates.items():
        owner, _, attribute = name.rpartition(".")
        in_force = getattr(model.get_submodule(owner), attribute)
        assert torch.equal(found[name], gate.log_alpha >= threshold)
        assert torch.allclose(in_force, soft[name] * found[name])
        assert torch.equal(in_force, getattr(model.get_submodule(owner), attribute))
    assert dynamics.penalties(spec(), aim)[0](model).item() == 0.0


def _original(name: str) -> str:
    owner, _, attribute = name.rpartition(".")
    return f"{owner}.parametrizations.{attribute}.original"
