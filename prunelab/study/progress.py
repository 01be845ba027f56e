"""What of a plan is done."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from prunelab.store.store import Store
from prunelab.study.plan import Plan
from prunelab.study.stages.base import Stage
from prunelab.study.stages.train import Train


@dataclasses.dataclass(frozen=True, kw_only=True)
class Progress:
    """What of one or several plans is done; a stage that several have counts once.

    Attributes:
        stages: all distinct stages.
        pending: those that would be computed.
        pending_steps: optimizer steps they take.
        steps_per_second: measured on trainings of these plans that are done; None if there is none.
        shared: how often a stage is asked for by a plan after another that has it already.
    """

    stages: list[Stage]
    pending: list[Stage]
    pending_steps: int
    steps_per_second: float | None
    shared: int = 0


def progress(plans: Plan | Sequence[Plan], store: Store) -> Progress:
    """What the store has of `plans`. A stage is pending only if something that is asked for still needs it."""
    plans = [plans] if isinstance(plans, Plan) else plans
    of_each = [plan.stages() for plan in plans]
    distinct = {stage.key: stage for stages in of_each for stage in stages}
    stages = list(distinct.values())
    pending: dict[str, Stage] = {}
    done: set[str] = set()

    def need(stage: Stage) -> None:
        if stage.key in pending or stage.key in done:
            return
        if store.has(stage.key):
            done.add(stage.key)
            return
        for needed in stage.inputs.values():
            need(needed)
        pending[stage.key] = distinct[stage.key]

    for plan in plans:
        for point in plan.points:
            for stage in point.stages:
                need(stage)
    beginnings = {step_key for steps in beginnings_of(stages, store).values() for step_key in steps.values()}
    steps = sum(s.steps for s in pending.values() if isinstance(s, Train) and s.key not in beginnings)
    return Progress(
        stages=stages,
        pending=list(pending.values()),
        pending_steps=steps,
        steps_per_second=rate([s for s in stages if isinstance(s, Train) and s.steps and s.key not in pending], store),
        shared=sum(len(stages) for stages in of_each) - len(stages),
    )


def rate(done: Iterable[Train], store: Store, most: int = 20) -> float | None:
    """Optimizer steps a second of trainings that are done; None if there is none."""
    steps, seconds = 0, 0.0
    for stage in [stage for stage in done if store.has(stage.key)][:most]:
        taken = store.data(stage.key)["seconds"]
        steps, seconds = steps + (stage.steps if taken else 0), seconds + taken
    return steps / seconds if seconds else None


def beginnings_of(stages: Iterable[Stage], store: Store) -> dict[str, dict[int, str]]:
    """Trainings that are the beginning of a longer one, and are not there: key of the longer -> {end step: key}."""
    trainings = {stage.key: stage for stage in stages if isinstance(stage, Train)}
    ends = sorted({stage.spec.end_step for stage in trainings.values()})
    found: dict[str, dict[int, str]] = {}
    for key, stage in trainings.items():
        if store.has(key):
            continue
        shorter = [end for end in ends if stage.spec.start_step < end < stage.spec.end_step]
        beginnings = {end: stage.until(end).key for end in shorter}
        wanted = {end: k for end, k in beginnings.items() if k in trainings and not store.has(k)}
        if wanted:
            found[key] = wanted
    return found
