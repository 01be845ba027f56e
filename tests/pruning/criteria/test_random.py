"""Random scores come from the generator that is handed in, and from nowhere else."""

from __future__ import annotations

import torch

from prunelab.pruning.criteria.random import Random
from tests.pruning.toys import linear, pruned, scores_of

MODEL = linear([[1.0] * 50] * 40)


def test_scores_are_the_generators_uniform_numbers():
    with torch.random.fork_rng():
        found = []
        for seed in (1, 2):
            torch.manual_seed(seed)
            before = torch.get_rng_state()
            found.append(scores_of(Random(), MODEL, seed=7)["0.weight"])
            assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(found[0], torch.rand(40, 50, generator=torch.Generator().manual_seed(7)))
    assert torch.equal(found[0], found[1])


def test_another_seed_prunes_other_weights_and_as_many():
    one, other = (pruned(Random(), MODEL, 0.3, seed=seed).masks["0.weight"] for seed in (0, 1))
    assert int(one.sum()) == int(other.sum()) == 600
    assert not torch.equal(one, other)
