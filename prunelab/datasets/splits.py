"""Train, validation and test, kept apart."""

from __future__ import annotations

import dataclasses

import torch
from torch.utils.data import Dataset

from prunelab.basics.seeds import generator
from prunelab.datasets.augment import Augment


@dataclasses.dataclass(frozen=True, kw_only=True)
class Split:
    """Examples held in memory.

    Attributes:
        inputs: float32 (examples, ...), normalised; of texts int64 token ids (examples, longest).
        targets: int64 class indices (examples,).
        padding: the token that fills texts up to the longest; None if the inputs are no texts.
    """

    inputs: torch.Tensor
    targets: torch.Tensor
    padding: int | None = None

    @property
    def lengths(self) -> torch.Tensor | None:
        """Tokens of each text, without padding (examples,); None if the inputs are no texts."""
        return None if self.padding is None else (self.inputs != self.padding).sum(1)

    def batch(self, index: torch.Tensor | slice) -> tuple[torch.Tensor, torch.Tensor]:
        """The chosen examples, texts no longer than the longest of them."""
        inputs = self.inputs[index]
        if self.padding is not None:
            inputs = inputs[:, : max(1, int((inputs != self.padding).sum(1).max()))]
        return inputs, self.targets[index]

    def __len__(self) -> int:
        return len(self.targets)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FolderSplit:
    """Examples read from files.

    Attributes:
        dataset: `dataset[index]` for evaluation; a training split takes `dataset[(index, seed)]` and draws its
            augmentation from that seed alone.
    """

    dataset: Dataset[tuple[torch.Tensor, torch.Tensor]]

    def __len__(self) -> int:
        return len(self.dataset)  # pyright: ignore[reportArgumentType]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Splits:
    """A data set.

    Attributes:
        train: what is trained on.
        validation: what choices are made on.
        test: what is reported.
        num_classes: number of classes.
        input_shape: shape of one example.
        augment: batched augmentation of training inputs held in memory.
        num_tokens: size of the vocabulary; 0 if the inputs are no texts.
    """

    train: Split | FolderSplit
    validation: Split | FolderSplit
    test: Split | FolderSplit
    num_classes: int
    input_shape: tuple[int, ...]
    augment: Augment | None = None
    num_tokens: int = 0


def stratified(targets: torch.Tensor, sizes: tuple[int, ...], seed: int) -> list[torch.Tensor]:
    """Disjoint index sets of the given sizes and the rest, each with the classes in equal proportion.

    Examples are shuffled within their class and dealt out class by class in turn, so any stretch is balanced.

    Args:
        targets: class indices (examples,).
        sizes: examples of each set.
        seed: of the draw.

    Returns:
        One index tensor a size, then the rest.

    Raises:
        ValueError: if nothing would be left.
    """
    if sum(sizes) >= len(targets) or min(sizes) < 0:
        raise ValueError(f"cannot set {sum(sizes)} of {len(targets)} examples aside and train on the rest")
    stream = generator(seed, "split")
    order = torch.randperm(len(targets), generator=stream)
    rank = torch.empty_like(order)
    for label in targets.unique():
        members = order[targets[order] == label]
        rank[members] = torch.arange(len(members)) * len(targets) // len(members)
    dealt = order[torch.argsort(rank[order], stable=True)]
    return list(dealt.split([*sizes, len(targets) - sum(sizes)]))


def in_memory(
    *,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    validation: int,
    split_seed: int,
    test: int | Split,
    max_train: int | None = None,
    augment: Augment | None = None,
) -> Splits:
    """Splits of data in memory: validation drawn from train by seed, inputs normalised by the mean and deviation of train.

    Args:
        inputs: float (examples, ...), not normalised.
        targets: class indices (examples,).
        validation: examples set aside for validation.
        split_seed: of the draw.
        test: the official test split, or how many examples to set aside for one.
        max_train: train on at most so many, for a quick run.
        augment: batched augmentation.
    """
    held_out = (validation, test) if isinstance(test, int) else (validation,)
    *aside, train = stratified(targets, held_out, split_seed)
    if max_train is not None:
        if max_train < 1:
            raise ValueError(f"max_train = {max_train} must be at least 1, or null for all")
        train = train[:max_train]
    dims = [0] if inputs.ndim == 2 else [0, *range(2, inputs.ndim)]
    shape = (1, -1, *[1] * (inputs.ndim - 2))
    if inputs.ndim == 2:  # a signal has one scale, not one a position
        mean, deviation = inputs[train].mean(), inputs[train].std()
    else:
        mean, deviation = inputs[train].mean(dims).view(shape), inputs[train].std(dims).view(shape)
    normalised = (inputs - mean) / deviation

    def part(index: torch.Tensor) -> Split:
        return Split(inputs=normalised[index], targets=targets[index])

    if isinstance(test, Split):
        test_split = Split(inputs=(test.inputs - mean) / deviation, targets=test.targets)
    else:
        test_split = part(aside[1])
    return Splits(
        train=part(train),
        validation=part(aside[0]),
        test=test_split,
        num_classes=int(targets.max()) + 1,
        input_shape=tuple(inputs.shape[1:]),
        augment=augment,
    )
