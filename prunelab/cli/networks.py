"""The trained network that a command is given by its record, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prunelab.compress.compact import Compacted
    from prunelab.study.rebuild import Rebuilt

RUN_HELP = "RUN is the stage key of a record or its first digits, or a study that has one network."


def found_network(run: str, home: Path) -> tuple[dict[str, Any], Rebuilt]:
    """The record of `run`, and its network made again from the store.

    Raises:
        ValueError: for an unknown or ambiguous `run`, or a store without it.
    """
    from prunelab.records.lookup import network_of
    from prunelab.store.store import Store
    from prunelab.study.rebuild import rebuild

    record = network_of(home / "records", run)
    return record, rebuild(Store(home / "store"), record["stage_key"], model=record["model"], dataset=record["dataset"])


def compacted(rebuilt: Rebuilt) -> Compacted:
    """The physically smaller network.

    Raises:
        ValueError: if it can't be made equal to the masked one.
    """
    from prunelab.compress.compact import compact
    from prunelab.models.structure import structure_of

    network = rebuilt.network
    return compact(network, rebuilt.masks, structure=structure_of(network), example=rebuilt.example())


def title(record: Mapping[str, Any]) -> str:
    """What the network is called on its card."""
    sparsity = record["sparsity"]
    pruned = f", {100 * sparsity:.1f} % of the prunable weights removed" if sparsity else ""
    return f"{record['model']} on {record['dataset']}{pruned}"


def show(heading: str, rows: Mapping[str, tuple[str, str]], where: Path) -> None:
    """Print a table of a network before and after."""
    from rich.console import Console
    from rich.table import Table

    console, table = Console(), Table(title=heading)
    for column in ("", "before", "after"):
        table.add_column(column, justify="left" if not column else "right")
    for name, (before, after) in rows.items():
        table.add_row(name, before, after)
    console.print(table)
    console.print(f"written: {where} (README.md says how to load it)", highlight=False, soft_wrap=True)
