"""A study's jobs as a W&B sweep: its parameters, and the command that runs one job."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

METRIC = "validation_top1"  # of the summary run; a search that looked at test accuracy would fit it
_FLAGS = ("-m", "--multirun")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """A W&B sweep.

    Attributes:
        name: of the study.
        method: grid, random or bayes.
        project: of W&B.
        entity: user or team; "" is the account's own.
        parameters: what W&B chooses, by override.
        fixed: overrides that all jobs have.
    """

    name: str
    method: str
    project: str
    entity: str
    parameters: Mapping[str, Mapping[str, Any]]
    fixed: Sequence[str]

    @property
    def size(self) -> str:
        """How many jobs there are, in words."""
        counts = [len(given["values"]) for given in self.parameters.values() if "values" in given]
        whole = len(counts) == len(self.parameters)
        return f"{math.prod(counts)} combinations" if whole else "any combinations"

    def text(self) -> str:
        """The file, as `wandb sweep` takes it."""
        import yaml

        found: dict[str, Any] = {
            "name": self.name,
            "project": self.project,
            **({"entity": self.entity} if self.entity else {}),
            "method": self.method,
            "metric": {"name": METRIC, "goal": "maximize"},
            "program": "prunelab",
            "command": ["${env}", "${program}", "run", *self.fixed, "${args_no_hyphens}"],
            "parameters": {name: dict(given) for name, given in self.parameters.items()},
        }
        return yaml.safe_dump(found, sort_keys=False, allow_unicode=True)


def plan_of(overrides: Sequence[str], method: str) -> Plan:
    """The sweep that `prunelab run -m` with these overrides would run.

    Raises:
        ValueError: if nothing is swept over, tracking is off, or a range has no end of choices and `method` is grid.
    """
    from hydra import compose, initialize_config_dir
    from hydra.core.override_parser.overrides_parser import OverridesParser

    from prunelab.config import conf_dir, register_schema

    register_schema()
    words = [word for word in overrides if word not in _FLAGS]
    parsed = OverridesParser.create().parse_overrides(words)
    swept = [one for one in parsed if one.is_sweep_override()]
    fixed = [word for word, one in zip(words, parsed, strict=True) if not one.is_sweep_override()]
    with initialize_config_dir(config_dir=str(conf_dir().resolve()), version_base="1.3"):
        config = compose("config", overrides=fixed, return_hydra_config=True)
        compose("config", overrides=[*fixed, *(_first(one) for one in swept)])  # a word that is wrong is said here, not by an agent
    params: Mapping[str, Any] = config.hydra.sweeper.params or {}
    named = {one.get_key_element() for one in swept} | {one.get_key_element() for one in parsed}
    # as on the command line: what is given there goes before what the experiment sweeps over
    own = OverridesParser.create().parse_overrides([f"{name}={value}" for name, value in params.items() if name not in named])
    tracking = config.tracking
    if "project" not in tracking:
        raise ValueError("a W&B sweep needs tracking=wandb: its agent waits for the run that sums a job up")
    parameters = {one.get_key_element(): _parameter(one, method) for one in (*own, *swept)}
    if not parameters:
        raise ValueError("nothing to sweep over: give a list of choices, like pruning/criterion=magnitude,lamp, or an experiment that does")
    mode = [] if any(one.get_key_element() == "tracking.mode" for one in parsed) else ["tracking.mode=online"]
    return Plan(
        name=str(config.name),
        method=method,
        project=str(tracking.project),
        entity=str(tracking.entity or ""),
        parameters=parameters,
        fixed=[*fixed, "hydra.mode=RUN", *mode],
    )


def _first(override: Override) -> str:
    """The override with the first of its choices."""
    from hydra.core.override_parser.types import IntervalSweep

    value = override.value()
    found = value.start if isinstance(value, IntervalSweep) else next(iter(override.sweep_string_iterator()))
    return f"{override.get_key_element()}={found}"


def _parameter(override: Override, method: str) -> dict[str, Any]:
    """What W&B chooses from; the values as Hydra reads them back."""
    from hydra.core.override_parser.types import IntervalSweep

    value = override.value()
    if isinstance(value, IntervalSweep):
        if method == "grid":
            raise ValueError(f"{override.input_line} has no end of choices for a grid: give --method random or bayes, or a list of values")
        return {**({"distribution": "log_uniform_values"} if "log" in value.tags else {}), "min": value.start, "max": value.end}
    if not override.is_sweep_override():  # an experiment may sweep over a single choice
        return {"values": [_number(override.get_value_element_as_str())]}
    return {"values": [_number(text) for text in override.sweep_string_iterator()]}


def _number(text: str) -> Any:
    """Numbers as such, for W&B's plots, where they are written again in the same way."""
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        if str(number) == text and math.isfinite(number):
            return number
    return text
