"""How a record is laid out in W&B, and back.

A run's config says which point it is (the axes, what W&B's parallel coordinates and filters are over) and holds every setting of
the study under `settings`. Its summary holds what was measured, a column of the record each, so that scatter plots find
`sparsity`, `compression_ratio` and `test_top1` by name. Nested columns (`layer_density`, `curve`) are nested there too.
What was not measured is left out. Both together are the whole record.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from prunelab.records.schema import AXES, COLUMNS, NESTED, SCHEMA_VERSION, Record

SETTINGS, VERSION = "settings", "schema_version"
ORDER = "layers"  # names in order of the network: JSON objects lose theirs on the way
_DEFAULTS = {field.name: field.default for field in dataclasses.fields(Record)}


def config_of(record: Record, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The config of the run that mirrors `record`, as far as it is known before anything is measured.

    Args:
        record: the point, its axes filled in.
        settings: of the study, by config group.
    """
    row = dataclasses.asdict(record)
    known = {name: row[name] for name in COLUMNS if name in AXES or (row[name] is not None and row[name] != _DEFAULTS[name])}
    return {**known, SETTINGS: dict(settings), VERSION: SCHEMA_VERSION}


def summary_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """The summary of a run: every column of a record that is not an axis and was measured."""
    found = {name: row[name] for name in COLUMNS if name not in AXES and row[name] is not None}
    return {**found, ORDER: list(found["layer_density"])} if found.get("layer_density") else found


def measures_of(row: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a record that are drawn against sparsity, sparsity first."""
    names = [name for name in COLUMNS if name not in AXES and name not in NESTED and name != "sparsity"]
    found = {name: row[name] for name in ("sparsity", *names)}
    return {name: value for name, value in found.items() if isinstance(value, (int, float)) and not isinstance(value, bool)}


def row_of(config: Mapping[str, Any], summary: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of the record that a run mirrors, as far as the run has them."""
    row = {name: value for part in (config, summary) for name, value in part.items() if name in _DEFAULTS}
    layers, density = summary.get(ORDER), row.get("layer_density")
    if layers and density and set(layers) == set(density):
        row["layer_density"] = {name: density[name] for name in layers}
    return row
