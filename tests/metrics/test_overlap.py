from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from prunelab.metrics.overlap import overlap


def mask(*bits: int) -> torch.Tensor:
    return torch.tensor(bits, dtype=torch.bool)


def test_by_hand():
    first = {"a": mask(1, 1, 0, 0), "b": mask(1, 0)}
    second = {"a": mask(1, 0, 1, 0), "b": mask(1, 1)}
    found = overlap(first, second)
    assert found.observed == 2 / 5  # both keep a[0] and b[0]; five are kept by either
    assert found.greatest == 3 / 4  # two in a and one in b of 3 + 4 - 3
    # E[I] = 2 * 2 / 4 + 1 * 2 / 2 = 2, var = 2 * 2 * 2 * 2 / (16 * 3) = 1 / 3; second order of I / (7 - I)
    assert found.chance == pytest.approx(2 / 5 + 7 / 5**3 / 3)


def test_chance_is_what_random_masks_have():
    stream = torch.Generator().manual_seed(3)
    kept = {"a": (60, 20, 12), "b": (40, 10, 30)}  # size, kept by the first, by the second

    def drawn(which: int) -> dict[str, torch.Tensor]:
        masks = {name: torch.zeros(row[0], dtype=torch.bool) for name, row in kept.items()}
        for name, row in kept.items():
            masks[name][torch.randperm(row[0], generator=stream)[: row[which]]] = True
        return masks

    found = [overlap(drawn(1), drawn(2)) for _ in range(3000)]
    simulated = sum(one.observed for one in found) / len(found)
    expected = 20 * 12 / 60 + 10 * 30 / 40
    assert found[0].chance == pytest.approx(simulated, abs=0.003)
    assert expected / (72 - expected) < found[0].chance  # the overlap at the expected count alone is too low


def test_masks_of_everything_and_of_nothing_overlap_wholly():
    for bits in ((1, 1, 1), (0, 0, 0)):
        found = overlap({"a": mask(*bits)}, {"a": mask(*bits)})
        assert (found.observed, found.chance, found.greatest) == (1, 1, 1)


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match="'fc2'.*Did you mean 'fc1'"):
        overlap({"fc1": mask(1)}, {"fc2": mask(1)})
    with pytest.raises(ValueError, match=r"shapes \(2,\) and \(3,\)"):
        overlap({"a": mask(1, 0)}, {"a": mask(1, 0, 1)})
    with pytest.raises(ValueError, match="no tensor"):
        overlap({}, {})


bits = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=12)


@given(st.lists(bits, min_size=1, max_size=3))
def test_symmetry_bounds_and_identity(tensors):
    sides = [{str(i): torch.tensor([pair[side] for pair in pairs]) for i, pairs in enumerate(tensors)} for side in (0, 1)]
    found, turned = overlap(*sides), overlap(*reversed(sides))
    assert (found.observed, found.greatest) == (turned.observed, turned.greatest)
    assert math.isclose(found.chance, turned.chance)
    assert 0 <= found.observed <= found.greatest <= 1
    assert 0 <= found.chance <= found.greatest + 1e-12
    same = overlap(sides[0], sides[0])
    assert same.observed == same.greatest == 1
    if all(torch.equal(sides[0][name], sides[1][name]) for name in sides[0]):
        assert found.observed == 1
    elif any(mask.any() for side in sides for mask in side.values()):
        assert found.observed < 1
