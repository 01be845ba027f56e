"""How a study pruned, from the descriptions of its prunes in the store."""

from __future__ import annotations

import dataclasses
from typing import Any

from prunelab.basics.canonical import canonical_json
from prunelab.basics.component import Component, component
from prunelab.study.insight.networks import Networks, Notes, name_of
from prunelab.study.study import Calibration


@dataclasses.dataclass(frozen=True, kw_only=True)
class Method:
    """What a prune of the study was described by.

    Attributes:
        criterion: what scored.
        granularity: what was removed as one unit.
        exclude: what was not to be pruned.
        calibration: the examples that the criterion looked at; None if it looked at none.
        seeds: the replicate's seed -> the seed by which these were drawn.
    """

    criterion: Component
    granularity: Component
    exclude: tuple[str, ...]
    calibration: Calibration | None
    seeds: dict[int, int]


def methods_of(networks: Networks, notes: Notes) -> dict[str, Method]:
    """The study's criteria by name, each with the settings of its first prune."""
    rows = networks.rows[(networks.rows["level"] > 0) & (networks.rows["control"] == "none")]
    found: dict[str, Method] = {}
    known: dict[str, str] = {}
    for row in rows.sort_values(["level", "seed"], kind="stable").to_dict("records"):
        try:
            prune = _prune_of(networks, row["stage_key"])
        except ValueError as error:
            notes.left_out(f"the criterion of {name_of(row)}", str(error))
            continue
        if row["criterion"] == "learned":
            notes.say("A method of the study learns its scores while it trains: it has none for the dense network.")
            continue
        identity = canonical_json(prune["criterion"])
        if identity not in known:
            name = row["criterion"] if row["criterion"] not in found else f"{row['criterion']} ({len(found) + 1})"
            try:
                found[name] = _method(name, row, prune)
            except ValueError as error:
                notes.left_out(f"criterion {name}", str(error))
                continue
            known[identity] = name
        found[known[identity]].seeds.setdefault(int(row["seed"]), int(prune["seed"]))
    return found


def _prune_of(networks: Networks, key: str) -> dict[str, Any]:
    """The description of the prune whose masks a network has."""
    description = networks.described(key)
    while "criterion" not in description:
        following = description.get("masks") or description.get("prune")
        if following is None:
            raise ValueError("nothing pruned it")
        description = networks.described(following)
    return description


def _method(name: str, row: dict[Any, Any], prune: dict[str, Any]) -> Method:
    parts = {part: prune[part] for part in ("criterion", "granularity")}
    made = {
        part: component(name if part == "criterion" else str(row["granularity"]), found["target"], found["arguments"])
        for part, found in parts.items()
    }
    return Method(
        **made,
        exclude=tuple(prune["exclude"]),
        calibration=Calibration(**prune["calibration"]) if prune["calibration"] else None,
        seeds={},
    )
