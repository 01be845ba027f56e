"""From the artifacts of a point to its record."""

from __future__ import annotations

import datetime
import functools
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prunelab.records.schema import Record
from prunelab.store.artifact import Artifact
from prunelab.study.points import BarrierPoint, Point


def record_of(point: Point | BarrierPoint, artifacts: Mapping[str, Artifact], wandb_id: str | None) -> Record:
    """The record of `point`; `artifacts` are those of its stages, by kind."""
    common: dict[str, Any] = {
        **point.axes,
        "wandb_id": wandb_id,
        "git_commit": git_commit(),
        "created_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    if isinstance(point, BarrierPoint):
        found = artifacts["barrier"].data
        return Record(**common, stage_key=point.barrier.key, barrier=found["barrier"], barrier_curve=found["curve"])
    trained, tested, measured = (artifacts[kind].data for kind in ("train", "evaluate", "measure"))
    quality = {f"test_{name}": value for name, value in tested.items()}
    if point.counterpart is not None:  # a narrower dense network is not pruned: it stands for the sparsity of another
        own = ("effective_sparsity", "layer_density", "theoretical_speedup")
        measured = {name: value for name, value in measured.items() if name not in own}
        measured["sparsity"] = point.counterpart.sparsity
        measured["compression_ratio"] = point.counterpart.dense_parameters / measured["parameters"]
    timed = {} if point.latency is None else artifacts["latency"].data["columns"]
    environment = trained.get("environment", {})
    return Record(
        **common,
        **quality,
        **measured,
        **timed,
        **validation_of(trained),
        **environment,
        stage_key=point.train.key,
        diverged=trained["diverged"],
        mask_step=trained.get("mask_step"),
        train_seconds=trained["step_seconds"],
        stage_seconds=trained["seconds"],
    )


def validation_of(trained: Mapping[str, Any]) -> dict[str, Any]:
    """Validation columns: at the last step, and at the step of the lowest loss (recorded, not acted on)."""
    curve = trained["curve"]
    if not curve or not curve["step"]:
        return {}
    best = min(range(len(curve["step"])), key=curve["validation_loss"].__getitem__)
    return {
        "curve": curve,
        "validation_loss": curve["validation_loss"][-1],
        "validation_top1": curve["validation_top1"][-1],
        "train_loss": curve["train_loss"][-1],
        "early_stop_step": int(curve["step"][best]),
        "early_stop_loss": curve["validation_loss"][best],
        "early_stop_top1": curve["validation_top1"][best],
    }


@functools.cache
def git_commit() -> str | None:
    """Commit of the checkout that prunelab runs from, "+" behind it if it has changes; None outside one."""
    here = Path(__file__).parent
    try:
        commit = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--dirty=+"], cwd=here, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit.stdout.strip()
