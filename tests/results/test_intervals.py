from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.special import ndtri
from scipy.stats import bootstrap

from prunelab.results import intervals
from prunelab.results.intervals import BOOTSTRAP_FROM, expanded_tail, mean_interval, mean_intervals

TRIALS = 3_000
# Noise of the two networks of a pair; what their seed does to both alike is added to each.
NOISE = {
    "normal": lambda rng, shape: (rng.standard_normal(shape), rng.standard_normal(shape)),
    "one side three times as noisy": lambda rng, shape: (3 * rng.standard_normal(shape), rng.standard_normal(shape)),
    "one side skewed": lambda rng, shape: (rng.gumbel(size=shape) - np.euler_gamma, 0.5 * rng.standard_normal(shape)),
    "heavy tails": lambda rng, shape: (rng.standard_t(5, shape), rng.standard_t(5, shape)),
    "counts of right answers": lambda rng, shape: (rng.binomial(1000, 0.95, shape), rng.binomial(1000, 0.95, shape)),
}


def coverage(noise: str, seeds: int) -> float:
    """How often the interval of the paired differences holds the true difference, which is 0."""
    rng = np.random.default_rng([seeds, *noise.encode()])
    shared = 5 * rng.standard_normal((seeds, TRIALS))
    first, second = NOISE[noise](rng, (seeds, TRIALS))
    _, low, high = mean_intervals((shared + first) - (shared + second))
    return float(np.mean((low <= 0) & (high >= 0)))


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize("noise", NOISE)
def test_intervals_of_paired_differences_cover_as_often_as_they_say(noise, seeds):
    assert 0.93 <= coverage(noise, seeds) <= 0.97


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_with_a_normal_quantile_they_would_not(seeds, monkeypatch):
    monkeypatch.setattr(intervals, "stdtrit", lambda _, share: ndtri(share))
    assert coverage("normal", seeds) < 0.93


def test_the_percentile_bootstrap_would_not_at_ten_seeds(monkeypatch):
    monkeypatch.setattr(intervals, "expanded_tail", lambda _, confidence: (1 - confidence) / 2)
    assert coverage("normal", 10) < 0.92


def test_from_ten_seeds_on_it_is_scipys_bootstrap_with_a_wider_tail():
    values = np.random.default_rng(3).gamma(2, size=12)
    found = mean_interval(values)
    tail = expanded_tail(12)
    theirs = bootstrap((values,), np.mean, confidence_level=1 - 2 * tail, method="percentile", n_resamples=50_000, rng=0)
    assert (found.low, found.high) == pytest.approx(tuple(theirs.confidence_interval), rel=0.04)
    assert found.high - found.mean > found.mean - found.low, "a skewed sample has a skewed interval"


def test_the_expanded_tail_by_hand():
    # Phi(-sqrt(10/9) x 2.262157) = Phi(-2.384530)
    assert expanded_tail(10) == pytest.approx(0.008551, abs=1e-6)


def test_the_same_values_give_the_same_interval():
    values = np.random.default_rng(3).standard_normal(20)
    assert mean_interval(values) == mean_interval(values)


@pytest.mark.parametrize("seeds", [2, 9, 10, 30])
def test_equal_values_have_an_interval_of_no_length(seeds):
    found = mean_interval([0.1] * seeds)
    assert (found.low, found.high) == pytest.approx((0.1, 0.1))


SAMPLES = arrays.arrays(float, st.tuples(st.integers(2, 14), st.integers(1, 4)), elements=st.floats(-100, 100, width=32))


@settings(deadline=None)
@given(SAMPLES)
def test_many_samples_at_once_are_as_each_alone(samples):
    together = mean_intervals(samples)
    for index, column in enumerate(samples.T):
        alone = mean_interval(column)
        assert (alone.mean, alone.low, alone.high) == pytest.approx(tuple(together[:, index]), abs=1e-9)
        assert alone.low is not None
        assert alone.high is not None
        assert alone.low <= alone.mean + 1e-9
        assert alone.mean <= alone.high + 1e-9
        if len(column) >= BOOTSTRAP_FROM:
            assert column.min() - 1e-9 <= alone.low
            assert alone.high <= column.max() + 1e-9


@settings(deadline=None)
@given(SAMPLES, st.floats(-50, 50), st.floats(0.1, 10))
def test_another_unit_changes_the_interval_alike(samples, shift, scale):
    assert mean_intervals(scale * samples + shift) == pytest.approx(scale * mean_intervals(samples) + shift, rel=1e-6, abs=1e-6)
