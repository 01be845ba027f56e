"""Jobs: a command line composed by Hydra, checked and planned, then run."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from prunelab.basics.component import Component
    from prunelab.study.plan import Plan
    from prunelab.study.study import Study
    from prunelab.study.workshop import Workshop


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Job:
    """A study that was checked and planned, and where it goes."""

    home: Path
    workshop: Workshop
    plan: Plan
    tracker: Component
    runs_here: bool


def run_all(overrides: tuple[str, ...], *, only_plan: bool = False) -> list[Path]:
    """Compose every job and plan it, then run them: what is wrong with the last job is said before the first one trains.

    Returns:
        The home folder of each job.
    """
    jobs: list[_Job] = []
    homes: list[Path] = []

    def take(config: DictConfig) -> None:
        job = _job(config)
        homes.append(job.home)
        if job.runs_here:
            jobs.append(job)
        else:  # another process may run it: this is its only call
            _run_job(job, only_plan=only_plan)

    _hydra(overrides, take)
    for job in jobs:
        _run_job(job, only_plan=only_plan)
    return homes


def _hydra(overrides: tuple[str, ...], task: Callable[[DictConfig], None]) -> None:
    """Compose as Hydra's own command line does, and call `task` for each job."""
    import hydra

    from prunelab.config import conf_dir, register_schema

    register_schema()
    arguments, environment = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv = ["prunelab run", *overrides]
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come here, where they are said in one way
    try:
        hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="config")(task)()
    finally:
        sys.argv = arguments
        if environment is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = environment


def _job(config: DictConfig) -> _Job:
    """Check a composed config and plan its study.

    Raises:
        ValueError: for anything that is wrong with it.
    """
    from hydra.core.hydra_config import HydraConfig

    from prunelab.config import to_study, tracker_of
    from prunelab.study.plan import plan

    hydra_config = HydraConfig.get()
    choices = {str(group): str(choice) for group, choice in hydra_config.runtime.choices.items()}
    task = [override for override in hydra_config.overrides.task if not override.startswith("home=")]
    study, home = to_study(config, choices, " ".join(task)), Path(config.home).resolve()
    workshop = _workshop(study, home)
    return _Job(
        home=home,
        workshop=workshop,
        plan=plan(study, workshop),
        tracker=tracker_of(config, choices),
        runs_here=str(hydra_config.launcher["_target_"]).endswith("BasicLauncher"),
    )


def _workshop(study: Study, home: Path) -> Workshop:
    import torch

    from prunelab.store.store import Store
    from prunelab.study.workshop import Workshop

    if study.hardware.threads:
        torch.set_num_threads(study.hardware.threads)
    return Workshop(store=Store(home / "store"), hardware=study.hardware)


def _run_job(job: _Job, *, only_plan: bool) -> None:
    import time

    from rich.console import Console

    from prunelab.console import Display, duration, plan_table
    from prunelab.study.runner import Runner, progress

    console, name, started = Console(), job.plan.study.name, time.perf_counter()
    found = progress(job.plan, job.workshop.store)
    if only_plan:
        console.print(plan_table(job.plan, found))
        console.print(_estimate(job.plan, job.workshop, found.pending_steps, found.steps_per_second), highlight=False)
        return
    done = len(found.stages) - len(found.pending)
    said = f"{name}: {len(job.plan.points)} points from {len(found.stages)} stages, {done} done"
    console.print(f"{said}, {found.pending_steps:,} optimizer steps to run", highlight=False, soft_wrap=True)
    tracker = job.tracker.build(directory=job.home)
    with Display(found, console) as display:
        Runner(workshop=job.workshop, records=job.home / "records", tracker=tracker, watcher=display).run(job.plan)
    took = duration(time.perf_counter() - started)
    console.print(f"done in {took}; records in {job.home / 'records' / name}", highlight=False, soft_wrap=True)
    console.print(f"see it: prunelab report {name}", highlight=False)


def _estimate(planned: Plan, workshop: Workshop, steps: int, rate: float | None) -> str:
    """The time that `steps` take: from trainings of this plan that are done, or from a few steps made now."""
    from prunelab.console import duration

    if not steps:
        return "everything is done; running it takes seconds"
    source = "as fast as its finished trainings"
    if rate is None:
        rate, source = _measured_rate(planned, workshop), "measured on a few steps just now"
    return f"about {duration(steps / rate)} for {steps:,} steps at {rate:,.0f} steps a second ({source})"


_rates: dict[str, float] = {}  # of this process, by what is trained: the jobs of a sweep mostly train the same


def _measured_rate(planned: Plan, workshop: Workshop, steps: int = 40) -> float:
    from prunelab.study.points import Point
    from prunelab.training.fit import fit

    first = next(point for point in planned.points if isinstance(point, Point)).train
    if first.key in _rates:
        return _rates[first.key]
    end = min(first.spec.start_step + steps, first.spec.end_step)
    fitted = fit(
        first.until(end).spec,
        model=workshop.model(first.model, first.dataset),
        masks={},
        splits=workshop.splits(first.dataset),
        hardware=workshop.hardware,
    )
    return _rates.setdefault(first.key, (end - first.spec.start_step) / fitted.data["step_seconds"])
