"""A look into a study: overlap of masks, agreement of criteria, exemplars, calibration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from prunelab.basics.choices import choose
from prunelab.basics.component import Component
from prunelab.results.insight.found import PARTS, Found, Inspection
from prunelab.results.methods import own_name
from prunelab.results.units import percent
from prunelab.store.store import Store
from prunelab.study.insight.agreement import criteria_agreement
from prunelab.study.insight.calibration import calibration_by_level
from prunelab.study.insight.exemplars import pruning_exemplars
from prunelab.study.insight.networks import Networks
from prunelab.study.insight.overlap import mask_overlap
from prunelab.study.insight.progress import Progress, silent


def inspect(
    store: Store,
    frame: pd.DataFrame,
    *,
    study: str,
    criteria: Mapping[str, Component],
    only: Sequence[str] = PARTS,
    level: int | None = None,
    sparsity: float | None = None,
    progress: Progress = silent,
) -> Inspection:
    """Compute what records alone cannot show.

    Args:
        store: that the study was run with.
        frame: its records.
        study: its name.
        criteria: to compare with the study's own.
        only: of `PARTS`, what to compute.
        level: looked at closely, or
        sparsity: the level nearest to it; the last if neither is given.
        progress: told how far it is.

    Raises:
        ValueError: for a part or level that does not exist, or a study without pruned networks.
    """
    if not only:
        raise ValueError(f"nothing to compute; choose from {', '.join(PARTS)}")
    for part in only:
        choose("part", part, PARTS)
    networks = Networks(store, frame)
    chosen = networks.level(level, sparsity)
    makers: dict[str, Callable[[], Found]] = {
        "overlap": lambda: mask_overlap(networks, progress),
        "agreement": lambda: criteria_agreement(networks, criteria, progress),
        "exemplars": lambda: pruning_exemplars(networks, chosen, progress),
        "calibration": lambda: calibration_by_level(networks, progress),
    }
    rows = networks.rows
    listed = {heading: list(dict.fromkeys(rows[column])) for heading, column in (("Model", "model"), ("Data", "dataset"))}
    facts = [(heading, ", ".join(map(str, values))) for heading, values in listed.items()]
    facts += [("Seeds", str(rows["seed"].nunique())), ("Networks", str(rows["stage_key"].nunique()))]
    facts += [("Close look", f"level {chosen.number}, {percent(chosen.density)} of the weights left")]
    return Inspection(
        study=study,
        level=chosen,
        own_name=own_name(networks.frame),
        parts={part: makers[part]() for part in PARTS if part in only},
        facts=tuple(facts),
    )
