"""The two sides of a comparison: STUDY, STUDY:METHOD, STUDY:CONTROL or STUDY:METHOD:CONTROL, and which of their levels are alike."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd

from prunelab.basics.choices import unknown
from prunelab.records.levels import SAME_DENSITY
from prunelab.results.frames import MissingData, checked, points
from prunelab.results.methods import METHOD_AXES, with_methods

_BETWEEN = " · "
_TASK = {"model": "model", "dataset": "data set"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Side:
    """Networks of one kind.

    Attributes:
        name: as it was asked for.
        networks: of one method, or one control of it: pruned ones, and at level 0 the dense networks of the method.
    """

    name: str
    networks: pd.DataFrame

    @property
    def pruned(self) -> pd.DataFrame:
        """Without the dense networks."""
        return self.networks[self.networks["level"] > 0]


def _at_colons(word: str) -> list[str]:
    return word.split(":")


def side_of(word: str, load: Callable[[str], pd.DataFrame], *, split: Callable[[str], list[str]] = _at_colons) -> Side:
    """The networks that a word means.

    Args:
        word: STUDY, STUDY:METHOD, STUDY:CONTROL or STUDY:METHOD:CONTROL. A method is called what the report calls it; its parts may
            be joined by commas as well.
        load: reads the records of a study.
        split: cuts a word into STUDY and the parts after it; at each colon, unless a study's own name may have some.

    Raises:
        ValueError: for an unknown study, method or control, naming the nearest; for a study with several methods of which none
            is named.
        MissingData: if there are no such networks.
    """
    study, *parts = split(word)
    rows = with_methods(points(checked(load(study))))
    if rows.empty:
        raise MissingData(f"{study} has no trained networks")
    methods = {str(label).replace(_BETWEEN, ","): str(label) for label in rows["method"].cat.categories}
    controls = sorted(set(rows["control"]) - {"none"})
    method, control = _parts(study, parts, methods, controls)
    own = rows[rows["method"] == method]
    dense = own[(own["control"] == "none") & (own["level"] == 0)]
    pruned = own[(own["control"] == control) & (own["level"] > 0)]
    if pruned.empty:
        raise MissingData(f"{word} has no pruned networks")
    # as networks of one kind: a control takes the place of the method's own
    networks = pd.concat([dense, pruned.assign(control="none")], ignore_index=True)
    return Side(name=word, networks=networks)


def _parts(study: str, parts: list[str], methods: dict[str, str], controls: list[str]) -> tuple[str, str]:
    """Method and control of what follows a study's name."""
    if len(parts) > 2:
        raise ValueError(f"{':'.join([study, *parts])!r} has too many parts; give STUDY:METHOD:CONTROL")
    asked = [part.strip().replace(_BETWEEN, ",") for part in parts]
    method = next((methods[part] for part in asked if part in methods and part), None)
    control = next((part for part in asked if part in controls), "none")
    for part in asked:
        if part not in methods and part not in controls:
            raise unknown(f"method or control of {study}", part, [*filter(None, methods), *controls])
    if len(asked) == 2 and (method is None or control == "none"):
        raise ValueError(f"{study}:{':'.join(parts)} names two methods or two controls; give STUDY:METHOD:CONTROL")
    if method is None and len(methods) > 1:
        example = f"{study}:{next(iter(methods))}"
        raise ValueError(f"{study} has {len(methods)} methods; name one, as in '{example}'. Valid: {', '.join(methods)}.")
    return (next(iter(methods.values())) if method is None else method), control


def unlike(first: Side, second: Side) -> tuple[list[str], list[str]]:
    """What two sides differ in besides how they were pruned.

    Returns:
        Model and data set, where they differ, as `data set (mnist5k against cifar10)`; and notes on what can't be told, and on two
        studies of one method that differ in settings without a column.
    """
    differing, notes = [], []
    for axis, name in _TASK.items():
        here, there = (_values(side, axis) for side in (first, second))
        if here and there and here != there:
            differing.append(f"{name} ({', '.join(here)} against {', '.join(there)})")
        elif here != there:
            lacking, known = (first, ", ".join(there)) if there else (second, ", ".join(here))
            notes.append(f"the {name} of {lacking.name} is not recorded, that of the other is {known}")
    methods = [axis for axis in METHOD_AXES if axis not in ("study", "variant", *_TASK)]
    alike = all(_values(first, axis) == _values(second, axis) for axis in methods)
    variants = _values(first, "variant"), _values(second, "variant")
    if alike and not differing and all(variants) and variants[0] != variants[1] and _values(first, "study") != _values(second, "study"):
        notes.append("the two studies differ in settings of training or pruning that no column names: their variants are not the same")
    return differing, notes


def _values(side: Side, axis: str) -> list[str]:
    return sorted({str(value) for value in side.pruned[axis].dropna()} - {""})


def aligned(first: Side, second: Side) -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...]]:
    """The pruned networks of two sides, levels of the second numbered as those of the first that leave as many weights.

    Returns:
        Both frames, with what has no counterpart left out, and in words which levels these are.
    """
    sides = (first, second)
    densities = [(1 - side.pruned.groupby("level")["sparsity"].mean()).dropna() for side in sides]
    renamed: dict[int, int] = {}
    for level, density in densities[1].items():
        free = densities[0].drop(list(renamed.values()))
        if free.empty or density <= 0:
            continue
        distance = (free / density - 1).abs()
        if distance.min() <= SAME_DENSITY:
            renamed[int(level)] = int(distance.idxmin())  # pyright: ignore[reportArgumentType]
    notes = []
    for side, density, known in zip(sides, densities, (set(renamed.values()), set(renamed)), strict=True):
        alone = [f"{100 * value:.3g} %" for level, value in density.items() if level not in known]
        notes += [f"only {side.name} has levels with {', '.join(alone)} of the weights left"] if alone else []
    here = first.pruned[first.pruned["level"].isin(list(renamed.values()))]
    there = second.pruned[second.pruned["level"].isin(list(renamed))]
    levels = np.asarray([renamed[int(level)] for level in there["level"]], dtype=int)
    return here, there.assign(level=levels), tuple(notes)
