"""Families of choices: the config groups, and what the first comment of each file says."""

from __future__ import annotations

import click

from prunelab.basics.choices import choose

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
    "measures": "measure",
    "hardware": "hardware",
    "experiments": "experiment",
}


def choices(group: str) -> list[tuple[str, str]]:
    """Names of a config group and the first comment of each file."""
    from prunelab.config import conf_dir

    rows = []
    for path in sorted((conf_dir() / group).glob("*.yaml")):
        comments = [line[2:].strip() for line in path.read_text().splitlines() if line.startswith("# ")]
        rows.append((path.stem, next((line for line in comments if not line.startswith("@")), "")))
    return rows


def group_of(family: str) -> str:
    """The config group of a family: `criteria`, `criterion` and `pruning/criterion` mean the same.

    Raises:
        ValueError: naming the nearest family.
    """
    if family in GROUPS.values():
        return family
    last = {group.rpartition("/")[2]: group for group in GROUPS.values()}
    return last.get(family) or GROUPS[choose("family", family, GROUPS)]


def complete_override(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Config groups and their choices, for the shell. Bash hands over `group=choice` in three words, zsh and fish in one."""
    before = [word.lstrip("+") for word in context.params.get(parameter.name or "") or ()]
    if before and before[-1] == "=":
        return _starting(before[-2] if len(before) > 1 else "", incomplete)
    if before and before[-1] in GROUPS.values() and not incomplete:  # bash, nothing typed behind the sign
        return _starting(before[-1], "")
    if "=" not in incomplete:
        return [f"{group}=" for group in GROUPS.values() if group.startswith(incomplete)]
    group, _, start = incomplete.partition("=")
    return [f"{group}={name}" for name in _starting(group, start)]


def complete_family(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Families, for the shell."""
    return [family for family in GROUPS if family.startswith(incomplete)]


def complete_experiment(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Experiments, for the shell."""
    return _starting("experiment", incomplete)


def _starting(group: str, start: str) -> list[str]:
    return [name for name, _ in choices(group) if name.startswith(start)]
