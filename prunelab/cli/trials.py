"""One trial of a search: a study at one sparsity, a seed at a time."""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from prunelab.basics.stop import Stopped, Switch, restore
from prunelab.cli.jobs import Job, job_of
from prunelab.cli.launching import run_hydra
from prunelab.cli.work import run_job
from prunelab.records.schema import Record
from prunelab.records.writer import record_path
from prunelab.study.log import LogFile

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from prunelab.cli.search import Budget


@dataclasses.dataclass(frozen=True, kw_only=True)
class Found:
    """What a trial found; means over its seeds.

    Attributes:
        sparsity: reached.
        compression: all weights of the dense model over all weights left.
        accuracy: on validation, of the pruned network.
        dense: the same of the dense network.
        excess: accuracy lost beyond what may be lost; good trials have none.
        pruned: whether seeds were left out because the first lost too much.
    """

    sparsity: float
    compression: float
    accuracy: float
    dense: float
    excess: float
    pruned: bool


class SearchedTrials:
    """Runs trials in this process, on one store: dense networks are trained once a seed.

    Attributes:
        home: folder of records.
        name: of the study.
    """

    def __init__(self, fixed: Sequence[str], budget: Budget) -> None:
        self._fixed, self._budget = list(fixed), budget
        first = self._plan({"sparsity": (budget.low + budget.high) / 2}, None)
        self.home, self.name, self._seeds = first.home, first.plan.study.name, first.plan.study.seeds
        if first.plan.study.schedule.controls:
            raise ValueError("a search trains no controls: leave schedule.controls out")

    def run(self, params: Mapping[str, Any]) -> Found:
        """Train what `params` say, seed by seed.

        Raises:
            Stopped: if asked to stop; the trial is made anew then, from the stages that are kept.
            ValueError: if a stage fails.
        """
        ends: list[tuple[dict[str, Any], dict[str, Any]]] = []
        pruned = False
        for seed in self._seeds:
            ends.append(self._ends(self._plan(params, seed)))
            hopeless = len(self._seeds) > 1 and len(ends) == 1 and not self._budget.pareto and _lost(ends) > 2 * self._budget.drop
            if hopeless or ends[-1][1]["diverged"]:
                pruned = True
                break
        return Found(
            sparsity=_mean(ends, 1, "sparsity") or float(params["sparsity"]),
            compression=_mean(ends, 1, "compression_ratio"),
            accuracy=_mean(ends, 1, "validation_top1"),
            dense=_mean(ends, 0, "validation_top1"),
            excess=_lost(ends) - self._budget.drop,
            pruned=pruned,
        )

    def _plan(self, params: Mapping[str, Any], seed: int | None) -> Job:
        words = [f"{name}={value}" for name, value in params.items() if name != "sparsity"]
        # a record's identity has the level and not the sparsity: each has a study of its own
        words += [] if seed is None else [f"name={self.name}.{round(10_000 * params['sparsity']):04d}"]
        words += ["sparsity=list", f"sparsity.values=[{params['sparsity']}]", *([] if seed is None else [f"seeds=[{seed}]"])]
        jobs: list[Job] = []

        def take(config: DictConfig) -> None:
            jobs.append(job_of(config))

        def refuse(*_: Any) -> list[Any]:
            raise ValueError("a search makes its own trials: leave -m out")

        run_hydra([*self._fixed, *words], one=take, many=refuse, launches=False)
        return jobs[0]

    def _ends(self, job: Job) -> tuple[dict[str, Any], dict[str, Any]]:
        """Records of the dense and of the pruned network of one seed."""
        switch = Switch()
        before = switch.listen()
        try:
            outcome = run_job(job, watcher=LogFile(job.log), switch=switch, beginnings={})
        finally:
            restore(before)
        if outcome.stopped:
            raise Stopped(outcome.stopped)
        if outcome.failures:
            failure = outcome.failures[0]
            raise ValueError(f"{failure.stage} for {failure.point} failed: {failure.error}; log: {job.log}; again: {job.command}")
        found = [json.loads(record_path(job.home / "records", Record(**point.axes)).read_text()) for point in job.plan.points]
        by_level = {row["level"]: row for row in found if row["kind"] == "point"}
        return by_level[0], by_level[max(by_level)]


def _lost(ends: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> float:
    """Accuracy that pruning cost."""
    return _mean(ends, 0, "validation_top1") - _mean(ends, 1, "validation_top1")


def _mean(ends: Sequence[tuple[dict[str, Any], dict[str, Any]]], which: int, column: str) -> float:
    """Mean of a column over seeds; what a diverged network lacks counts as 0."""
    return statistics.fmean(pair[which][column] or 0.0 for pair in ends)
