"""What Frankle & Carbin 2019 say of LeNet-300-100, asked of our records. Run by `prunelab reproduce lottery_mnist5k`."""

from __future__ import annotations

import pandas as pd

from prunelab.results.claims import Claim, difference_above, difference_below
from prunelab.results.selection import dense, select, tickets

PAPER = "Frankle & Carbin 2019"


def tickets_beat_reinitialised_networks(frame: pd.DataFrame) -> Claim:
    """The initial weights matter, not the mask alone."""
    window = (0.10, 0.15)
    return difference_above(
        tickets(frame, density=window),
        select(frame, control="reinit", density=window),
        "test_top1",
        sentence="At 10-15 % of the weights, winning tickets are more accurate than the same masks on new initial weights",
        source=f"{PAPER}, section 2 and Figure 3",
    )


def tickets_learn_faster_than_the_dense_network(frame: pd.DataFrame) -> Claim:
    """Early stopping: the step of the lowest validation loss."""
    return difference_below(
        tickets(frame, density=(0.15, 0.50)),
        dense(frame),
        "early_stop_step",
        sentence="At 15-50 % of the weights, tickets reach their lowest validation loss earlier than the dense network",
        source=f"{PAPER}, section 2 and Figure 4",
    )


def tickets_match_the_dense_network(frame: pd.DataFrame) -> Claim:
    """Not worse by more than one point."""
    return difference_above(
        tickets(frame, density=(0.15, 0.25)),
        dense(frame),
        "test_top1",
        -0.01,
        sentence="At 15-25 % of the weights, tickets are at most one point less accurate than the dense network",
        source=f"{PAPER}, section 2 and Figure 4",
    )


def the_place_of_the_weights_matters(frame: pd.DataFrame) -> Claim:
    """Against masks with the same number of weights in each layer, on the same initial weights."""
    window = (0.10, 0.15)
    return difference_above(
        tickets(frame, density=window),
        select(frame, control="random", density=window),
        "test_top1",
        sentence="At 10-15 % of the weights, winning tickets are more accurate than randomly placed weights, layer by layer as many",
        source=f"{PAPER}, section 1 and Figure 1",
    )
