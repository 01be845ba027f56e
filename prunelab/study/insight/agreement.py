"""Whether criteria rank the weights of one network alike."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from prunelab.basics.component import Component
from prunelab.metrics.agreement import kendall, ranks, removed_alike, spearman
from prunelab.results.insight.found import Found
from prunelab.study.insight.methods import methods_of
from prunelab.study.insight.networks import Networks, Notes, name_of
from prunelab.study.insight.progress import Progress
from prunelab.study.insight.scoring import Scored, scored, setting_of

FRACTIONS = (0.5, 0.8, 0.9)
ALL = "all"
COLUMNS = ("network", "seed", "first", "second", "tensor", "units", "spearman", "kendall")
REMOVED_COLUMNS = ("network", "seed", "first", "second", "fraction", "units", "iou", "chance", "tied")


def criteria_agreement(networks: Networks, more: Mapping[str, Component], progress: Progress) -> Found:
    """Rank correlation of criteria's scores on the dense networks of a study, and the overlap of what each would remove.

    The network is the trained dense one, whatever network the study's own criteria were asked about; all tensors are whole, and
    every criterion looks at the same examples in one round.

    Args:
        networks: of the study, whose own criteria come first.
        more: criteria by name, to compare with those.
        progress: told how far it is.

    Returns:
        A table `agreement`: a row for each dense network, pair of criteria and tensor (and `all` of those that both score), with
        Spearman's and Kendall's correlation of the scores of units. A table `removed`: overlaps (intersection over union) at each
        fraction with what is expected by chance; see `prunelab.metrics.agreement`.
    """
    notes = Notes()
    methods = methods_of(networks, notes)
    criteria = {name: method.criterion for name, method in methods.items()}
    for name, criterion in more.items():
        if not any(criterion == known for known in criteria.values()):
            criteria[name if name not in criteria else f"{name} (default options)"] = criterion
    setting, dense = setting_of(methods, notes), _dense(networks, notes)
    correlations, removed = [], []
    for done, row in enumerate(dense):
        progress("scores of criteria", done * len(criteria), len(dense) * len(criteria))

        def one_more(number: int, before: int = done) -> None:
            progress("scores of criteria", before * len(criteria) + number, len(dense) * len(criteria))

        try:
            found = scored(networks, row, criteria, setting, notes, one_more)
        except ValueError as error:
            notes.left_out(name_of(row), str(error))
            continue
        head = [_network(row, dense), row["seed"]]
        for first, second in itertools.combinations(found, 2):
            correlations += [[*head, first, second, *line] for line in _correlations(found, first, second)]
            removed += [[*head, first, second, *line] for line in _removed(found, first, second)]
    if len(criteria) < 2:
        notes.say("One criterion has none to agree with; name others with --criteria.")
    tables = {
        "agreement": pd.DataFrame(correlations, columns=list(COLUMNS)),
        "removed": pd.DataFrame(removed, columns=list(REMOVED_COLUMNS)),
    }
    return Found(tables=tables, notes=notes.sentences())


def _dense(networks: Networks, notes: Notes) -> list[dict[Any, Any]]:
    rows = networks.rows[(networks.rows["level"] == 0) & (networks.rows["control"] == "none")].drop_duplicates("stage_key")
    if rows.empty:
        notes.say("The study has no dense network whose weights could be scored.")
    return networks.finite(rows, notes).sort_values(["model", "dataset", "seed"]).to_dict("records")


def _network(row: dict[Any, Any], dense: list[dict[Any, Any]]) -> str:
    """Model and data set, as far as dense networks of a seed differ in them; else a number."""
    alike = [other for other in dense if other["seed"] == row["seed"]]
    if len(alike) == 1:
        return ""
    name = f"{row['model']} on {row['dataset']}"
    same = [other["stage_key"] for other in alike if (other["model"], other["dataset"]) == (row["model"], row["dataset"])]
    return name if len(same) == 1 else f"{name} ({same.index(row['stage_key']) + 1})"


def _shared(found: Scored, first: str, second: str) -> list[str]:
    return [tensor for tensor in found[first] if tensor in found[second]]


def _correlations(found: Scored, first: str, second: str) -> list[list[Any]]:
    tensors = _shared(found, first, second)
    sides = [{tensor: found[name][tensor] for tensor in tensors} for name in (first, second)]
    lines = []
    if len(tensors) > 1:
        joined = [np.concatenate(list(side.values())) for side in sides]
        lines.append([ALL, joined[0].size, *_both(*joined)])
    lines += [[tensor, sides[0][tensor].size, *_both(sides[0][tensor], sides[1][tensor])] for tensor in tensors]
    return lines if len(tensors) != 1 else [[ALL, *lines[0][1:]], *lines]


def _both(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    ranked = ranks(first), ranks(second)
    return spearman(*ranked), kendall(*ranked)


def _removed(found: Scored, first: str, second: str) -> list[list[Any]]:
    tensors = _shared(found, first, second)
    if not tensors:
        return []
    sides = [np.concatenate([found[name][tensor] for tensor in tensors]) for name in (first, second)]
    lines = []
    for fraction in FRACTIONS:
        if not 0 < round(fraction * sides[0].size) < sides[0].size:
            continue
        alike = removed_alike(sides[0], sides[1], fraction)
        lines.append([fraction, sides[0].size, alike.observed, alike.chance, alike.tied])
    return lines
