"""Levels of rows from outside that name none: 0 is the dense network, then 1, 2, ... by sparsity within each method."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from prunelab.records.schema import AXES

SAME_DENSITY = 0.05  # two levels are alike if the weights they leave differ by less than this, relatively
_DIGITS = 4  # of a sparsity: seeds of one level may differ in the last weight
_METHOD = tuple(axis for axis in AXES if axis not in ("seed", "level", "control"))

_Seeds = dict[int, set[float]]  # sparsities of each seed
_Entry = tuple[str, int, float]  # control, seed, sparsity


def rung(row: Mapping[str, Any]) -> float | None:
    """The sparsity that a row is placed by: what was asked for, else what was reached. 0 only for 0; None if it is not known."""
    asked = row["sparsity"] if row["sparsity_requested"] is None else row["sparsity_requested"]
    if asked is None or math.isnan(asked):
        return None
    return max(round(asked, _DIGITS), 10**-_DIGITS) if asked > 0 else 0.0


def number_levels(rows: Sequence[dict[str, Any]]) -> None:
    """Give each row its level; a row without a sparsity (a barrier) gets 0.

    Structured pruning rarely reaches the same sparsity with every seed. So the n-th sparsities of all seeds are one level, if each seed
    has equally many, they leave as many weights but for `SAME_DENSITY`, and no two levels overlap; else equal sparsities are one level.
    """
    places = [(tuple(row[axis] for axis in _METHOD), (row["control"], row["seed"], rung(row) or 0.0)) for row in rows]
    ladders: dict[tuple[Any, ...], dict[str, _Seeds]] = {}
    for method, (control, seed, sparsity) in places:
        if sparsity:
            ladders.setdefault(method, {}).setdefault(control, {}).setdefault(seed, set()).add(sparsity)
    numbers = {method: _numbers(controls) for method, controls in ladders.items()}
    for row, (method, entry) in zip(rows, places, strict=True):
        row["level"] = numbers[method][entry] if entry[-1] else 0


def _numbers(controls: Mapping[str, _Seeds]) -> dict[_Entry, int]:
    """The level of each sparsity of one method and its controls."""
    own = controls.get("none", {})
    steps = _steps(own)
    found: dict[_Entry, float] = {}
    for control, seeds in controls.items():
        for seed, sparsities in seeds.items():
            if steps and control == "none":
                placed = dict(zip(sorted(sparsities), steps, strict=True))
            else:
                placed = _nearest(sparsities, steps)
            found |= {(control, seed, sparsity): step for sparsity, step in placed.items()}
    number = {step: level for level, step in enumerate(sorted(set(found.values())), start=1)}
    return {entry: number[step] for entry, step in found.items()}


def _steps(seeds: _Seeds) -> list[float]:
    """The mean of the n-th sparsities of all seeds, for each n; empty where seeds agree to the digit, or are not alike."""
    if len({len(sparsities) for sparsities in seeds.values()}) != 1:
        return []
    ranks = list(zip(*map(sorted, seeds.values()), strict=True))
    alike = all(1 - min(rank) <= (1 + SAME_DENSITY) * (1 - max(rank)) for rank in ranks)
    apart = all(max(rank) < min(after) for rank, after in pairwise(ranks))
    agree = all(min(rank) == max(rank) for rank in ranks)
    return [sum(rank) / len(rank) for rank in ranks] if alike and apart and not agree else []


def _nearest(sparsities: Iterable[float], steps: Sequence[float]) -> dict[float, float]:
    """A control's sparsities of one seed at the method's own steps, as far as they are alike; as they are if two fall on one."""
    found = {sparsity: sparsity for sparsity in sparsities}
    for sparsity in found if steps else ():
        step = min(steps, key=lambda each: abs(each - sparsity))
        if abs(step - sparsity) <= SAME_DENSITY * (1 - sparsity):
            found[sparsity] = step
    return found if len(set(found.values())) == len(found) else {sparsity: sparsity for sparsity in found}
