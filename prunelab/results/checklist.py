"""Which reporting recommendations of Blalock et al. 2020 ("What is the state of neural network pruning?", sections 6 and 7) a study meets.

Each is answered from the records alone, with its evidence. A recommendation of which records can't tell is not listed.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from prunelab.results.frames import points
from prunelab.results.methods import labelled
from prunelab.results.units import percent

FEWEST_LEVELS = 5  # "at least 5 operating points spanning a range of compression ratios"
FEWEST_SEEDS = 3
_NAMES = {"compression_ratio": "compression ratio", "theoretical_speedup": "theoretical speed-up"}
_COLUMNS = [
    "sparsity", "compression_ratio", "theoretical_speedup", "multiply_adds", "parameters", "test_top1", "test_top5", "measured_speedup",
    "processor", "diverged",
]  # fmt: skip


@dataclasses.dataclass(frozen=True, kw_only=True)
class Item:
    """One recommendation.

    Attributes:
        recommendation: what is recommended.
        met: whether the study does so.
        evidence: in a sentence.
    """

    recommendation: str
    met: bool
    evidence: str


def checklist(frame: pd.DataFrame) -> list[Item]:
    """The recommendations, each yes or no with its evidence; empty for a study without pruned networks.

    Args:
        frame: records with numbers as floats (`frames.checked`).
    """
    rows = labelled(frame, _COLUMNS)
    own = rows[(rows["control"] == "none") & (rows["level"] > 0)]
    if own.empty:
        return []
    items = [
        _levels(own), _seeds(own), _dense(rows, own), _baseline(rows, "random", "Random pruning is among the baselines"),
        _baseline(rows, "magnitude", "Magnitude pruning is among the baselines"), _ratios(own), _measured(own), _architectures(own),
        _quality(own), _diverged(frame),
    ]  # fmt: skip
    return [item for item in items if item is not None]


def _levels(own: pd.DataFrame) -> Item:
    counts = own.groupby("method", observed=True)["level"].nunique()
    left = 1 - own["sparsity"]
    evidence = f"{_range(counts)} levels a method, from {percent(left.max())} to {percent(left.min())} of the weights left."
    return Item(
        recommendation=f"At least {FEWEST_LEVELS} operating points a method", met=bool(counts.min() >= FEWEST_LEVELS), evidence=evidence
    )


def _seeds(own: pd.DataFrame) -> Item:
    counts = own[np.isfinite(own["test_top1"])].groupby(["method", "level"], observed=True)["seed"].nunique()
    fewest = int(counts.min()) if len(counts) else 0
    evidence = f"{_range(counts)} seeds a level." if len(counts) else "No network has a test accuracy."
    if 0 < fewest < FEWEST_SEEDS:
        evidence += f" {int((counts < FEWEST_SEEDS).sum())} of {len(counts)} levels have fewer than {FEWEST_SEEDS}."
    if fewest >= FEWEST_SEEDS:
        evidence += " Means have 95 % intervals, differences are paired by seed."
    return Item(recommendation="Means over several seeds with their spread", met=fewest >= FEWEST_SEEDS, evidence=evidence)


def _dense(rows: pd.DataFrame, own: pd.DataFrame) -> Item:
    dense = rows[(rows["control"] == "none") & (rows["level"] == 0) & np.isfinite(rows["test_top1"])]
    having = set(map(tuple, dense[["method", "seed"]].astype({"method": str}).to_numpy()))
    wanted = set(map(tuple, own[["method", "seed"]].astype({"method": str}).to_numpy()))
    lacking = len(wanted - having)
    evidence = (
        f"{lacking} of {len(wanted)} pairs of method and seed have no dense network with a test accuracy."
        if lacking
        else f"Each method has a dense network of each of its seeds; their accuracies are from {_percents(dense['test_top1'])}."
    )
    return Item(recommendation="The dense network, trained the same way, is reported", met=not lacking, evidence=evidence)


def _baseline(rows: pd.DataFrame, name: str, recommendation: str) -> Item:
    pruned = rows[rows["level"] > 0]
    places = []
    if (pruned["criterion"] == name).any():
        places.append(f"{name} is among the criteria")
    if (pruned["control"] == name).any():
        places.append(f"the control {name} was trained")
    known = ", ".join(dict.fromkeys(map(str, pruned["criterion"])))
    evidence = f"{' and '.join(places).capitalize()}." if places else f"Neither as a criterion nor as a control; criteria: {known}."
    return Item(recommendation=recommendation, met=bool(places), evidence=evidence)


def _ratios(own: pd.DataFrame) -> Item:
    lacking = {name: int((~np.isfinite(own[name])).sum()) for name in _NAMES}
    missing = [f"{count} of {len(own)} networks have no {_NAMES[name]}" for name, count in lacking.items() if count]
    evidence = "; ".join(missing) + "." if missing else (
        "Compression is all weights of the dense network over all weights left, theoretical speed-up its multiply-adds over those left."
    )  # fmt: skip
    return Item(
        recommendation="Both compression ratio and theoretical speed-up, with their definitions", met=not missing, evidence=evidence
    )


def _measured(own: pd.DataFrame) -> Item:
    timed = own[np.isfinite(own["measured_speedup"])]
    where = ", ".join(dict.fromkeys(timed["processor"].dropna().astype(str))) or "a processor that was not recorded"
    evidence = f"{len(timed)} of {len(own)} networks were timed, on {where}." if len(timed) else "No network was timed."
    return Item(recommendation="Speed-ups are measured, not only counted", met=len(timed) == len(own), evidence=evidence)


def _architectures(own: pd.DataFrame) -> Item:
    pairs = own[["model", "dataset"]].drop_duplicates()
    named = ", ".join(_pair(str(model), str(dataset)) for model, dataset in pairs.itertuples(index=False))
    return Item(recommendation="Several pairs of data set and architecture", met=len(pairs) >= 3, evidence=f"{len(pairs)}: {named}.")


def _pair(model: str, dataset: str) -> str:
    if not model and not dataset:
        return "model and data set are not recorded"
    return f"{model or 'a model that is not recorded'} on {dataset or 'data that are not recorded'}"


def _quality(own: pd.DataFrame) -> Item | None:
    """None where five guesses can't miss, as with five classes or fewer."""
    if (own["test_top5"] == 1).all():
        return None
    top5 = np.isfinite(own["test_top5"]).all()
    evidence = "Top-1 and top-5 accuracy are recorded for every network." if top5 else "Top-5 accuracy is missing for some networks."
    return Item(recommendation="Both top-1 and top-5 accuracy", met=bool(top5 and np.isfinite(own["test_top1"]).all()), evidence=evidence)


def _diverged(frame: pd.DataFrame) -> Item:
    rows = points(frame)
    without = rows["test_top1"].isna()
    bad, lost = int(rows["diverged"].sum()), int((rows["diverged"] & without).sum())
    parts = [f"{bad - lost} kept in the means and marked"] if bad > lost else []
    parts += [f"{lost} left out of the means, without an accuracy"] if lost else []
    evidence = f"{len(rows) - int(without.sum())} of {len(rows)} networks have a test accuracy; {bad or 'none'} diverged"
    evidence += f": {', '.join(parts)}." if parts else "."
    return Item(recommendation="Every trained network is in the results", met=not without.any(), evidence=evidence)


def _range(counts: pd.Series) -> str:
    low, high = int(counts.min()), int(counts.max())
    return str(low) if low == high else f"{low} to {high}"


def _percents(values: pd.Series) -> str:
    return f"{100 * values.min():.1f} to {100 * values.max():.1f} %"
