"""Heads, neurons and layers together, to twice the speed: `prunelab reproduce compress_minilm`."""

from __future__ import annotations

import pandas as pd

from prunelab.results.claims import Claim, difference_above, mean_above
from prunelab.results.frames import MissingData
from prunelab.results.relative import relative_to
from prunelab.results.selection import select

TARGET, KEEPS = 2.0, 0.97
HALF, SIXTY, QUARTER_LEFT = 1, 2, 3  # levels: 50, 60 and 75 % of the heads and neurons of every layer removed
WORK = "Kwon et al. 2022 (heads and neurons); Sajjad et al. 2023 (layers)"
TIMED = "(8 texts of 64 tokens, two CPU threads)"


def _five_layers(frame: pd.DataFrame, level: int) -> pd.DataFrame:
    rows = select(frame, level=level, control="none")
    found = rows[rows["overrides"].str.contains("keep_layers=[0,1,2,3,4]", regex=False)]
    found.attrs["asked"] = f"five layers, level {level}"
    return found


def _six_layers(frame: pd.DataFrame, level: int) -> pd.DataFrame:
    rows = select(frame, level=level, control="none")
    return rows[rows["overrides"].str.contains("keep_layers=null", regex=False)]


def _dense(frame: pd.DataFrame) -> pd.DataFrame:
    dense = _six_layers(frame, 0)
    if dense.empty:
        raise MissingData("the dense model of six layers was not trained")
    return dense


def sixty_percent_gone_keep_f1(frame: pd.DataFrame) -> Claim:
    """The quality of the network that meets the target with all its layers."""
    return mean_above(
        relative_to(_six_layers(frame, SIXTY), _dense(frame), "test_f1"),
        "test_f1",
        KEEPS,
        sentence="Without 60 % of the heads and feed-forward neurons of each layer, MiniLM keeps at least 97 % of the dense model's F1",
        source=WORK,
    )


def sixty_percent_gone_are_twice_as_fast(frame: pd.DataFrame) -> Claim:
    """Its speed, in turns with the whole model's."""
    return mean_above(
        _six_layers(frame, SIXTY),
        "measured_speedup",
        TARGET,
        sentence=f"The same network is at least twice as fast as the dense one {TIMED}",
        source=WORK,
    )


def half_gone_keep_f1(frame: pd.DataFrame) -> Claim:
    """The network just before the target."""
    return mean_above(
        relative_to(_six_layers(frame, HALF), _dense(frame), "test_f1"),
        "test_f1",
        KEEPS,
        sentence="Without half of the heads and feed-forward neurons of each layer, MiniLM keeps at least 97 % of the dense model's F1",
        source=WORK,
    )


def five_layers_at_half_width_keep_f1(frame: pd.DataFrame) -> Claim:
    """A layer less and wider ones."""
    return mean_above(
        relative_to(_five_layers(frame, HALF), _dense(frame), "test_f1"),
        "test_f1",
        KEEPS,
        sentence="Five of six layers with half of their heads and neurons keep at least 97 % of the F1 of the whole MiniLM",
        source=WORK,
    )


def five_layers_at_half_width_are_twice_as_fast(frame: pd.DataFrame) -> Claim:
    """Its speed, in turns with the whole model's of six layers."""
    return mean_above(
        _five_layers(frame, HALF),
        "measured_speedup",
        TARGET,
        sentence=f"Five of six layers with half of their heads and neurons are at least twice as fast as the whole MiniLM {TIMED}",
        source=WORK,
    )


def a_quarter_of_the_width_costs_more(frame: pd.DataFrame) -> Claim:
    """There is a frontier."""
    return difference_above(
        _six_layers(frame, HALF),
        _six_layers(frame, QUARTER_LEFT),
        "test_f1",
        sentence="With six layers, half of the heads and neurons give a higher F1 than a quarter of them",
        source="our measurement",
    )
