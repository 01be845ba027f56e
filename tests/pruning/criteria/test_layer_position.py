"""Which layers go first."""

from __future__ import annotations

import pytest

from prunelab.pruning.criteria.layer_position import removal_order


@pytest.mark.parametrize(
    ("rule", "layers", "order"),
    [
        ("top", 6, [5, 4, 3, 2, 1, 0]),
        ("bottom", 6, [0, 1, 2, 3, 4, 5]),
        ("alternate", 6, [4, 2, 0, 5, 3, 1]),
        ("symmetric", 6, [2, 3, 1, 4, 0, 5]),
        ("symmetric", 5, [2, 1, 3, 0, 4]),
        ("alternate", 12, [10, 8, 6, 4, 2, 0, 11, 9, 7, 5, 3, 1]),
    ],
)
def test_orders_of_sajjad_et_al(rule, layers, order):
    assert removal_order(rule, layers) == order
