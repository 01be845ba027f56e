from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from prunelab.results.frames import MissingData
from prunelab.results.power import detectable
from prunelab.results.statistics import mean_interval, paired_difference, power, seeds_needed

T_TWO_DEGREES = 4.302652729911275  # 97.5 % point of Student's t with 2 degrees of freedom


def side(to_frame, make_network, values: dict[tuple[int, int], float | None], **changes) -> pd.DataFrame:
    return to_frame([make_network(seed=s, level=n, test_top1=v, **changes) for (s, n), v in values.items()])


def test_the_t_interval_of_one_two_three():
    found = mean_interval([1, 2, 3])
    half = T_TWO_DEGREES / math.sqrt(3)
    assert found.mean == 2
    assert found.num_seeds == 3
    assert (found.low, found.high, found.half_width) == pytest.approx((2 - half, 2 + half, half))


def test_one_seed_has_no_interval():
    found = mean_interval([0.5])
    assert (found.mean, found.low, found.high, found.half_width, found.num_seeds) == (0.5, None, None, None, 1)


def test_values_that_cannot_be_averaged_are_refused():
    with pytest.raises(MissingData, match="no seed"):
        mean_interval([])
    with pytest.raises(ValueError, match="missing or not finite"):
        mean_interval([1.0, math.nan])


def test_the_interval_covers_the_true_mean_nineteen_times_in_twenty():
    rng = np.random.default_rng(0)
    found = [mean_interval(rng.standard_normal(3)) for _ in range(4000)]
    covered = np.mean([f.low <= 0 <= f.high for f in found if f.low is not None and f.high is not None])
    assert 0.94 < covered < 0.96


def test_a_paired_difference_by_hand(to_frame, make_network):
    a = side(to_frame, make_network, {(0, 1): 0.95, (1, 1): 0.90, (2, 1): 0.85})
    b = side(to_frame, make_network, {(0, 1): 0.94, (1, 1): 0.88, (2, 1): 0.82})
    found = paired_difference(a, b, "test_top1")
    half = T_TWO_DEGREES * 0.01 / math.sqrt(3)
    assert found.differences == pytest.approx({0: 0.01, 1: 0.02, 2: 0.03})
    assert found.interval.mean == pytest.approx(0.02)
    assert found.interval.low == pytest.approx(0.02 - half)
    assert found.standard_deviation == pytest.approx(0.01)
    assert found.unpaired == ()


def test_pairs_are_matched_by_seed_not_by_row(to_frame, make_network):
    a = side(to_frame, make_network, {(2, 1): 0.3, (0, 1): 0.1, (1, 1): 0.2})
    b = side(to_frame, make_network, {(0, 1): 0.1, (1, 1): 0.2, (2, 1): 0.3})
    assert paired_difference(a, b, "test_top1").differences == pytest.approx({0: 0, 1: 0, 2: 0})


def test_missing_seeds_are_reported(to_frame, make_network):
    a = side(to_frame, make_network, {(0, 1): 0.9, (1, 1): 0.9, (2, 1): 0.9})
    b = side(to_frame, make_network, {(0, 1): 0.8, (1, 1): None, (3, 1): 0.1})
    found = paired_difference(a, b, "test_top1")
    assert found.differences == pytest.approx({0: 0.1})
    assert found.interval.low is None
    assert set(found.unpaired) == {
        "seed 1, level 1 is only in the first", "seed 2, level 1 is only in the first", "seed 3, level 1 is only in the second"
    }  # fmt: skip


def test_a_level_that_one_side_lacks_does_not_bias_the_difference(to_frame, make_network):
    a = side(to_frame, make_network, {(0, 1): 0.9, (0, 2): 0.5, (1, 1): 0.9, (1, 2): 0.5})
    b = side(to_frame, make_network, {(0, 1): 0.9, (0, 2): 0.5, (1, 1): 0.9})
    found = paired_difference(a, b, "test_top1")
    assert found.interval.mean == pytest.approx(0)
    assert found.unpaired == ("seed 1, level 2 is only in the first",)


def test_tickets_of_several_levels_against_the_dense_network(to_frame, make_network):
    a = side(to_frame, make_network, {(0, 3): 0.9, (0, 4): 0.8, (1, 3): 0.7, (1, 4): 0.6})
    b = side(to_frame, make_network, {(0, 0): 0.8, (1, 0): 0.8})
    assert paired_difference(a, b, "test_top1").differences == pytest.approx({0: 0.05, 1: -0.15})


def test_two_networks_of_one_seed_and_level_are_not_averaged(to_frame, make_network):
    mixed = to_frame([make_network(level=1, criterion=criterion) for criterion in ("snip", "magnitude")])
    with pytest.raises(ValueError, match="select one value of criterion"):
        paired_difference(mixed, mixed, "test_top1")


def test_no_common_seed(to_frame, make_network):
    a, b = side(to_frame, make_network, {(0, 1): 0.9}), side(to_frame, make_network, {(1, 1): 0.9})
    with pytest.raises(MissingData, match="no seed in common"):
        paired_difference(a, b, "test_top1")


# Sample sizes of the two-sided paired t test at 95 % and power 80 %, as any table of them has.
@pytest.mark.parametrize(("effect", "seeds"), [(0.5, 34), (0.8, 15), (1.0, 10), (2.0, 5)])
def test_seeds_needed_agrees_with_published_sample_sizes(effect, seeds):
    assert seeds_needed(effect, 1.0, 3) == seeds - 3
    assert seeds_needed(-10 * effect, 10.0, 3) == seeds - 3


def test_no_number_of_seeds_shows_a_difference_of_nothing():
    assert seeds_needed(0.0, 1.0, 3) is None
    assert seeds_needed(1e-6, 1.0, 3) is None


def test_an_undecided_difference_takes_at_least_one_more_seed():
    assert seeds_needed(100.0, 1.0, 3) == 1
    assert seeds_needed(1.0, 0.0, 2) == 1


@given(st.floats(0.1, 5), st.integers(2, 60))
def test_power_rises_with_seeds(effect, num_seeds):
    assert 0.05 <= power(effect, num_seeds) <= power(effect, num_seeds + 1) + 1e-9


@pytest.mark.parametrize(("num_seeds", "tests"), [(2, 60), (3, 1), (5, 15), (20, 4)])
def test_the_least_difference_that_is_found_four_times_in_five(num_seeds, tests):
    confidence = 1 - 0.05 / tests
    least = detectable(num_seeds, confidence=confidence)
    draws = least + np.random.default_rng(0).standard_normal((20_000, num_seeds))
    p_values = ttest_1samp(draws, 0, axis=1).pvalue
    assert np.mean(p_values < 1 - confidence) == pytest.approx(0.8, abs=0.015)
