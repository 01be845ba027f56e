"""Whether masks agree beyond chance: across seeds, across levels, across methods and controls."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from prunelab.metrics.overlap import Overlap, overlap
from prunelab.pruning.masks import Masks
from prunelab.results.insight.found import Found
from prunelab.study.insight.networks import Networks, Notes, name_of, scope_names
from prunelab.study.insight.progress import Progress

_SIDE = ["method", "control"]
_OWN = ("method", "control", "seed", "level", "density")
COLUMNS = ("comparison", *_OWN, *(f"other_{name}" for name in _OWN), "iou", "chance", "greatest")
_Pair = tuple[str, dict[Any, Any], dict[Any, Any]]


def mask_overlap(networks: Networks, progress: Progress) -> Found:
    """Intersection over union of kept weights for the pairs of masks of a study.

    Returns:
        A table `overlap` with a row a pair. `comparison` is `seeds` (same method and level), `levels` (same method and seed) or
        `methods` (same level and seed: methods with each other, and each with its controls); `iou`, `chance` and `greatest` are
        those of `prunelab.metrics.overlap.Overlap`; densities are fractions of all prunable weights.
    """
    notes = Notes()
    rows = _masked(networks, notes)
    pairs = [*_across_seeds(rows), *_across_methods(rows, notes), *_across_levels(rows)]
    made = [_row(pair, found) for pair, found in _overlaps(networks, pairs, notes, progress)]
    table = pd.DataFrame(made, columns=list(COLUMNS))
    order = table["comparison"].map({"seeds": 0, "methods": 1, "levels": 2})
    table = table.assign(order=order).sort_values(["order", "level", "method", "control"], kind="stable", ignore_index=True)
    table = table.drop(columns="order")
    if len(rows) and rows["seed"].nunique() < 2:
        notes.say("The study has one seed, so masks can't be compared across seeds.")
    return Found(tables={"overlap": table}, notes=notes.sentences())


def _masked(networks: Networks, notes: Notes) -> pd.DataFrame:
    """Pruned networks with the key of their masks; controls that keep the method's own masks are left out and named."""
    rows = networks.rows[(networks.rows["level"] > 0)]
    rows = networks.finite(rows, notes)
    keys: list[str | None] = []
    for row in rows.to_dict("records"):
        try:
            key = networks.masks_key(row["stage_key"])
        except ValueError as error:
            notes.left_out(name_of(row), str(error))
            key = None
        else:
            if key is None:
                notes.say(f"Control {row['control']} is a network without a mask: it is not compared.")
        keys.append(key)
    rows = rows.assign(masks=pd.Series(keys, index=rows.index, dtype=object))
    rows = rows[rows["masks"].notna()]
    own = rows[rows["control"] == "none"]
    same = set(zip(own["method"], own["seed"], own["level"], own["masks"], strict=True))
    found = [
        row["control"] != "none" and (row["method"], row["seed"], row["level"], row["masks"]) in same for row in rows.to_dict("records")
    ]
    borrowed = np.asarray(found, dtype=bool)  # of no rows, a list would choose no columns
    for control in dict.fromkeys(rows.loc[borrowed, "control"]):
        notes.say(f"Control {control} keeps the masks of the networks it is compared with, so that its overlap is theirs.")
    return rows[~borrowed]


def _across_seeds(rows: pd.DataFrame) -> Iterator[_Pair]:
    for _, group in rows.groupby(["level", *_SIDE], sort=False):
        yield from (("seeds", *pair) for pair in itertools.combinations(group.sort_values("seed").to_dict("records"), 2))


def _across_methods(rows: pd.DataFrame, notes: Notes) -> Iterator[_Pair]:
    for _, group in rows.groupby(["level", "seed"], sort=True):
        for one, other in itertools.combinations(group.to_dict("records"), 2):
            if not (one["method"] == other["method"] or one["control"] == other["control"] == "none"):
                continue
            if abs(one["sparsity_requested"] - other["sparsity_requested"]) > 1e-4:
                notes.say("Methods whose ladders have other sparsities at a level are not compared at it.")
                continue
            yield "methods", one, other


def _across_levels(rows: pd.DataFrame) -> Iterator[_Pair]:
    for _, group in rows.groupby([*_SIDE, "seed"], sort=False):
        yield from (("levels", *pair) for pair in itertools.combinations(group.sort_values("level").to_dict("records"), 2))


def _overlaps(networks: Networks, pairs: list[_Pair], notes: Notes, progress: Progress) -> Iterator[tuple[_Pair, Overlap]]:
    """Overlaps of pairs; no more masks are held at once than those of one level, or of one ladder."""
    done = 0
    for _, group in itertools.groupby(sorted(pairs, key=_held_together), _held_together):
        held: dict[str, Masks | None] = {}
        for pair in group:
            progress("overlap of masks", done, len(pairs))
            done += 1
            first, second = (_read(networks, row, held, notes) for row in pair[1:])
            if first is None or second is None:
                continue
            try:
                yield pair, overlap(first, second)
            except ValueError as error:
                notes.left_out(f"{name_of(pair[1])} with {name_of(pair[2])}", str(error))
    progress("overlap of masks", done, len(pairs))


def _held_together(pair: _Pair) -> tuple[Any, ...]:
    comparison, one, _ = pair
    return (1, one["method"], one["control"], one["seed"]) if comparison == "levels" else (0, one["level"])


def _read(networks: Networks, row: dict[Any, Any], held: dict[str, Masks | None], notes: Notes) -> Masks | None:
    key = row["masks"]
    if key not in held:
        try:
            held[key] = networks.masks(key, scope_names(row))
        except ValueError as error:
            notes.left_out(name_of(row), str(error))
            held[key] = None
    return held[key]


def _row(pair: _Pair, found: Overlap) -> list[Any]:
    comparison, one, other = pair
    sides = [row[name] for row in (one, other) for name in _OWN]
    return [comparison, *sides, found.observed, found.chance, found.greatest]
