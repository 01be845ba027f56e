"""A folder of records as a large sweep leaves it."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from prunelab.records.schema import Record

STUDY = "large"
CRITERIA = ("magnitude", "random", "gradient", "lamp", "taylor", "snip", "synflow", "obd")
CONTROLS = ("none", "reinit", "shuffle", "random")
SEEDS, LEVELS = 100, 31
DENSE, CONTROL_LOSS, SPREAD = 0.95, 0.01, 0.002
RECORDS = 100_000


def records_folder(root: Path) -> None:
    """Write 100,000 records: criteria x controls x levels x seeds, with curves and layer densities."""
    folder = root / STUDY
    folder.mkdir(parents=True)
    curve = {column: [0.123456 * index for index in range(14)] for column in ("step", "validation_loss", "validation_top1", "train_loss")}
    rng = np.random.default_rng(0)
    for number, row in enumerate(itertools.islice(_networks(rng), RECORDS)):
        (folder / f"{number:032x}.json").write_text(json.dumps({"schema_version": 0, **row, "curve": curve}))


def _networks(rng: np.random.Generator) -> Iterator[dict]:
    networks = itertools.product(CRITERIA, CONTROLS, range(LEVELS + 1), range(SEEDS))
    for number, (criterion, control, level, seed) in enumerate(networks):
        if level == 0 and control != "none":
            continue
        density = 0.8**level
        loss = max(0.0, -4 - np.log2(density)) ** 2 * (0.001 + 0.0003 * CRITERIA.index(criterion)) + CONTROL_LOSS * CONTROLS.index(control)
        yield dataclasses.asdict(
            Record(
                study=STUDY, stage_key=f"{number:064x}", model="lenet_300_100", dataset="mnist5k", criterion=criterion,
                allocation="global", granularity="weight", schedule="iterative", retraining="weight_rewinding", control=control,
                seed=seed, level=level, sparsity_requested=1 - density, sparsity=1 - density, compression_ratio=1 / density,
                theoretical_speedup=1 / density, multiply_adds=round(266_200 * density), weights_left=round(266_200 * density),
                collapsed_layers=0, layer_density={f"fc{index}.weight": density for index in range(1, 4)},
                size_bytes=round(8 * 266_200 * density), test_top1=float(DENSE - min(loss, 0.8) + SPREAD * rng.standard_normal()),
                early_stop_step=int(500 + 20 * level + 10 * rng.standard_normal()), total_steps=1500, train_seconds=2.0,
                device="cpu", threads=1, torch_version="2.14.1", prunelab_version="0.1.0", created_at="2026-01-02T03:04:05Z",
            )
        )  # fmt: skip
