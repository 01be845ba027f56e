"""One number a seed: matching sparsity, area under the curve, break-even sparsity, early-stopping advantage."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prunelab.results.area import Span, area, span
from prunelab.results.break_even import break_even
from prunelab.results.early_stopping import early_stopping_advantage
from prunelab.results.frames import MissingData, checked
from prunelab.results.matching import matching_over_seeds
from prunelab.results.over_seeds import gather, paired
from prunelab.results.statistics import mean_interval

# 1, 2, 4 and 8 times fewer weights
SPARSITIES = (0.0, 0.5, 0.75, 0.875)


def networks(make_network, seed: int, values, *, column: str = "test_top1", sparsities=SPARSITIES, **changes):
    return [
        make_network(seed=seed, level=n, sparsity=s, compression_ratio=1 / (1 - s), **{column: v}, **changes)
        for n, (s, v) in enumerate(zip(sparsities, values, strict=True))
    ]


def frame_of(to_frame, *sides):
    return checked(to_frame([record for side in sides for record in side]))


def test_matching_sparsity_is_where_the_line_crosses_the_margin(to_frame, make_network):
    # from 0 at two halvings to -0.02 at three: -0.005 at two and a quarter
    frame = frame_of(to_frame, networks(make_network, 0, (0.9, 0.92, 0.9, 0.88)))
    found = matching_over_seeds(frame, margin=0.005)
    assert found.by_seed == pytest.approx({0: 1 - 2**-2.25})
    assert found.notes == ()


def test_the_mean_of_matching_sparsities_is_taken_over_halvings(to_frame, make_network):
    frame = frame_of(to_frame, networks(make_network, 0, (0.9, 0.88, 0.7, 0.7)), networks(make_network, 1, (0.9, 0.9, 0.9, 0.88)))
    found = matching_over_seeds(frame, margin=0.01)
    over_halvings = mean_interval([0.5, 2.5])
    assert found.interval is not None
    assert over_halvings.high is not None
    assert found.interval.mean == pytest.approx(1 - 2**-1.5)
    assert found.interval.high == pytest.approx(1 - 2**-over_halvings.high)
    assert found.interval.low == 0, "no sparsity is below 0"


def test_the_first_crossing_counts_and_less_of_a_loss_is_better(to_frame, make_network):
    again = frame_of(to_frame, networks(make_network, 0, (0.9, 0.8, 0.95, 0.95)))
    assert matching_over_seeds(again, margin=0.05).by_seed == pytest.approx({0: 1 - 2**-0.5})
    loss = frame_of(to_frame, networks(make_network, 0, (0.2, 0.1, 0.1, 0.3), column="test_loss"))
    assert matching_over_seeds(loss, "test_loss", margin=0.0).by_seed == pytest.approx({0: 1 - 2**-2.5})


def test_seeds_that_never_fall_below_or_have_no_dense_network_are_named(to_frame, make_network):
    frame = frame_of(to_frame, networks(make_network, 0, (0.9, 0.9, 0.9, 0.9)), networks(make_network, 1, (0.9, 0.9, 0.9, 0.9))[1:])
    found = matching_over_seeds(frame)
    assert found.by_seed == pytest.approx({0: 0.875})
    assert (found.bound, found.bounded, list(found.left_out)) == ("at least", {0: "at least"}, [1])
    assert found.notes == ("at least that for seed 0, whose curve ends there", "seed 1 left out: no dense network with test_top1")
    with pytest.raises(ValueError, match="must not be negative"):
        matching_over_seeds(frame, margin=-0.1)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0.5, 1), min_size=3, max_size=3), st.floats(0, 0.2), st.floats(0, 0.2))
def test_a_wider_margin_matches_at_least_as_far(values, margin, more):
    from tests.results.conftest import as_frame, network

    frame = checked(as_frame(networks(network, 0, (0.9, *values))))
    assert matching_over_seeds(frame, margin=margin).by_seed[0] <= matching_over_seeds(frame, margin=margin + more).by_seed[0] + 1e-12


def test_an_area_by_hand(to_frame, make_network):
    # over 0 to 3 doublings: trapezoids (0.9 + 0.8) / 2, (0.8 + 0.8) / 2, (0.8 + 0.4) / 2
    frame = frame_of(to_frame, networks(make_network, 0, (0.9, 0.8, 0.8, 0.4)))
    assert area(frame, span([frame])).by_seed == pytest.approx({0: (0.85 + 0.8 + 0.6) / 3})
    assert area(frame, Span(start=1, end=math.sqrt(2))).by_seed == pytest.approx({0: 0.875})


def test_sides_share_the_span_that_both_cover(to_frame, make_network):
    short = frame_of(to_frame, networks(make_network, 0, (0.9, 0.8, 0.8), sparsities=SPARSITIES[:3]))
    late = frame_of(to_frame, networks(make_network, 0, (0.9, 0.8, 0.8, 0.4))[1:])
    assert span([short, late]) == Span(start=2, end=4)
    with pytest.raises(MissingData, match="fewer than two levels"):
        span([short[short["level"] == 0]])
    with pytest.raises(MissingData, match="no range of compression ratios in common"):
        span([short[short["level"] < 2], frame_of(to_frame, networks(make_network, 0, (1, 1, 1, 1))[2:])])


def test_a_seed_that_lacks_the_last_level_is_left_out_by_name(to_frame, make_network):
    frame = frame_of(to_frame, networks(make_network, 0, (0.9,) * 4), networks(make_network, 1, (0.9,) * 4)[:3])
    found = area(frame, span([frame]))
    assert list(found.by_seed) == [0]
    assert found.left_out == {1: "the levels do not cover compression ratios from 1 to 8"}


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0, 1), min_size=4, max_size=4), st.floats(-1, 1))
def test_an_area_lies_within_its_curve_and_moves_with_it(values, shift):
    from tests.results.conftest import as_frame, network

    frame = checked(as_frame(networks(network, 0, values)))
    found = area(frame, span([frame])).by_seed[0]
    assert min(values) - 1e-9 <= found <= max(values) + 1e-9
    moved = area(frame.assign(test_top1=frame["test_top1"] + shift), span([frame])).by_seed[0]
    assert moved == pytest.approx(found + shift)


def test_break_even_is_the_last_crossing_and_dense_does_not_count(to_frame, make_network):
    frame = frame_of(
        to_frame,
        networks(make_network, 0, (1.0, 0.8, 1.2, 2.0), column="measured_speedup"),
        networks(make_network, 1, (1.0, 1.5, 0.5, 1.5), column="measured_speedup"),
        networks(make_network, 2, (1.0, 1.1, 1.2, 1.3), column="measured_speedup"),
        networks(make_network, 3, (1.0, 0.7, 0.8, 0.9), column="measured_speedup"),
        networks(make_network, 4, (None,) * 4, column="measured_speedup"),
    )
    found = break_even(frame)
    assert found.by_seed == pytest.approx({0: 0.625, 1: 0.8125, 2: 0.5})
    assert found.bounded == {2: "at most"}
    assert found.left_out[3].startswith("not faster than dense even at its sparsest level")
    assert found.left_out[4] == "no network was timed"


def test_several_methods_have_no_common_curve(to_frame, make_network):
    frame = frame_of(to_frame, [make_network(level=1, criterion=c) for c in ("snip", "magnitude")])
    with pytest.raises(ValueError, match="select one value of criterion"):
        break_even(frame)


def test_the_early_stopping_advantage_is_tickets_minus_control(to_frame, make_network):
    steps = {"none": {1: (100, 120), 2: (80, 80)}, "reinit": {1: (200, 240), 2: (1500, 200)}}
    frame = frame_of(to_frame, [
        make_network(seed=s, level=n, control=control, early_stop_step=by_seed[s])
        for control, levels in steps.items() for n, by_seed in levels.items() for s in (0, 1)
    ])  # fmt: skip
    (found,) = early_stopping_advantage(frame)
    assert list(found.levels["mean"]) == [-110, -770]
    assert found.overall == mean_interval([(-100 - 1420) / 2, (-120 - 120) / 2])
    assert found.num_at_end == 1
    with pytest.raises(ValueError, match="unknown reference 'shuffle'"):
        early_stopping_advantage(frame, "shuffle")


def test_numbers_of_a_whole_study(study):
    own = checked(study)
    found = matching_over_seeds(own)
    assert found.interval is not None
    assert 0.9 < found.interval.mean < 0.96, "the made-up tickets lose accuracy below 9 % of the weights"
    assert np.isfinite(area(own[own["control"].eq("none") & own["kind"].eq("point")], span([own])).interval.mean)  # pyright: ignore


def test_ends_of_an_interval_that_bounds_leave_unknown(to_frame, make_network):
    falls, stays = (0.9, 0.8, 0.8, 0.8), (0.9, 0.9, 0.9, 0.9)
    some = matching_over_seeds(frame_of(to_frame, networks(make_network, 0, falls), networks(make_network, 1, stays)))
    assert some.interval is not None
    assert some.known == dataclasses.replace(some.interval, high=None)
    every = matching_over_seeds(frame_of(to_frame, networks(make_network, 0, stays), networks(make_network, 1, stays)))
    assert every.known == dataclasses.replace(every.interval, low=None, high=None)
    assert every.notes == ("at least that for seeds 0, 1, whose curves end there",)
    timed = [networks(make_network, s, v, column="measured_speedup") for s, v in enumerate(((1, 0.5, 1.5, 2), (1, 1.1, 1.2, 1.3)))]
    sooner = break_even(frame_of(to_frame, *timed))
    assert sooner.known == dataclasses.replace(sooner.interval, low=None)


def test_the_difference_of_bounds_and_numbers():
    first = gather({0: 0.9, 1: 0.8, 2: 0.7, 3: 0.6}, {0: "at least", 1: "at least", 2: "at most"}, {})
    second = gather({0: 0.5, 1: 0.5, 2: 0.5, 3: 0.5, 4: 0.5}, {1: "at most", 3: "at least"}, {})
    found = paired(first, second)
    assert found.by_seed == pytest.approx({0: 0.4, 2: 0.2, 3: 0.1})
    assert found.bounded == {0: "at least", 2: "at most", 3: "at most"}
    assert found.left_out == {1: "bounds on both sides"}
    assert found.bound == "about"
