"""What of a point goes where in W&B, so that its own views work.

- Config and summary: see `prunelab.records.mirror`; parallel coordinates and scatter plots are made of them.
- Curves: history under `curve/`, over `curve/step`, an entry a validation.
- Measures: one entry of history at the end, each over `sparsity`, so that a line plot over a group of runs is the study's curve.
- `layers/density`: histogram of the densities of the network's layers.
- Files: artifacts named by their stage, `mask-...` and `checkpoint-...`; runs that read and leave them are their lineage.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from prunelab.records.mirror import measures_of, summary_of
from prunelab.records.schema import Record
from prunelab.tracking.tracker import Digest, Sheet, Stored

SUMMARY_JOB = "summary"
CURVE = "curve/"
_BINS = 20


def define_curves(run: Any) -> None:
    """Curves are over the optimizer step, and no part of the summary, which holds the record."""
    run.define_metric(f"{CURVE}step")
    run.define_metric(f"{CURVE}*", step_metric=f"{CURVE}step", summary="none")


def log_curve(run: Any, step: int, metrics: Mapping[str, float]) -> None:
    """One validation."""
    run.log({f"{CURVE}step": step, **{f"{CURVE}{name}": value for name, value in metrics.items()}})


def log_record(run: Any, record: Record) -> None:
    """The measured point: in the history over sparsity, and whole in the summary."""
    row = dataclasses.asdict(record)
    measures = measures_of(row)
    if "sparsity" in measures:
        run.define_metric("sparsity")
        for name in measures.keys() - {"sparsity"}:
            run.define_metric(name, step_metric="sparsity")
        run.log({**measures, **_density(record.layer_density)})
    run.summary.update(summary_of(row))


def _density(layers: Mapping[str, float] | None) -> dict[str, Any]:
    if not layers:
        return {}
    import numpy as np
    import wandb

    return {"layers/density": wandb.Histogram(np_histogram=np.histogram(list(layers.values()), bins=_BINS, range=(0.0, 1.0)))}


def log_files(run: Any, *, uses: Sequence[Stored], leaves: Sequence[Stored], offline: bool) -> None:
    """Files as artifacts; the store's own files, which never change, are not copied."""
    for stored in uses:
        artifact = _artifact(stored)
        if offline:  # use_artifact refuses; this is what it does with a file that W&B does not have yet
            run._log_artifact(artifact, is_user_created=True, use_after_commit=True)
        else:
            run.use_artifact(artifact)
    for stored in leaves:
        run.log_artifact(_artifact(stored))


def _artifact(stored: Stored) -> Any:
    import wandb

    artifact = wandb.Artifact(stored.name, stored.kind, metadata={"stage_key": stored.key, **stored.metadata})
    artifact.add_file(str(stored.path), name=stored.path.name, policy="immutable")
    return artifact


def log_digest(run: Any, digest: Digest) -> None:
    """The tables and plots of a study, and its numbers."""
    import wandb

    for title, sheet in digest.sheets.items():
        run.log({title: _table(sheet)})
        if sheet.x:
            run.log({f"{title}_plot": wandb.plot.scatter(_table(sheet), sheet.x, sheet.y, title=title.replace("_", " "))})
    for title, line in digest.lines.items():
        xs, ys = ([list(values[axis]) for values in line.series.values()] for axis in (0, 1))
        chart = wandb.plot.line_series(xs=xs, ys=ys, keys=list(line.series), title=f"{line.y} over {line.x}", xname=line.x)
        run.log({title: chart})
    run.summary.update(dict(digest.numbers))


def _table(sheet: Sheet) -> Any:
    import wandb

    return wandb.Table(columns=list(sheet.columns), data=[list(row) for row in sheet.rows], allow_mixed_types=True)
