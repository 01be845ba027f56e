"""Batches by global step: the data order is a pure function of (seed, step).

Each epoch is a fresh permutation; an incomplete last batch is left out, so every step has the same size (another
permutation leaves out other examples). Texts of like length share a batch, so that little of it is padding.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Protocol

import torch
from torch.utils.data import DataLoader, Dataset

from prunelab.basics.seeds import derive_seed, generator
from prunelab.datasets.augment import Augment
from prunelab.datasets.splits import FolderSplit, Split

Batch = tuple[torch.Tensor, torch.Tensor]


def steps_per_epoch(num_examples: int, batch_size: int) -> int:
    """Whole batches in an epoch.

    Raises:
        ValueError: if there is not even one.
    """
    if num_examples < batch_size:
        raise ValueError(f"trainer.batch_size = {batch_size} is more than the {num_examples} training examples")
    return num_examples // batch_size


_POOL = 16  # batches that are sorted by length together: enough to save most of the padding, few enough to stay random


class Order:
    """Which examples a step sees.

    Attributes:
        steps: steps an epoch.
    """

    def __init__(self, *, num_examples: int, batch_size: int, seed: int, lengths: torch.Tensor | None = None) -> None:
        self.num_examples, self.batch_size, self.seed, self.lengths = num_examples, batch_size, seed, lengths
        self.steps = steps_per_epoch(num_examples, batch_size)
        self._epoch, self._permutation = -1, torch.empty(0, dtype=torch.int64)

    def __call__(self, step: int) -> torch.Tensor:
        """Indices (batch_size,) of global step `step`."""
        epoch, position = divmod(step, self.steps)
        if epoch != self._epoch:
            stream = generator(self.seed, "order", epoch)
            permutation = torch.randperm(self.num_examples, generator=stream)
            self._epoch, self._permutation = epoch, self._by_length(permutation, stream)
        return self._permutation[position * self.batch_size : (position + 1) * self.batch_size]

    def _by_length(self, permutation: torch.Tensor, stream: torch.Generator) -> torch.Tensor:
        """Texts of like length next to each other within a pool of batches, and the batches in random order again."""
        if self.lengths is None:
            return permutation
        pools = permutation[: self.steps * self.batch_size].split(_POOL * self.batch_size)
        by_length = torch.cat([pool[torch.argsort(self.lengths[pool], stable=True)] for pool in pools])
        return by_length.view(self.steps, self.batch_size)[torch.randperm(self.steps, generator=stream)].flatten()


class Batches(Protocol):
    """The batch of a global step; steps are asked for in order, the present one as often as wanted."""

    def __call__(self, step: int) -> Batch:
        """Inputs (batch, ...) and targets (batch,)."""
        ...


class MemoryBatches:
    """Batches of a split held in memory, gathered by index on its device."""

    def __init__(self, split: Split, order: Order, augment: Augment | None, device: torch.device, rank: slice) -> None:
        self.split = dataclasses.replace(split, inputs=split.inputs.to(device), targets=split.targets.to(device))
        self.order, self.augment, self.rank = order, augment, rank

    def __call__(self, step: int) -> Batch:
        """See `Batches`."""
        index = self.order(step)
        if self.augment is None:
            return self.split.batch(index[self.rank].to(self.split.targets.device))
        # all ranks augment the whole batch, so that what an example becomes does not depend on how many there are
        inputs, targets = self.split.batch(index.to(self.split.targets.device))
        inputs = self.augment(inputs, generator(self.order.seed, "augment", step))
        return inputs[self.rank], targets[self.rank]


class FolderBatches:
    """Batches read from files by worker processes, from `start_step` to `end_step`."""

    def __init__(self, split: FolderSplit, order: Order, device: torch.device, rank: slice, *, steps: range, workers: int) -> None:
        def sampler() -> Iterator[list[tuple[int, int]]]:
            for step in steps:
                indices = order(step).tolist()
                items = [(index, derive_seed(order.seed, "augment", step, i)) for i, index in enumerate(indices)]
                yield items[rank]

        class _Sampler:
            __iter__ = staticmethod(sampler)
            __len__ = staticmethod(lambda: len(steps))

        dataset: Dataset[Batch] = split.dataset
        # with a generator of its own the loader draws nothing from the global one
        self._loader = iter(DataLoader(dataset, batch_sampler=_Sampler(), num_workers=workers, generator=torch.Generator()))  # pyright: ignore[reportArgumentType]
        self._device, self._step = device, steps.start - 1
        self._batch: Batch | None = None

    def __call__(self, step: int) -> Batch:
        """See `Batches`."""
        if step != self._step or self._batch is None:
            assert step == self._step + 1, "batches from files come in order"
            inputs, targets = next(self._loader)
            self._step, self._batch = step, (inputs.to(self._device), targets.to(self._device))
        return self._batch


def split_batches(split: Split | FolderSplit, batch_size: int, workers: int = 0) -> Iterator[Batch]:
    """All examples of a split in order, the last batch as large as it comes: for evaluation."""
    if isinstance(split, Split):
        yield from (split.batch(slice(start, start + batch_size)) for start in range(0, len(split), batch_size))
    else:
        yield from DataLoader(split.dataset, batch_size=batch_size, num_workers=workers, generator=torch.Generator())


def examples(split: Split | FolderSplit, index: torch.Tensor) -> Batch:
    """The chosen examples of a split as one batch, not augmented: for what looks at data without training."""
    if isinstance(split, Split):
        return split.batch(index)
    inputs, targets = zip(*(split.dataset[i] for i in index.tolist()), strict=True)
    return torch.stack(inputs), torch.stack(targets)
