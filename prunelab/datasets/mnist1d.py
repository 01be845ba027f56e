"""MNIST-1D, generated."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch

from prunelab.datasets.cache import Arrays, cached
from prunelab.datasets.splits import Split, Splits, in_memory


def mnist1d(
    *, examples: int = 5000, validation: int = 400, data_seed: int = 42, split_seed: int = 0, max_train: int | None = None
) -> Splits:
    """One-dimensional digits of 40 positions (Greydanus 2020), shape (40,); a fifth is the test split. Needs no network.

    Args:
        examples: how many are generated.
        validation: signals set aside from train for validation.
        data_seed: of the generation; the paper's is 42.
        split_seed: of the draw of validation.
        max_train: train on at most so many.
    """
    arrays = cached(f"mnist1d-v1-{examples}-{data_seed}", lambda: _generate(examples, data_seed))
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    return in_memory(
        inputs=tensors["x"].float(),
        targets=tensors["y"].long(),
        validation=validation,
        test=Split(inputs=tensors["x_test"].float(), targets=tensors["y_test"].long()),
        split_seed=split_seed,
        max_train=max_train,
    )


def _generate(examples: int, seed: int) -> Arrays:
    """The package seeds the global generators; what they were is put back."""
    from mnist1d.data import get_dataset_args, make_dataset

    arguments: Any = get_dataset_args()
    arguments.num_samples, arguments.seed = examples, seed
    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002 - the package uses it
    try:
        with torch.random.fork_rng(devices=[]):
            made = make_dataset(arguments)
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002
    return {name: np.asarray(made[name]) for name in ("x", "y", "x_test", "y_test")}
