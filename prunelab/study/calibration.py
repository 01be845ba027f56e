"""Draw the training examples that a criterion looks at."""

from __future__ import annotations

import torch

from prunelab.basics.seeds import generator
from prunelab.datasets.splits import Splits
from prunelab.study.study import Calibration
from prunelab.training.batches import Batch, examples


def calibration_batches(calibration: Calibration | None, splits: Splits, seed: int) -> list[Batch]:
    """Batches of training examples, drawn by `seed`, not augmented; none without a calibration."""
    if calibration is None:
        return []
    order = torch.randperm(len(splits.train), generator=generator(seed, "calibration"))
    chosen = order[: calibration.examples or len(splits.train)]
    return [examples(splits.train, index) for index in chosen.split(calibration.batch_size)]
