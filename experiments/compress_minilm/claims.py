"""Heads, neurons and layers together, to twice the speed: `prunelab reproduce compress_minilm`."""

from __future__ import annotations

import pandas as pd

from prunelab.results.claims import Claim, difference_above, mean_above
from prunelab.results.frames import MissingData
from prunelab.results.relative import relative_to
from prunelab.results.selection import select

TARGET, KEEPS = 2.0, 0.97
HALF = 1  # level: half of the heads and neurons of every layer removed
WORK = "Kwon et al. 2022 (heads and neurons); Sajjad et al. 2023 (layers)"


def _four_layers(frame: pd.DataFrame, level: int) -> pd.DataFrame:
    rows = select(frame, level=level, control="none")
    found = rows[rows["overrides"].str.contains("keep_layers=[0,1,2,3]", regex=False)]
    found.attrs["asked"] = f"four layers, level {level}"
    return found


def _six_layers(frame: pd.DataFrame, level: int) -> pd.DataFrame:
    rows = select(frame, level=level, control="none")
    return rows[rows["overrides"].str.contains("keep_layers=null", regex=False)]


def _dense(frame: pd.DataFrame) -> pd.DataFrame:
    dense = _six_layers(frame, 0)
    if dense.empty:
        raise MissingData("the dense model of six layers was not trained")
    return dense


def four_layers_at_half_width_keep_f1(frame: pd.DataFrame) -> Claim:
    """The quality of the network that meets the target."""
    return mean_above(
        relative_to(_four_layers(frame, HALF), _dense(frame), "test_f1"),
        "test_f1",
        KEEPS,
        sentence="Four of six layers with half of their heads and neurons keep at least 97 % of the F1 of the whole MiniLM",
        source=WORK,
    )


def four_layers_at_half_width_are_twice_as_fast(frame: pd.DataFrame) -> Claim:
    """Its speed, in turns with the whole model's."""
    return mean_above(
        _four_layers(frame, HALF),
        "measured_speedup",
        TARGET,
        sentence="The same network is at least twice as fast as the whole MiniLM (one text of 64 tokens, two CPU threads)",
        source=WORK,
    )


def a_quarter_of_the_width_costs_more(frame: pd.DataFrame) -> Claim:
    """There is a frontier."""
    return difference_above(
        _six_layers(frame, HALF),
        _six_layers(frame, HALF + 1),
        "test_f1",
        sentence="With six layers, half of the heads and neurons give a higher F1 than a quarter of them",
        source="our measurement",
    )
