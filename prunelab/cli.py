"""The command line: run, report, reproduce, list, doctor. What is heavy is imported inside the commands."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from prunelab.basics.component import Component
    from prunelab.study.plan import Plan
    from prunelab.study.study import Study
    from prunelab.study.workshop import Workshop

GROUPS = {
    "models": "model",
    "datasets": "dataset",
    "criteria": "pruning/criterion",
    "allocations": "pruning/allocation",
    "granularities": "pruning/granularity",
    "schedules": "schedule",
    "sparsities": "sparsity",
    "optimizers": "optimizer",
    "trainers": "trainer",
    "trackers": "tracking",
    "experiments": "experiment",
}
HYDRA_ARGUMENTS = {"ignore_unknown_options": True, "allow_extra_args": True}


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Job:
    """A study that was checked and planned, and where it goes."""

    home: Path
    workshop: Workshop
    plan: Plan
    tracker: Component
    runs_here: bool


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="prunelab")
def main() -> None:
    r"""Describe a pruning study, run it, and see accuracy against sparsity.

    \b
    prunelab run experiment=lottery_mnist5k       the lottery-ticket study on real digits
    prunelab run model=lenet_5 seeds=[0,1,2]      any combination: `prunelab list models`
    prunelab run -m schedule=lottery,fine_tuning  a sweep
    prunelab report lottery_mnist5k               its report: curves, controls, Pareto front

    Shell completion: eval "$(_PRUNELAB_COMPLETE=bash_source prunelab)"
    """


def _complete_override(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Config groups and their choices, for the shell."""
    if "=" not in incomplete:
        return [f"{group}=" for group in GROUPS.values() if group.startswith(incomplete)]
    group = incomplete.partition("=")[0]
    return [f"{group}={name}" for name, _ in _choices(group) if f"{group}={name}".startswith(incomplete)]


@main.command(context_settings=HYDRA_ARGUMENTS)
@click.option("--plan", "only_plan", is_flag=True, help="Show what is done, what would run and how long it takes; run nothing.")
@click.option("--debug", is_flag=True, help="Show the whole traceback of an error.")
@click.argument("overrides", nargs=-1, type=click.UNPROCESSED, shell_complete=_complete_override)
def run(only_plan: bool, debug: bool, overrides: tuple[str, ...]) -> None:
    """Run a study. OVERRIDES are Hydra's: group=choice, option=value, -m for sweeps, --cfg job to see the config.

    Finished stages are never computed again: the same command after a crash goes on where it stopped.
    """
    _guarded(debug, lambda: _run_all(overrides, only_plan=only_plan))


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


def _guarded(debug: bool, action: Callable[[], object]) -> None:
    """Run `action`; say an error that a user can mend in a sentence, and exit 2."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    try:
        action()
    except (ValueError, OSError, HydraException, OmegaConfBaseException) as error:
        if debug:
            raise
        click.echo(f"error: {_explained(error)}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        click.echo("stopped; finished stages are kept, the same command goes on from there", err=True)
        sys.exit(130)


def _explained(error: BaseException) -> str:
    """The error in words, with the nearest match where Hydra names only the valid choices."""
    from hydra.errors import MissingConfigException
    from omegaconf.errors import ValidationError as OmegaConfValidationError

    from prunelab.basics.choices import nearest, unknown

    if isinstance(error, MissingConfigException) and error.options and error.missing_cfg_file:
        group, _, given = error.missing_cfg_file.rpartition("/")
        return str(unknown(group or "config", given, error.options))
    text = str(error).strip()
    if isinstance(error.__cause__, OmegaConfValidationError):
        return f"{text.splitlines()[0].removeprefix('Error merging override ')}: {str(error.__cause__).splitlines()[0]}"
    key = getattr(error.__cause__ or error, "key", None)
    parent = getattr(error.__cause__ or error, "parent_node", None)
    if key is not None and parent is not None and hasattr(parent, "keys"):
        valid = [str(name) for name in parent]
        match = nearest(str(key), valid)
        return text.splitlines()[0] + (f" Did you mean {match!r}?" if match else "") + f" Valid: {', '.join(valid)}."
    return text


def _workshop(study: Study, home: Path) -> Workshop:
    import torch

    from prunelab.store.store import Store
    from prunelab.study.workshop import Workshop

    if study.hardware.threads:
        torch.set_num_threads(study.hardware.threads)
    return Workshop(store=Store(home / "store"), hardware=study.hardware)


def _run_all(overrides: tuple[str, ...], *, only_plan: bool = False) -> list[Path]:
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


def _measured_rate(planned: Plan, workshop: Workshop, steps: int = 40) -> float:
    from prunelab.study.points import Point
    from prunelab.training.fit import fit

    first = next(point for point in planned.points if isinstance(point, Point)).train
    end = min(first.spec.start_step + steps, first.spec.end_step)
    fitted = fit(
        first.until(end).spec,
        model=workshop.model(first.model, first.dataset),
        masks={},
        splits=workshop.splits(first.dataset),
        hardware=workshop.hardware,
    )
    return (end - first.spec.start_step) / fitted.data["step_seconds"]


def _home(home: str | None) -> Path:
    return Path(home or os.environ.get("PRUNELAB_HOME") or "runs")


@main.command()
@click.argument("study")
@click.option("--home", help="Folder of records; $PRUNELAB_HOME or ./runs if not given.")
@click.option("--output", help="Folder of the report; HOME/reports/STUDY if not given.")
@click.option("--debug", is_flag=True, help="Show the whole traceback of an error.")
def report(study: str, home: str | None, output: str | None, debug: bool) -> None:
    """Write the report of STUDY: one HTML page, its figures as PNG, SVG and PDF, its points as CSV."""
    _guarded(debug, lambda: click.echo(f"report: {_report(study, _home(home), output)}"))


def _report(study: str, home: Path, output: str | None = None) -> Path:
    from prunelab.records.frame import load
    from prunelab.results.claim_files import evaluate
    from prunelab.results.report import write_report

    frame = load(home / "records", study)
    claims_file = Path("experiments") / study / "claims.py"
    claims = evaluate(claims_file, frame) if claims_file.is_file() else None
    target = Path(output) if output else home / "reports" / study
    return write_report(frame, target, title=study, description=_description(study), claims=claims)


def _description(study: str) -> str:
    """The sentence that an experiment's config has for its report."""
    import yaml

    from prunelab.config import conf_dir

    path = conf_dir() / "experiment" / f"{study}.yaml"
    return yaml.safe_load(path.read_text()).get("description", "") if path.is_file() else ""


@main.command(context_settings=HYDRA_ARGUMENTS)
@click.argument("name")
@click.option("--debug", is_flag=True, help="Show the whole traceback of an error.")
@click.argument("overrides", nargs=-1, type=click.UNPROCESSED)
def reproduce(name: str, debug: bool, overrides: tuple[str, ...]) -> None:
    """Run experiment NAME and check its published claims; exits 0 only if all hold.

    Writes experiments/NAME/results/: claims.json, records.csv, environment.json and the figures.
    """
    _guarded(debug, lambda: _reproduce(name, overrides))


def _reproduce(name: str, overrides: tuple[str, ...]) -> None:
    from rich.console import Console

    from prunelab.basics.choices import choose
    from prunelab.records.frame import load
    from prunelab.results.claim_files import evaluate, to_json, to_table
    from prunelab.results.claims import Verdict
    from prunelab.results.report import write_report

    folder = Path("experiments")
    if not folder.is_dir():
        raise ValueError("no folder experiments/ here: reproduce runs from a checkout of prunelab")
    choose("experiment with claims", name, [path.parent.name for path in folder.glob("*/claims.py")])
    homes = _run_all((f"experiment={name}", *overrides))
    frame = load(homes[0] / "records", name)
    claims = evaluate(folder / name / "claims.py", frame)
    Console().print(to_table(claims))
    results = folder / name / "results"
    page = write_report(frame, homes[0] / "reports" / name, title=name, description=_description(name), claims=claims)
    _keep_results(page, results, to_json(claims))
    click.echo(f"results: {results}\nreport: {page}")
    if any(claim.verdict is not Verdict.HOLDS for claim in claims):
        sys.exit(1)


def _keep_results(page: Path, results: Path, claims: str) -> None:
    """What an experiment keeps in the repository: small files that can be read and compared."""
    import json
    import platform
    import shutil

    import torch

    results.mkdir(parents=True, exist_ok=True)
    (results / "claims.json").write_text(claims)
    shutil.copyfile(page.parent / "points.csv", results / "records.csv")
    for figure in sorted(page.parent.rglob("*.png")):
        shutil.copyfile(figure, results / figure.name)
    environment = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "processor": platform.machine(),
        "threads": torch.get_num_threads(),
    }
    (results / "environment.json").write_text(json.dumps(environment, indent=1))


@main.command("list")
@click.argument("family", type=click.Choice(list(GROUPS)))
def list_(family: str) -> None:
    """List the choices of FAMILY, one line each, with their source."""
    rows = _choices(GROUPS[family])
    width = max(len(name) for name, _ in rows)
    for name, meaning in rows:
        click.echo(f"{name:<{width}}  {meaning}")


def _choices(group: str) -> list[tuple[str, str]]:
    """Names of a config group and the first comment of each file."""
    from prunelab.config import conf_dir

    rows = []
    for path in sorted((conf_dir() / group).glob("*.yaml")):
        comments = [line[2:].strip() for line in path.read_text().splitlines() if line.startswith("# ")]
        rows.append((path.stem, next((line for line in comments if not line.startswith("@")), "")))
    return rows


@main.command()
@click.option("--home", help="Folder of records; $PRUNELAB_HOME or ./runs if not given.")
def doctor(home: str | None) -> None:
    """Say what this machine has and whether prunelab can work here."""
    import platform

    import torch

    from prunelab.records.frame import studies
    from prunelab.store.store import Store

    folder = _home(home)
    facts: dict[str, Any] = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        "home": folder.resolve(),
        "studies": ", ".join(studies(folder / "records")) or "none",
        "artifacts": len(list(Store(folder / "store").keys())),
    }
    for name, value in facts.items():
        click.echo(f"{name:<10} {value}")


if __name__ == "__main__":
    main()
