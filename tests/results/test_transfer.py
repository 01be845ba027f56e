from __future__ import annotations

import numpy as np
import pytest

from prunelab.results.frames import MissingData, checked
from prunelab.results.transfer import transfer


@pytest.fixture
def ranked(to_frame, make_network):
    """A study whose methods have the given accuracies, the same in all seeds but for what is added."""

    def build(accuracies: dict[str, float], *, seeds=(0, 1), level=1, extra=None):
        records = [
            make_network(seed=seed, level=n, criterion=name, test_top1=value + (extra or {}).get((name, seed), 0.0))
            for name, value in accuracies.items()
            for seed in seeds
            for n in (0, level)
        ]
        return checked(to_frame(records))

    return build


def test_the_correlation_is_that_of_pairs_in_the_same_order(ranked):
    first = ranked({"a": 0.9, "b": 0.8, "c": 0.7, "d": 0.6})
    second = ranked({"a": 0.5, "b": 0.6, "c": 0.4, "d": 0.3})  # one of six pairs, a and b, is the other way round
    (row,) = transfer(first, second).to_dict("records")
    assert row["tau"] == pytest.approx((5 - 1) / 6)
    assert row["mean"] == pytest.approx((5 - 1) / 6)
    assert (row["num_methods"], row["num_seeds"]) == (4, 2)
    assert (row["best_first"], row["best_second"]) == ("a", "b")


def test_the_reverse_and_the_same_order(ranked):
    first = ranked({"a": 0.9, "b": 0.8, "c": 0.7})
    assert transfer(first, first)["tau"].tolist() == [1]
    assert transfer(first, ranked({"a": 0.1, "b": 0.2, "c": 0.3}))["tau"].tolist() == [-1]


def test_seeds_that_disagree_widen_the_interval(ranked):
    first = ranked({"a": 0.9, "b": 0.8, "c": 0.7})
    second = ranked({"a": 0.9, "b": 0.8, "c": 0.7}, extra={("a", 1): -0.15})  # seed 1: b, a, c
    (row,) = transfer(first, second).to_dict("records")
    assert row["mean"] == pytest.approx((1 + 1 / 3) / 2)
    assert row["low"] < row["mean"] < row["high"]
    alone = transfer(first, ranked({"a": 0.9, "b": 0.8, "c": 0.7}, seeds=(1,))).iloc[0]
    assert alone["num_seeds"] == 1
    assert np.isnan(alone["low"])


def test_what_cannot_be_compared_is_refused(ranked):
    first = ranked({"a": 0.9, "b": 0.8, "c": 0.7})
    with pytest.raises(MissingData, match="in common: a, b. The first has a, b, c, the second a, b, x"):
        transfer(first, ranked({"a": 0.9, "b": 0.8, "x": 0.7}))
    with pytest.raises(MissingData, match="at no level"):
        transfer(first, ranked({"a": 0.9, "b": 0.8, "c": 0.7}, level=2))
    (row,) = transfer(first, ranked({"a": 0.5, "b": 0.5, "c": 0.5})).to_dict("records")
    assert np.isnan(row["tau"])
    assert (row["best_first"], row["best_second"]) == ("a", "a, b, c")
