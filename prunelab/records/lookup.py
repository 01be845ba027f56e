"""Find one record among all studies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prunelab.basics.choices import nearest
from prunelab.records.frame import load, studies


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


def network_of(root: Path, run: str) -> dict[str, Any]:
    """The record of the one network that `run` means: the first digits of its `stage_key`, or a study that has no other.

    Raises:
        ValueError: if there is none below `root`, naming the nearest, or there are several.
    """
    rows = load(root)
    rows = rows[rows["kind"] == "point"] if len(rows) else rows
    of_study = run in studies(root)
    found = rows[rows["study"] == run] if of_study else rows[[bool(run) and str(key).startswith(run) for key in rows["stage_key"]]]
    if found.empty:
        # a key is found by its beginning, as far as it was given
        match = nearest(run, [*studies(root), *(str(key)[: max(len(run), 4)] for key in rows["stage_key"])])
        raise ValueError(
            f"no network {run!r}."
            + (f" Did you mean {match!r}?" if match else "")
            + f" Give a stage key or its first digits (column stage_key of a report's points.csv), or a study with one network; in {root}"
        )
    keys = list(dict.fromkeys(found["stage_key"]))
    if len(keys) > 1:
        last = found.sort_values(["level", "seed"], ascending=[False, True]).head(3)
        some = "; ".join(
            f"{str(row['stage_key'])[:12]} ({row['study']}, level {row['level']}, seed {row['seed']}, control {row['control']})"
            for _, row in last.iterrows()
        )
        raise ValueError(f"{run!r} has {len(keys)} networks; give the first digits of one's stage key, like {some}")
    return {str(name): value for name, value in found.iloc[0].items()}
