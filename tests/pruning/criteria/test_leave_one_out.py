"""The loss without a unit, against doing it by hand."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from prunelab.models.initialization import initialize
from prunelab.models.structure import scope_with_structure
from prunelab.models.transformers import transformer
from prunelab.pruning import masks
from prunelab.pruning.criteria.base import Context
from prunelab.pruning.criteria.leave_one_out import LeaveOneOut
from prunelab.pruning.granularities.head import Head
from prunelab.pruning.granularities.layer import Layer


def _network():
    network = transformer(input_shape=(8,), num_classes=3, hidden=16, layers=3, heads=2, ffn=20, vocabulary=50, positions=20)
    initialize(network, "xavier_normal", 0)
    return network.eval()


@pytest.mark.parametrize("granularity", [Layer(), Head()])
def test_the_rise_of_the_loss_without_each_unit(granularity):
    network = _network()
    scope = scope_with_structure(network)
    ids = torch.randint(3, 50, (7, 8), generator=torch.Generator().manual_seed(0))
    batches = [(ids[:4], torch.tensor([0, 1, 2, 0])), (ids[4:], torch.tensor([1, 1, 2]))]
    groups = granularity.groups(scope)
    context = Context(generator=torch.Generator(), masks=masks.ones(scope), batches=batches, units=groups)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    pooled = granularity.pool(LeaveOneOut()(network, scope, context), scope, unit_scores=True)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())

    def loss(model):
        with torch.no_grad():
            return float(F.cross_entropy(torch.cat([model(inputs) for inputs, _ in batches]), torch.cat([t for _, t in batches])))

    for name, group in groups.items():
        for unit in range(group.num_units):
            without = _network()
            masks.apply(without, granularity.expand({name: torch.arange(group.num_units) != unit}, scope))
            assert float(pooled[name][unit]) == pytest.approx(loss(without) - loss(network), abs=1e-5)
    assert len({round(float(score), 6) for scores in pooled.values() for score in scores}) == sum(g.num_units for g in groups.values())
