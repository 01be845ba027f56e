"""scikit-learn's handwritten digits."""

from __future__ import annotations

import torch

from prunelab.datasets.splits import Splits, in_memory


def digits(*, validation: int = 200, test: int = 400, split_seed: int = 0, max_train: int | None = None) -> Splits:
    """1,797 digits of 8 x 8 pixels (Alpaydin & Kaynak 1998), shape (1, 8, 8); needs no network.

    Args:
        validation: images set aside for validation.
        test: images set aside for test.
        split_seed: of both draws, balanced over classes.
        max_train: train on at most so many.
    """
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return in_memory(
        inputs=torch.from_numpy(images).float().div(16).view(-1, 1, 8, 8),
        targets=torch.from_numpy(labels).long(),
        validation=validation,
        test=test,
        split_seed=split_seed,
        max_train=max_train,
    )
