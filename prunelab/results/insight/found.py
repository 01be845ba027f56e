"""What a look at masks and networks found: tables, and words on what could not be computed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import pandas as pd

from prunelab.results.figure_parts import Exemplar

PARTS = ("overlap", "agreement", "exemplars", "calibration")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Found:
    """One part of an inspection.

    Attributes:
        tables: by name, as they are written to CSV; the functions of `prunelab.study.insight` say what their columns are.
        notes: what was left out and why, and what to mind, each a sentence.
        exemplars: examples to show, by method.
    """

    tables: Mapping[str, pd.DataFrame]
    notes: tuple[str, ...] = ()
    exemplars: Mapping[str, tuple[Exemplar, ...]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Level:
    """The level that is looked at closely: in heat maps, reliability diagrams and pictures.

    Attributes:
        number: of the level.
        density: mean fraction of the weights that the methods' own networks have left there.
    """

    number: int
    density: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Inspection:
    """A study, looked into.

    Attributes:
        study: its name.
        level: looked at closely.
        own_name: what the methods' own networks are called.
        parts: by name, those that were asked for, in the order of `PARTS`.
        facts: of the page's head.
    """

    study: str
    level: Level
    own_name: str
    parts: Mapping[str, Found]
    facts: tuple[tuple[str, str], ...]
