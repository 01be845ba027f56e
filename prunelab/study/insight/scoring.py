"""The scores that several criteria give the units of one network."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from prunelab.basics.component import Component, component
from prunelab.basics.seeds import generator
from prunelab.pruning import masks
from prunelab.pruning.criteria.base import Batch, Context, Criterion
from prunelab.pruning.granularities.base import Granularity
from prunelab.pruning.prune import unit_scores
from prunelab.pruning.scope import Scope
from prunelab.study.calibration import calibration_batches
from prunelab.study.insight.methods import Method
from prunelab.study.insight.networks import Networks, Notes
from prunelab.study.rebuild import Rebuilt, rebuild
from prunelab.study.study import Calibration
from prunelab.study.units import scope_for

_WEIGHT = "prunelab.pruning.granularities.weight.Weight"
_AS_SINGLE_WEIGHTS = ("n:m", "block")


Scored = Mapping[str, Mapping[str, np.ndarray]]
"""Scores of units: criterion -> tensor -> float64 (units,), the highest are kept."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setting:
    """What criteria score, and on which examples.

    Attributes:
        granularity: whose units are scored.
        exclude: tensors that are not.
        calibration: of the examples.
        seeds: replicate -> seed that draws them.
    """

    granularity: Granularity
    exclude: tuple[str, ...]
    calibration: Calibration
    seeds: Mapping[int, int]


def setting_of(methods: Mapping[str, Method], notes: Notes) -> Setting:
    """One setting for all criteria, that of the study's methods where these agree: only then scores are of the same things."""
    every = list(methods.values())
    granularities = [method.granularity for method in every]
    single: Granularity = component("weight", _WEIGHT, {}).build()
    granularity = single
    if every and all(other == granularities[0] for other in granularities):
        granularity = granularities[0].build()
        if granularity.kind in _AS_SINGLE_WEIGHTS:
            granularity = single
    elif every:
        notes.say("The study's methods remove different units: scores are compared weight by weight.")
    exclude = every[0].exclude if every else ()
    if any(method.exclude != exclude for method in every):
        notes.say(
            f"The study's methods exclude different tensors: scores are compared with those left out that {next(iter(methods))} leaves out."
        )
    with_data = [method for method in every if method.calibration]
    chosen = with_data[0] if with_data else None
    calibration = chosen.calibration if chosen and chosen.calibration else Calibration()
    seeds = (chosen or every[0]).seeds if every else {}
    return Setting(granularity=granularity, exclude=exclude, calibration=calibration, seeds=seeds)


def scored(
    networks: Networks,
    row: dict[Any, Any],
    criteria: Mapping[str, Component],
    setting: Setting,
    notes: Notes,
    on_done: Callable[[int], None],
) -> Scored:
    """Scores of every criterion that can score this network; the others are noted with the reason.

    Raises:
        ValueError: if the store does not have the network, or it has no such units.
    """
    rebuilt = rebuild(networks.store, row["stage_key"], model=row["model"], dataset=row["dataset"], workshop=networks.workshop)
    scope = scope_for(rebuilt.network, setting.granularity, exclude=setting.exclude, input_shape=rebuilt.splits.input_shape)
    setting.granularity.check(scope)
    seed = setting.seeds.get(int(row["seed"]), int(row["seed"]))
    batches = calibration_batches(setting.calibration, rebuilt.splits, seed)
    found: dict[str, dict[str, np.ndarray]] = {}
    for number, (name, criterion) in enumerate(criteria.items()):
        on_done(number)
        try:
            found[name] = _scores(rebuilt, criterion.build(), setting.granularity, scope, seed, batches)
        except (ValueError, RuntimeError) as error:
            notes.left_out(f"criterion {name}", " ".join(str(error).split()))
    return found


def _scores(
    rebuilt: Rebuilt, criterion: Criterion, granularity: Granularity, scope: Scope, seed: int, batches: list[Batch]
) -> dict[str, np.ndarray]:
    if criterion.granularities and granularity.kind not in criterion.granularities:
        raise ValueError(f"it scores units of {' or '.join(criterion.granularities)} only, not of {granularity.kind}")
    context = Context(generator=generator(seed), masks=masks.ones(scope), batches=batches if criterion.needs_batches else ())
    made = unit_scores(rebuilt.network, scope=scope, criterion=criterion, granularity=granularity, context=context)
    scores = {name: score.detach().double().cpu().numpy() for name, score in made.items()}
    if not scores:
        raise ValueError(f"it scores no {granularity.kind} of this network")
    if any(np.isnan(score).any() for score in scores.values()):
        raise ValueError("some of its scores are NaN")
    return scores
