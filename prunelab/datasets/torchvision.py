"""torchvision's small image sets, read whole into memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from prunelab.datasets.augment import Augment
from prunelab.datasets.splits import Split, Splits, in_memory

_CROP_AND_FLIP = Augment(shift=4, flip=True)


def mnist(
    *, root: str = "data", download: bool = False, validation: int = 5000, split_seed: int = 0, max_train: int | None = None
) -> Splits:
    """70,000 digits (LeCun et al. 1998), shape (1, 28, 28)."""
    return _load("MNIST", _halves, root, download, validation, split_seed, max_train)


def fashion_mnist(
    *, root: str = "data", download: bool = False, validation: int = 5000, split_seed: int = 0, max_train: int | None = None
) -> Splits:
    """70,000 pieces of clothing (Xiao et al. 2017), shape (1, 28, 28)."""
    return _load("FashionMNIST", _halves, root, download, validation, split_seed, max_train)


def cifar10(
    *,
    root: str = "data",
    download: bool = False,
    validation: int = 5000,
    split_seed: int = 0,
    max_train: int | None = None,
    augment: bool = True,
) -> Splits:
    """60,000 small photographs in 10 classes (Krizhevsky 2009), shape (3, 32, 32)."""
    return _load("CIFAR10", _halves, root, download, validation, split_seed, max_train, augment)


def cifar100(
    *,
    root: str = "data",
    download: bool = False,
    validation: int = 5000,
    split_seed: int = 0,
    max_train: int | None = None,
    augment: bool = True,
) -> Splits:
    """60,000 small photographs in 100 classes (Krizhevsky 2009), shape (3, 32, 32)."""
    return _load("CIFAR100", _halves, root, download, validation, split_seed, max_train, augment)


def svhn(
    *, root: str = "data", download: bool = False, validation: int = 6000, split_seed: int = 0, max_train: int | None = None
) -> Splits:
    """99,289 house numbers (Netzer et al. 2011), shape (3, 32, 32)."""
    return _load("SVHN", _named_splits, root, download, validation, split_seed, max_train)


def _halves(kind: Any, root: str, download: bool) -> tuple[Any, Any]:
    return kind(root, train=True, download=download), kind(root, train=False, download=download)


def _named_splits(kind: Any, root: str, download: bool) -> tuple[Any, Any]:
    return kind(root, split="train", download=download), kind(root, split="test", download=download)


def _load(
    name: str,
    read: Callable[[Any, str, bool], tuple[Any, Any]],
    root: str,
    download: bool,
    validation: int,
    split_seed: int,
    max_train: int | None,
    augment: bool = False,
) -> Splits:
    from torchvision import datasets

    try:
        train, test = read(getattr(datasets, name), root, download)
    except Exception as error:  # torchvision raises a different one for each way a file can be wrong
        raise FileNotFoundError(
            f"{name} could not be read from {Path(root).resolve()} ({type(error).__name__}: {error}); "
            "fetch it with dataset.download=true, or delete the damaged files there first"
        ) from error
    inputs, targets = _tensors(train)
    test_inputs, test_targets = _tensors(test)
    return in_memory(
        inputs=inputs,
        targets=targets,
        validation=validation,
        test=Split(inputs=test_inputs, targets=test_targets),
        split_seed=split_seed,
        max_train=max_train,
        augment=_CROP_AND_FLIP if augment else None,
    )


def _tensors(dataset: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Pixels in [0, 1] of shape (n, channels, height, width), and class indices."""
    pixels = torch.as_tensor(dataset.data)
    if pixels.ndim == 3:
        pixels = pixels[:, None]
    elif pixels.shape[-1] == 3:
        pixels = pixels.permute(0, 3, 1, 2)
    labels = dataset.targets if hasattr(dataset, "targets") else dataset.labels
    return pixels.float().div(255).contiguous(), torch.as_tensor(np.asarray(labels)).long()
