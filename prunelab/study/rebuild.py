"""A trained network, made again from what the store knows of it: nothing is trained."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from prunelab.basics.component import Component, component
from prunelab.datasets.splits import Splits
from prunelab.store.store import Store
from prunelab.study.stages.base import MASK, state_in
from prunelab.study.study import MODEL_RUNTIME
from prunelab.study.workshop import Workshop
from prunelab.training.batches import Batch, examples, split_batches
from prunelab.training.spec import Hardware

_BATCH = 500


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rebuilt:
    """A network as its training left it.

    Attributes:
        model: what it is an instance of.
        dataset: what it was trained on.
        splits: that data set.
        network: with its weights; pruned ones are zero.
        masks: kept weights by parameter name, in the order of the network; empty if it was not pruned.
    """

    model: Component
    dataset: Component
    splits: Splits
    network: nn.Module
    masks: dict[str, Tensor]

    def example(self, batch: int = 2) -> Tensor:
        """The first test examples."""
        return examples(self.splits.test, torch.arange(min(batch, len(self.splits.test))))[0]

    def test(self) -> Iterator[Batch]:
        """The test split in batches."""
        return split_batches(self.splits.test, _BATCH)


def rebuild(store: Store, key: str, *, model: str = "model", dataset: str = "data set", workshop: Workshop | None = None) -> Rebuilt:
    """The network of the training stage `key`.

    Args:
        store: that has its artifact.
        key: of the stage, 64 digits.
        model: what people call the model, and
        dataset: the data set; the store knows them by what they are.
        workshop: that has loaded data sets, where several networks are made again.

    Raises:
        ValueError: if the store does not have the network or its masks, or a component is no longer what it was.
    """
    description = _described(store, key)
    if description.get("kind") != "train":
        raise ValueError(f"{key[:12]} is a stage of kind {description.get('kind')!r}, not a training")
    parts = {
        "model": _component(model, description["model"], MODEL_RUNTIME),
        "dataset": _component(dataset, description["dataset"], ()),
    }
    workshop = workshop or Workshop(store=store, hardware=Hardware(accelerator="cpu"))
    artifact = store.read(key)
    network = workshop.network(parts["model"], parts["dataset"], state_in(artifact))
    stored = {name.removeprefix(MASK): mask for name, mask in artifact.tensors.items() if name.startswith(MASK)}
    if description["masks"] is not None:
        _described(store, description["masks"])
        stored = store.read(description["masks"]).tensors
    masks = {name: stored[name] for name, _ in network.named_parameters() if name in stored}
    return Rebuilt(**parts, splits=workshop.splits(parts["dataset"]), network=network.eval(), masks=masks)


def dataset_of(store: Store, key: str, name: str) -> Component:
    """The data set that the training stage `key` was on; `name` is what people call it.

    Raises:
        ValueError: if the store does not know the stage, or the data set is no longer what it was.
    """
    return _component(name, _described(store, key)["dataset"], ())


def _described(store: Store, key: str) -> dict[str, Any]:
    try:
        return store.description(key)
    except KeyError:
        raise ValueError(
            f"the store {store.root} has no artifact {key[:12]}: its record is from another home, or the store was emptied; "
            "run the study again (`prunelab run`)"
        ) from None


def _component(name: str, identity: dict[str, Any], runtime: tuple[str, ...]) -> Component:
    return component(name, identity["target"], identity["arguments"], runtime=runtime)
