"""docs/methods.md, written from the code and the configs: what there is, and what combines with what."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from prunelab.basics.component import component
from prunelab.cli.families import choices
from prunelab.config import conf_dir
from prunelab.pruning.compatibility import refusal
from prunelab.pruning.criteria.base import Compensating

_HEAD = """# Methods

Written by `make docs` from the code and the first comment of each file in [conf/](../conf); changes made here are lost.

A method is *criterion x allocation x granularity x schedule*: what scores a weight, how a budget is divided over tensors, what
goes as one unit, and when. Each name below is a choice on the command line, options with their defaults follow it:

    prunelab run pruning/criterion=grasp pruning.criterion.temperature=1 pruning/granularity=filter schedule=at_init
"""
_CRITERIA = """The highest scores are kept. *Examples*: whether it is handed training examples (`pruning.calibration`); one may read no more
than their shape. *Rounds*: of scoring and pruning a level, unless `pruning.rounds` says so. *Moves weights*: whether weights
that stay make up for those that go.
"""
_MATRIX = """What may be combined, with any allocation but for the refusals below. Whether a network has such units at all (attention
heads, residual branches, convolutions) is checked before anything runs."""
_DENSITY = "*Leaves at most*: the largest density there is of it; 2:4 removes half or more."

_SCHEDULES = """Files of options of `schedule`, any of which can be changed: `schedule=lottery schedule.rewind_to=500it`. Those with a
`dynamics` prune while a network trains, each sparsity in a training of its own; options without `schedule.` are of other groups.
"""


def page() -> str:
    """The text of docs/methods.md."""
    parts = {part: _built(f"pruning/{part}") for part in ("criterion", "allocation", "granularity")}
    meanings = {part: dict(choices(f"pruning/{part}")) for part in parts}
    granularities = parts["granularity"]
    sections = [
        _HEAD,
        "## Criteria\n",
        _CRITERIA,
        _table(
            ("criterion", "what it scores", "examples", "rounds", "moves weights", "options"),
            [
                (f"`{name}`", meanings["criterion"][name], _mark(it.needs_batches), it.default_rounds, _mark(_moves(it)), options)
                for name, (it, options) in parts["criterion"].items()
            ],
        ),
        "## Criterion x granularity\n",
        f"{_MATRIX}\n",
        _matrix(parts),
        "### Refused\n",
        _table(("what", "with", "why"), [*_criterion_refusals(parts), *_allocation_refusals(parts)]),
        "## Allocations\n",
        "*Exact*: whether the total is the asked density to the unit.\n",
        _table(
            ("allocation", "how it divides", "exact", "options"),
            [(f"`{name}`", meanings["allocation"][name], _mark(it.exact_total), text) for name, (it, text) in parts["allocation"].items()],
        ),
        "## Granularities\n",
        f"{_DENSITY}\n",
        _table(
            ("granularity", "what goes as one", "leaves at most", "options"),
            [(f"`{name}`", meanings["granularity"][name], f"{it.max_density:g}", text) for name, (it, text) in granularities.items()],
        ),
        "## Schedules\n",
        _SCHEDULES,
        _table(("schedule", "when, and from what weights", "criterion gives", "granularities", "options"), _schedules()),
    ]
    return "\n".join(sections).rstrip() + "\n"


Built = Mapping[str, tuple[Any, str]]


def _built(group: str) -> Built:
    """Name -> (the component built with its defaults, its options as text)."""
    built = {}
    for name, _ in choices(group):
        arguments = _config(group, name)
        target = arguments.pop("_target_")
        shown = dict(arguments)
        if arguments.pop("record", None):
            arguments["densities"] = {}  # what a run reads from that record
        made = component(name, target, arguments)
        built[name] = made.build(), _options(shown if shown.keys() - made.arguments.keys() else made.arguments)
    return built


def _config(group: str, name: str) -> dict[str, Any]:
    return yaml.safe_load((conf_dir() / group / f"{name}.yaml").read_text())


def _schedules() -> Iterable[tuple[str, str, str, str, str]]:
    for name, meaning in choices("schedule"):
        given = _config("schedule", name)
        dynamics = given.pop("dynamics", None) or {}
        method = component(name, dynamics.pop("_target_"), dynamics).build() if dynamics else None
        chosen = {k.removeprefix("override /").partition("@")[0]: v for line in given.pop("defaults", []) for k, v in line.items()}
        named = {key: value for key, value in given.items() if value not in ([], None)}
        options = chosen | named | {f"dynamics.{key}": value for key, value in dynamics.items()}
        role = method.criterion_role if method else "scores"
        units = ", ".join(method.granularities) if method and method.granularities else "all"
        yield f"`{name}`", meaning, role, units, _options(options)


def _options(arguments: Mapping[str, Any]) -> str:
    return " ".join(f"`{key}={value if isinstance(value, str) else json.dumps(value, default=str)}`" for key, value in arguments.items())


def _moves(criterion: Any) -> bool:
    return isinstance(criterion, Compensating)


def _mark(value: bool) -> str:
    return "✓" if value else ""


def _matrix(parts: Mapping[str, Built]) -> str:
    reasons, names = _reasons(parts), list(parts["granularity"])
    rows = [(f"`{name}`", *(_mark(reasons[name, kind] is None) for kind in names)) for name in parts["criterion"]]
    return _table(("", *(f"`{kind}`" for kind in names)), rows)


def _reasons(parts: Mapping[str, Built]) -> dict[tuple[str, str], str | None]:
    """(criterion, granularity) -> why they do not go together, whatever the allocation."""
    reasons = {}
    for name, (criterion, _) in parts["criterion"].items():
        for kind, (granularity, _) in parts["granularity"].items():
            found = [refusal(criterion, allocation, granularity) for allocation, _ in parts["allocation"].values()]
            reasons[name, kind] = found[0] if all(found) else None
    return reasons


def _criterion_refusals(parts: Mapping[str, Built]) -> Iterable[tuple[str, str, str]]:
    reasons = _reasons(parts)
    for name in parts["criterion"]:
        refused: dict[str, list[str]] = {}
        for kind in parts["granularity"]:
            if reason := reasons[name, kind]:
                refused.setdefault(reason.partition(", not of ")[0], []).append(kind)
        for reason, kinds in refused.items():
            yield f"`{name}`", ", ".join(f"`{kind}`" for kind in kinds), reason


def _allocation_refusals(parts: Mapping[str, Built]) -> Iterable[tuple[str, str, str]]:
    """Of the combinations that a criterion allows, those that an allocation does not."""
    reasons = _reasons(parts)
    for allocation, (divides, _) in parts["allocation"].items():
        for kind, (unit, _) in parts["granularity"].items():
            said: dict[str, list[str]] = {}
            allowed = [name for name in parts["criterion"] if reasons[name, kind] is None]
            for name in allowed:
                if reason := refusal(parts["criterion"][name][0], divides, unit):
                    said.setdefault(reason, []).append(name)
            for reason, names in said.items():
                with_ = f"`{kind}`" if names == allowed else f"`{kind}` and {', '.join(f'`{name}`' for name in names)}"
                yield f"`{allocation}`", with_, reason


def _table(head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"
