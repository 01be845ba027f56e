"""Find one record among all studies."""

from __future__ import annotations

from pathlib import Path

from prunelab.records.frame import load


def layer_density_of(root: Path, key: str) -> dict[str, float]:
    """The density of each prunable tensor of the network whose `stage_key` begins with `key`, in order of the network.

    Raises:
        ValueError: if no record below `root` has such a key, or networks of several do.
    """
    rows = load(root)
    rows = rows[rows["layer_density"].notna()] if len(rows) else rows
    found = rows[[bool(key) and str(stage).startswith(key) for stage in rows["stage_key"]]]
    where = f"the column stage_key of a report's points.csv has them ({root})"
    if found.empty:
        raise ValueError(f"no record has a stage key that begins with {key!r}: {where}")
    keys = sorted(set(found["stage_key"]))
    if len(keys) > 1:
        raise ValueError(f"{len(keys)} networks have a stage key that begins with {key!r}, like {keys[0]} and {keys[1]}; give more digits")
    return dict(found["layer_density"].iloc[0])
