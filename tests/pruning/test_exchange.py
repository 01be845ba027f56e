"""Drop and grow, by hand."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from prunelab.pruning.exchange import exchange


def _exchanged(weights, mask, growth, fraction):
    made = exchange({"w": torch.tensor(weights)}, {"w": torch.tensor(mask).bool()}, {"w": torch.tensor(growth)}, fraction)
    return made["w"].int().tolist()


def test_the_smallest_go_and_the_largest_gradients_come():
    # of four active weights a quarter goes: 0.1; of the inactive ones the gradient 9 comes, though a dropped one has 99
    found = _exchanged([3.0, -0.1, 2.0, -4.0, 0.0, 0.0], [1, 1, 1, 1, 0, 0], [0.0, 99.0, 0.0, 0.0, 5.0, 9.0], 0.25)
    assert found == [1, 0, 1, 1, 0, 1]


def test_magnitudes_count_not_signs():
    # dropping what is below a threshold would drop every negative weight
    assert _exchanged([-3.0, -2.0, 1.0, 0.0], [1, 1, 1, 0], [0.0, 0.0, 0.0, 1.0], 1 / 3) == [1, 1, 0, 1]


def test_no_more_are_exchanged_than_there_is_room():
    assert _exchanged([1.0, 2.0, 3.0, 0.0], [1, 1, 1, 0], [0.0, 0.0, 0.0, 1.0], 1.0) == [0, 1, 1, 1]
    assert _exchanged([1.0, 2.0], [1, 1], [0.0, 0.0], 0.5) == [1, 1]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), density=st.floats(0.05, 0.95), fraction=st.floats(0, 1))
def test_the_number_of_active_weights_is_constant_and_none_returns_at_once(seed, density, fraction):
    stream = torch.Generator().manual_seed(seed)
    weights, growth = torch.randn(7, 9, generator=stream), torch.rand(7, 9, generator=stream)
    mask = torch.rand(7, 9, generator=stream) < density
    made = exchange({"w": weights}, {"w": mask}, {"w": growth}, fraction)["w"]
    active = int(mask.sum())
    assert int(made.sum()) == active
    assert int((mask & ~made).sum()) == int((made & ~mask).sum()) == min(round(fraction * active), mask.numel() - active)
