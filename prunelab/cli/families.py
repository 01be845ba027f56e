"""Families of choices: the config groups, and what the first comment of each file says."""

from __future__ import annotations

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


def choices(group: str) -> list[tuple[str, str]]:
    """Names of a config group and the first comment of each file."""
    from prunelab.config import conf_dir

    rows = []
    for path in sorted((conf_dir() / group).glob("*.yaml")):
        comments = [line[2:].strip() for line in path.read_text().splitlines() if line.startswith("# ")]
        rows.append((path.stem, next((line for line in comments if not line.startswith("@")), "")))
    return rows
