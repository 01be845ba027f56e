"""`prunelab search`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from prunelab.cli.errors import guarded
from prunelab.cli.families import complete_override
from prunelab.cli.options import HYDRA_ARGUMENTS, debug_option

if TYPE_CHECKING:
    import optuna

    from prunelab.cli.trials import Found, SearchedTrials


@click.command(context_settings=HYDRA_ARGUMENTS)
@click.option(
    "--trials", type=click.IntRange(1), default=20, show_default=True, help="How many to end with, those of earlier runs included."
)
@click.option("--sparsity", type=(float, float), default=(0.5, 0.99), show_default=True, help="Lowest and highest sparsity to try.")
@click.option("--drop", type=float, default=0.01, show_default=True, help="Accuracy that may be lost against the dense network.")
@click.option("--pareto", is_flag=True, help="Trade accuracy against compression instead of asking for an accuracy.")
@debug_option
@click.argument("overrides", nargs=-1, type=click.UNPROCESSED, shell_complete=complete_override)
def search(trials: int, sparsity: tuple[float, float], drop: float, pareto: bool, debug: bool, overrides: tuple[str, ...]) -> None:
    """Find the highest sparsity that keeps the accuracy, with Optuna's TPE sampler.

    OVERRIDES are those of `prunelab run`; what is written as choice(a,b), interval(low,high) or range(low,high) is searched too:

    \b
    prunelab search dataset=digits pruning/criterion=choice(magnitude,lamp) "optimizer.lr=interval(1e-4,1e-2)"

    Accuracies are of the validation split; the records hold those of the test split. A trial whose first seed loses more than
    twice the allowed accuracy is pruned: its other seeds are not trained. The same command goes on where it stopped.
    """
    budget = Budget(trials=trials, low=sparsity[0], high=sparsity[1], drop=drop, pareto=pareto)
    guarded(debug, lambda: _search(budget, overrides))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Budget:
    """What is searched for.

    Attributes:
        trials: how many.
        low: lowest sparsity.
        high: highest sparsity.
        drop: accuracy that may be lost.
        pareto: whether accuracy and compression are both to be high, instead.
    """

    trials: int
    low: float
    high: float
    drop: float
    pareto: bool

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.high < 1:
            raise click.BadParameter(f"--sparsity {self.low} {self.high}: 0 <= lowest < highest < 1")
        if self.drop < 0:
            raise click.BadParameter(f"--drop {self.drop} must not be negative")


def _search(budget: Budget, overrides: tuple[str, ...]) -> None:
    try:
        import optuna
    except ImportError as error:
        raise ValueError("search needs Optuna: pip install 'prunelab[search]'") from error

    from prunelab.cli.trials import SearchedTrials
    from prunelab.cli.work import flush_trackers

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if {"-m", "--multirun"} & set(overrides):
        raise ValueError("a search makes its own trials: leave -m out")
    fixed, axes = searched(overrides)
    axes["sparsity"] = optuna.distributions.FloatDistribution(budget.low, budget.high)
    trials = SearchedTrials(fixed, budget)
    study = _study(budget, trials)
    ended = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    for trial in study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)  # of a search that was killed
    while len(study.get_trials(states=ended)) < budget.trials:
        trial = study.ask(axes)
        found = trials.run(trial.params)
        for name, value in dataclasses.asdict(found).items():
            trial.set_user_attr(name, value)
        if not budget.pareto and _tells_constraints(optuna):
            trial.set_constraint("excess", found.excess)
        if found.pruned:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            study.tell(trial, [found.accuracy, found.compression] if budget.pareto else found.sparsity)
        click.echo(f"trial {trial.number}: {_said(trial.params, found)}")
    flush_trackers()
    _say_best(study, budget)


def searched(overrides: tuple[str, ...]) -> tuple[list[str], dict[str, Any]]:
    """Overrides that stay, and the distributions of those that are searched.

    Raises:
        ValueError: for a sweep that is neither choice, interval nor range.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, RangeSweep
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    fixed: list[str] = []
    axes: dict[str, Any] = {}
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        line, value, name = str(override.input_line), override.value(), override.get_key_element()
        if not override.is_sweep_override():
            fixed.append(line)
        elif isinstance(value, ChoiceSweep) and not value.simple_form:
            axes[name] = CategoricalDistribution([text.partition("=")[2] for text in _choices(override)])
        elif isinstance(value, IntervalSweep):
            axes[name] = FloatDistribution(float(value.start or 0), float(value.end or 0), log="log" in value.tags)
        elif isinstance(value, RangeSweep) and isinstance(value.step, int) and isinstance(value.start, int):
            axes[name] = IntDistribution(
                value.start, value.start + (int(value.stop or 0) - 1 - value.start) // value.step * value.step, step=value.step
            )
        else:
            raise ValueError(f"{line}: a search takes choice(a,b), interval(low,high), tag(log,interval(low,high)) or range(low,high)")
    return fixed, axes


def _choices(override: Any) -> list[str]:
    return [f"{override.get_key_element()}={value}" for value in override.sweep_string_iterator()]


def _study(budget: Budget, trials: SearchedTrials) -> optuna.Study:
    """The search so far, from the home folder: what is searched for is part of its name."""
    import optuna
    from optuna.storages.journal import JournalFileBackend

    folder = trials.home / "searches"
    folder.mkdir(parents=True, exist_ok=True)
    goal = "pareto" if budget.pareto else f"drop {budget.drop}"
    return optuna.create_study(
        study_name=f"{trials.name}, {goal}",
        storage=optuna.storages.JournalStorage(JournalFileBackend(str(folder / f"{trials.name}.log"))),
        directions=["maximize", "maximize"] if budget.pareto else ["maximize"],
        sampler=_sampler(budget),
        load_if_exists=True,
    )


def _sampler(budget: Budget) -> optuna.samplers.BaseSampler:
    import optuna

    if budget.pareto or _tells_constraints(optuna):
        return optuna.samplers.TPESampler(seed=0)
    return optuna.samplers.TPESampler(seed=0, constraints_func=lambda trial: (trial.user_attrs["excess"],))


def _tells_constraints(optuna: Any) -> bool:
    """Whether trials are told their constraints (Optuna 5), rather than samplers asking for them."""
    return hasattr(optuna.trial.Trial, "set_constraint")


def _said(params: Mapping[str, Any], found: Found) -> str:
    rest = ", ".join(f"{name}={value}" for name, value in params.items() if name != "sparsity")
    verdict = "pruned" if found.pruned else "too inaccurate" if found.excess > 0 else "good"
    return f"sparsity {found.sparsity:.2%}, accuracy {found.accuracy:.2%} (dense {found.dense:.2%}), {verdict}{', ' if rest else ''}{rest}"


def _say_best(study: optuna.Study, budget: Budget) -> None:
    from prunelab.cli.trials import Found

    names = {field.name for field in dataclasses.fields(Found)}
    all_of_them = [
        (trial, Found(**{name: trial.user_attrs[name] for name in names})) for trial in study.trials if names <= trial.user_attrs.keys()
    ]
    pruned = sum(found.pruned for _, found in all_of_them)
    click.echo(f"{len(all_of_them)} trials, {pruned} of them pruned")
    if budget.pareto:
        front = {trial.number for trial in study.best_trials}
        for trial, found in sorted(all_of_them, key=lambda pair: pair[1].compression):
            if trial.number in front:
                click.echo(f"  front: compression {found.compression:.1f}, {_said(trial.params, found)}")
        return
    good = [(trial, found) for trial, found in all_of_them if not found.pruned and found.excess <= 0]
    if not good:
        click.echo(f"no trial kept the accuracy within {budget.drop:.2%} of the dense network's; try lower sparsities (--sparsity)")
        return
    trial, found = max(good, key=lambda pair: pair[1].sparsity)
    click.echo(f"best, trial {trial.number}: {_said(trial.params, found)}")
