"""Channels, single weights and 2:4 against measured time: `prunelab reproduce structured_vs_unstructured`."""

from __future__ import annotations

import pandas as pd

from prunelab.results.claims import Claim, difference_above, mean_above, mean_below
from prunelab.results.selection import select

SOURCE = "Blalock et al. 2020, section 2; our measurement"
HALF, THREE_QUARTERS, NINETY_FIVE = 1, 2, 4  # levels


def _pruned(frame: pd.DataFrame, granularity: str, level: int) -> pd.DataFrame:
    return select(frame, granularity=granularity, level=level, control="none")


def single_weights_are_more_accurate(frame: pd.DataFrame) -> Claim:
    """What is free to choose chooses better."""
    return difference_above(
        _pruned(frame, "weight", NINETY_FIVE),
        _pruned(frame, "coupled", NINETY_FIVE),
        "test_top1",
        sentence="At 95 % sparsity, removing single weights is more accurate than removing channels",
        source=SOURCE,
    )


def channels_are_faster(frame: pd.DataFrame) -> Claim:
    """What is gone needs no index."""
    return difference_above(
        _pruned(frame, "coupled", THREE_QUARTERS),
        _pruned(frame, "weight", NINETY_FIVE),
        "measured_speedup",
        sentence="Without three quarters of its channels it is faster than without 95 % of its single weights, each as deployed (batch 32)",
        source=SOURCE,
    )


def half_of_the_channels_speed_up(frame: pd.DataFrame) -> Claim:
    """A dense network of half the width."""
    return mean_above(
        _pruned(frame, "coupled", HALF),
        "measured_speedup",
        1.3,
        sentence="Removing half of the channels makes the network more than 1.3 times as fast (batch 32, two CPU threads)",
        source=SOURCE,
    )


def two_of_four_do_nothing_on_a_cpu(frame: pd.DataFrame) -> Claim:
    """There is no kernel for them."""
    return mean_below(
        _pruned(frame, "two_four", HALF),
        "measured_speedup",
        1.1,
        sentence="Two weights of every four removed make the network less than 1.1 times as fast on a CPU (batch 32)",
        source="our measurement; the sparse tensor cores that they are for are in GPUs (Mishra et al. 2021)",
    )
