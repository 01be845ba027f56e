"""What each network says of the test set: computed once, and kept in the store under a key of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import torch

from prunelab.basics.canonical import digest
from prunelab.metrics.masks import evaluating
from prunelab.store.artifact import Artifact
from prunelab.study.insight.networks import Networks, Notes, name_of
from prunelab.study.insight.progress import Progress
from prunelab.study.rebuild import rebuild

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Predictions:
    """What a network says of the test set.

    Attributes:
        logits: float32 (examples, classes).
        targets: int64 class indices (examples,).
    """

    logits: np.ndarray
    targets: np.ndarray

    @property
    def classes(self) -> np.ndarray:
        """The class of the highest logit, shape (examples,)."""
        return self.logits.argmax(axis=1)


def predictions(networks: Networks, row: dict[Any, Any]) -> Predictions:
    """The predictions of the network of a record, from the store, or else made and kept there.

    Nothing but these is needed once they are there. `prunelab store gc` deletes them, for they can be had again.

    Raises:
        ValueError: if the store has neither them nor the network, or its outputs are not finite.
    """
    description = {"kind": "predict", "version": 1, "weights": row["stage_key"]}
    artifact, _ = networks.store.compute(digest(description), lambda: _predict(networks, row), description=description)
    found = Predictions(logits=artifact.tensors["logits"].numpy(), targets=artifact.tensors["targets"].numpy())
    if not np.isfinite(found.logits).all():
        raise ValueError("its outputs are not all finite")
    return found


def of_predictions(
    networks: Networks, rows: pd.DataFrame, look: Callable[[Predictions], T], notes: Notes, progress: Progress, what: str
) -> Iterator[tuple[dict[Any, Any], T]]:
    """What `look` makes of the predictions of each network: once a network, in however many rows it is.

    Rows whose network says nothing that can be used are noted and left out. `what` is told to `progress`.
    """
    seen: dict[str, T | None] = {}
    for done, row in enumerate(rows.to_dict("records")):
        progress(what, done, len(rows))
        key = row["stage_key"]
        if key not in seen:
            try:
                seen[key] = look(predictions(networks, row))
            except ValueError as error:
                seen[key] = None
                notes.left_out(name_of(row), str(error))
        found = seen[key]
        if found is not None:
            yield row, found
    progress(what, len(rows), len(rows))


@torch.inference_mode()
def _predict(networks: Networks, row: dict[Any, Any]) -> Artifact:
    rebuilt = rebuild(networks.store, row["stage_key"], model=row["model"], dataset=row["dataset"], workshop=networks.workshop)
    logits, targets = [], []
    with evaluating(rebuilt.network):
        for inputs, wanted in rebuilt.test():
            logits.append(rebuilt.network(inputs).float())
            targets.append(wanted)
    return Artifact(tensors={"logits": torch.cat(logits).clone(), "targets": torch.cat(targets).clone()})
