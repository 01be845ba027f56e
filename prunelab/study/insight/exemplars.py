"""Which test examples pruned networks see otherwise than dense ones."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd

from prunelab.metrics import exemplars as metric
from prunelab.results.figure_parts import Exemplar
from prunelab.results.insight.found import Found, Level
from prunelab.study.insight.networks import Networks, Notes, mean_density
from prunelab.study.insight.pictures import Pictures
from prunelab.study.insight.predictions import Predictions, of_predictions
from prunelab.study.insight.progress import Progress

MOST_SHOWN = 24
COLUMNS = (
    "method", "level", "density", "kind", "num_dense", "num_pruned", "examples", "exemplars", "undecided",
    "dense_on_exemplars", "pruned_on_exemplars", "dense_on_rest", "pruned_on_rest", "dense_on_all", "pruned_on_all",
    "dense_disagreement", "pruned_disagreement",
)  # fmt: skip
CLASS_COLUMNS = ("method", "level", "density", "kind", "class", "examples", "exemplars", "undecided")


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Population:
    """Networks of one sparsity.

    Attributes:
        classes: that they predict, shape (networks, examples).
        targets: shape (examples,).
        row: of one of their records.
    """

    classes: np.ndarray
    targets: np.ndarray
    row: dict[Any, Any]


def pruning_exemplars(networks: Networks, level: Level, progress: Progress) -> Found:
    """Pruning-identified exemplars (Hooker et al. 2019; see `prunelab.metrics.exemplars`) at every level of every method.

    A population is the method's own networks of all seeds at a level; the dense population those at level 0. With one network in
    either, `kind` is `flips`: examples that one network sees otherwise than the other, which a mere change of seed makes too.

    Returns:
        A table `exemplars` with a row a level: counts of examples, the mean accuracy of either population on the exemplars, on the rest
        (examples that are neither exemplar nor undecided) and on all, and the fraction of examples on which two networks of the same
        population differ. A table `exemplar_classes` with its counts by true class. And the exemplars of `level` with the most votes.
    """
    notes = Notes()
    rows = networks.finite(networks.rows[networks.rows["control"] == "none"], notes)
    populations = _populations(networks, rows, notes, progress)
    table, classes, shown = [], [], {}
    for (method, number), pruned in populations.items():
        dense = populations.get((method, 0))
        if number == 0:
            continue
        if dense is None:
            notes.say(f"{method or 'The study'} has no dense network to compare with.")
            continue
        density = mean_density(rows[(rows["method"] == method) & (rows["level"] == number)])
        found = metric.exemplars(dense.classes, pruned.classes)
        kind = "PIE" if min(len(dense.classes), len(pruned.classes)) > 1 else "flips"
        head = [method, number, density, kind]
        table.append([*head, *_counts(dense, pruned, found)])
        classes += [[*head, *counts] for counts in _by_class(dense.targets, found)]
        if number == level.number:
            shown[method] = _shown(networks, dense, pruned, found, notes)
    if any(row[3] == "flips" for row in table):
        notes.say("One network a population is no population: what is counted are flips between two networks, not exemplars.")
    tables = {
        "exemplars": pd.DataFrame(table, columns=list(COLUMNS)),
        "exemplar_classes": pd.DataFrame(classes, columns=list(CLASS_COLUMNS)),
    }
    return Found(tables=tables, notes=notes.sentences(), exemplars=shown)


def _populations(networks: Networks, rows: pd.DataFrame, notes: Notes, progress: Progress) -> dict[tuple[str, int], _Population]:
    """By method and level, dense first."""
    ordered = rows.sort_values(["method", "level", "seed"], kind="stable")
    votes: dict[tuple[str, int], list[np.ndarray]] = {}
    first: dict[tuple[str, int], tuple[np.ndarray, dict[Any, Any]]] = {}
    for row, (classes, targets) in of_predictions(networks, ordered, _classes, notes, progress, "predictions"):
        place = row["method"], int(row["level"])
        votes.setdefault(place, []).append(classes)
        first.setdefault(place, (targets, row))
    return {place: _Population(classes=np.stack(votes[place]), targets=targets, row=row) for place, (targets, row) in first.items()}


def _classes(found: Predictions) -> tuple[np.ndarray, np.ndarray]:
    return found.classes, found.targets


def _counts(dense: _Population, pruned: _Population, found: metric.Exemplars) -> list[Any]:
    everywhere = np.ones_like(found.differ)
    accuracies = [
        metric.mean_accuracy(side.classes, side.targets, where)
        for where in (found.differ, found.alike, everywhere)
        for side in (dense, pruned)
    ]
    disagreements = [metric.disagreement(side.classes) for side in (dense, pruned)]
    counts = [len(dense.classes), len(pruned.classes), len(found.differ), int(found.differ.sum()), int(found.undecided.sum())]
    return [*counts, *accuracies, *disagreements]


def _by_class(targets: np.ndarray, found: metric.Exemplars) -> list[list[int]]:
    return [
        [int(label), *(int((where & (targets == label)).sum()) for where in (np.ones_like(found.differ), found.differ, found.undecided))]
        for label in np.unique(targets)
    ]


def _shown(networks: Networks, dense: _Population, pruned: _Population, found: metric.Exemplars, notes: Notes) -> tuple[Exemplar, ...]:
    """The exemplars that most networks agree on, in order of the test set where as many do."""
    where = np.flatnonzero(found.differ)
    votes = found.dense_votes / len(dense.classes) + found.pruned_votes / len(pruned.classes)
    chosen = where[np.argsort(-votes[where], kind="stable")][:MOST_SHOWN]
    try:
        pictures = Pictures(networks, pruned.row)
    except ValueError as error:
        notes.say(f"The exemplars themselves can't be shown: {error}.")
        return ()
    if pictures.lack:
        notes.say(pictures.lack)
    return tuple(
        Exemplar(
            index=int(index),
            picture=pictures.picture(int(index)),
            words=pictures.words(int(index)),
            label=int(dense.targets[index]),
            dense=_vote(int(found.dense_mode[index]), int(found.dense_votes[index]), len(dense.classes)),
            pruned=_vote(int(found.pruned_mode[index]), int(found.pruned_votes[index]), len(pruned.classes)),
        )
        for index in chosen
    )


def _vote(mode: int, votes: int, of: int) -> str:
    name = "tied" if mode == metric.TIED else str(mode)
    return name if of == 1 else f"{name} ({votes} of {of})"
