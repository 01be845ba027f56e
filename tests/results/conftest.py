"""A made-up study with the numbers of LeNet-300-100 on 5,000 MNIST images, for tests that read frames."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest

from prunelab.records.schema import COLUMNS, Record

LAYERS = {"fc1.weight": 235_200, "fc2.weight": 30_000, "output.weight": 1_000}
DENSE_TOP1 = 0.951
# Weights left at which each kind of network starts to lose accuracy, and points lost for each halving below.
KNEES = {
    "none": (0.09, 0.9), "reinit": (0.25, 1.6), "shuffle": (0.2, 1.9), "random": (0.22, 2.3), "small_dense": (0.16, 1.8)
}  # fmt: skip


def as_frame(records: Sequence[Record]) -> pd.DataFrame:
    return pd.DataFrame([dataclasses.asdict(record) for record in records], columns=list(COLUMNS))


def network(*, seed: int = 0, level: int = 0, control: str = "none", noise: float = 0.001, knee: float = 1.0, **changes) -> Record:
    """One trained network; its accuracy falls once fewer weights are left than its control's knee."""
    left = {name: size * (0.9 if name == "output.weight" else 0.8) ** level for name, size in LAYERS.items()}
    density = sum(left.values()) / sum(LAYERS.values())
    rng = np.random.default_rng([seed, level, *control.encode()])
    start, slope = KNEES[control]
    lost = max(0.0, np.log2(knee * start / density)) * slope / 100
    gain = 0.004 * (control == "none") * np.exp(-((np.log2(density) + 1.5) ** 2))
    values = {
        "study": "lottery_mnist5k", "model": "lenet_300_100", "dataset": "mnist5k", "criterion": "magnitude",
        "allocation": "per_layer", "granularity": "weight", "schedule": "iterative", "retraining": "weight_rewinding",
        "stage_key": f"{seed}-{level}-{control}", "seed": seed, "level": level, "control": control,
        "sparsity_requested": 1 - density, "sparsity": 1 - density, "compression_ratio": 1 / density,
        "weights_left": round(sum(left.values())), "collapsed_layers": 0,
        "layer_density": {name: left[name] / size for name, size in LAYERS.items()},
        "test_top1": DENSE_TOP1 + gain - lost + noise * rng.standard_normal() + 0.001 * (seed - 1),
        "early_stop_step": int(484 - (230 if control == "none" else 60) * (1 - density) + 25 * rng.standard_normal()),
        "total_steps": 1500, "train_seconds": 2.4, "device": "cpu", "threads": 1, "torch_version": "2.14.1",
        "prunelab_version": "0.1.0", "git_commit": "c281e4b", "created_at": "2026-01-02T03:04:05Z",
    }  # fmt: skip
    return Record(**{**values, **changes})


def barrier_record(*, seed: int, rewind_step: int, level: int = 0, **changes) -> Record:
    height = 0.4 * np.exp(-rewind_step / 150) * (1 + 0.3 * level) + 0.004 * seed
    alpha = np.linspace(0, 1, 30)
    error = 0.05 + 4 * height * alpha * (1 - alpha)
    curve = {"alpha": alpha.tolist(), "test_error": error.tolist()}
    point = network(seed=seed, level=level, rewind_step=rewind_step)
    return dataclasses.replace(
        point, kind="barrier", test_top1=None, barrier=float(error.max() - 0.05), barrier_curve=curve, layer_density=None, **changes
    )


def lottery(
    *,
    seeds: Sequence[int] = (0, 1, 2),
    levels: int = 15,
    controls: Sequence[str] = ("reinit", "shuffle", "random", "small_dense"),
    with_barriers: bool = False,
    **changes,
) -> list[Record]:
    records = [network(seed=seed, level=level, **changes) for seed in seeds for level in range(levels + 1)]
    records += [
        network(seed=seed, level=level, control=control, **changes)
        for control in controls
        for seed in seeds
        for level in range(1, levels + 1)
    ]
    if with_barriers:
        steps = (0, 20, 100, 500)
        records += [barrier_record(seed=seed, rewind_step=step, level=level) for seed in seeds for step in steps for level in (0, 5)]
    return records


@pytest.fixture
def make_network() -> Callable[..., Record]:
    return network


@pytest.fixture
def make_study() -> Callable[..., list[Record]]:
    return lottery


@pytest.fixture
def make_barrier() -> Callable[..., Record]:
    return barrier_record


@pytest.fixture
def to_frame() -> Callable[[Sequence[Record]], pd.DataFrame]:
    return as_frame


@pytest.fixture
def study() -> pd.DataFrame:
    """3 seeds x 15 levels, tickets and four controls, with instability analysis."""
    return as_frame(lottery(with_barriers=True))
