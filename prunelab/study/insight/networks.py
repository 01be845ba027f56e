"""The networks of a study, by their records, and what the store still has of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from prunelab.pruning.masks import Masks
from prunelab.results.frames import checked, points
from prunelab.results.insight.found import Level
from prunelab.results.methods import labelled
from prunelab.results.units import percent
from prunelab.store.store import Store
from prunelab.study.stages.base import MASK
from prunelab.study.workshop import Workshop
from prunelab.training.spec import Hardware

_COLUMNS = ["stage_key", "sparsity", "sparsity_requested", "layer_density", "diverged"]


class Notes:
    """What could not be computed: the same reason for several networks is said once."""

    def __init__(self) -> None:
        self._left_out: dict[str, list[str]] = {}
        self._said: dict[str, None] = {}

    def say(self, sentence: str) -> None:
        """Something that is no single network's."""
        self._said[sentence] = None

    def left_out(self, what: str, reason: str) -> None:
        """What had to be left out, and why."""
        self._left_out.setdefault(reason, []).append(what)

    def sentences(self) -> tuple[str, ...]:
        """All of it."""
        return (*self._said, *(f"Left out: {_listed(names)} ({reason})." for reason, names in self._left_out.items()))


def _listed(names: list[str]) -> str:
    shown = list(dict.fromkeys(names))
    return "; ".join(shown[:2]) + (f" and {len(shown) - 2} more" if len(shown) > 2 else "")


class Networks:
    """The trained networks of a study.

    Attributes:
        rows: one a network, with `method` (a dense network once for each method it belongs to), `density`, and the axes.
        store: of their artifacts.
        workshop: loads each data set once.
    """

    def __init__(self, store: Store, frame: pd.DataFrame) -> None:
        """Take the records of a study.

        Raises:
            ValueError: if there is no record of a network.
        """
        self.store, self.frame = store, checked(frame)
        if not len(points(self.frame)):
            raise ValueError("no record of a trained network; run the study first")
        rows = labelled(self.frame, _COLUMNS)
        self.rows = rows.assign(density=1 - rows["sparsity"], method=rows["method"].astype(str)).reset_index(drop=True)
        self.workshop = Workshop(store=store, hardware=Hardware(accelerator="cpu"))

    @property
    def methods(self) -> list[str]:
        """Labels, "" if there is one method."""
        return list(dict.fromkeys(self.rows["method"]))

    def level(self, number: int | None, sparsity: float | None) -> Level:
        """The level asked for, or the last; by sparsity the nearest.

        Raises:
            ValueError: for a level that no network has, both given, a sparsity out of range, or a study without pruned networks.
        """
        own = self.rows[(self.rows["control"] == "none") & (self.rows["level"] > 0)]
        densities = {int(str(level)): float(mean) for level, mean in own.groupby("level")["density"].mean().dropna().items()}
        if number is not None and sparsity is not None:
            raise ValueError(f"give --level {number} or --sparsity {sparsity:g}, not both")
        if not densities:
            raise ValueError("the study has no pruned network yet; there is nothing to look into")
        if sparsity is not None:
            if not 0 <= sparsity < 1:
                raise ValueError(f"sparsity {sparsity:g} must be in [0, 1): the fraction of prunable weights removed")
            number = min(densities, key=lambda level: abs(1 - densities[level] - sparsity))
        number = max(densities) if number is None else number
        if number not in densities:
            known = ", ".join(f"{level} ({percent(density)} left)" for level, density in densities.items())
            raise ValueError(f"no pruned network of level {number}; the study has levels {known}")
        return Level(number=int(number), density=float(densities[number]))

    def finite(self, rows: pd.DataFrame, notes: Notes) -> pd.DataFrame:
        """The rows without networks that diverged, which are noted."""
        for row in rows[rows["diverged"]].to_dict("records"):
            notes.left_out(name_of(row), "its training diverged")
        return rows[~rows["diverged"]]

    def masks_key(self, stage_key: str) -> str | None:
        """Key of the artifact that has the masks of a network; None if it has none.

        Raises:
            ValueError: if the store does not have the network's description.
        """
        description = self.described(stage_key)
        if description.get("masks") is not None:
            return description["masks"]
        return stage_key if "dynamics" in description else None

    def masks(self, key: str, names: Sequence[str]) -> Masks:
        """The masks `names` of the artifact `key`.

        Raises:
            ValueError: if the store does not have them.
        """
        try:
            tensors = self.store.read(key).tensors
        except KeyError:
            raise _gone() from None
        stored = {name.removeprefix(MASK): mask for name, mask in tensors.items() if name.startswith(MASK)} or tensors
        absent = [name for name in names if name not in stored]
        if absent:
            raise ValueError(f"artifact {key[:12]} has no mask of {absent[0]}")
        return {name: stored[name] for name in names}

    def described(self, key: str) -> dict[str, Any]:
        """Description of the stage `key`.

        Raises:
            ValueError: if the store does not have it.
        """
        try:
            return self.store.description(key)
        except KeyError:
            raise _gone() from None


def name_of(row: dict[Any, Any]) -> str:
    """A network in words."""
    method = f"{row['method']}, " if row["method"] else ""
    control = "" if row["control"] == "none" else f"{row['control']}, "
    level = "dense" if row["level"] == 0 and row["control"] == "none" else f"level {row['level']}"
    return f"{method}{control}{level}, seed {row['seed']}"


def scope_names(row: dict[Any, Any]) -> list[str]:
    """Names of the prunable tensors of a network; none if its record does not have them."""
    found = row["layer_density"]
    return list(found) if isinstance(found, dict) else []


def mean_density(rows: pd.DataFrame) -> float:
    """Mean fraction of weights left, NaN where it is not known."""
    known = rows["density"].to_numpy(dtype=float)
    return float(known[np.isfinite(known)].mean()) if np.isfinite(known).any() else float("nan")


def _gone() -> ValueError:
    return ValueError("the store does not have its artifact any more; `prunelab run` of the study computes it again")
