"""Whether networks know when they are right, level by level."""

from __future__ import annotations

import pandas as pd

from prunelab.metrics.calibration import Calibration, calibration
from prunelab.results.insight.found import Found
from prunelab.study.insight.networks import Networks, Notes
from prunelab.study.insight.predictions import Predictions, of_predictions
from prunelab.study.insight.progress import Progress

_AXES = ["method", "seed", "level", "density"]
COLUMNS = (*_AXES, "examples", "top1", "ece", "adaptive_ece", "brier", "nll")
BIN_COLUMNS = (*_AXES, "low", "high", "count", "confidence", "accuracy")


def calibration_by_level(networks: Networks, progress: Progress) -> Found:
    """Calibration on the test set of the dense and the methods' own networks; controls are left out.

    Returns:
        A table `calibration` with a row a network (see `prunelab.metrics.calibration.Calibration`; the dense network once for each
        method it belongs to), and `reliability` with a row for each of its bins of equal width that is not empty.
    """
    notes = Notes()
    rows = networks.finite(networks.rows[networks.rows["control"] == "none"], notes)
    rows = rows.sort_values(["method", "level", "seed"], kind="stable")
    table, bins = [], []
    for row, (examples, right, measured) in of_predictions(networks, rows, _measured, notes, progress, "calibration"):
        axes = [row[name] for name in _AXES]
        table.append([*axes, examples, right, measured.ece, measured.adaptive_ece, measured.brier, measured.nll])
        line = measured.reliability
        bins += [[*axes, *values] for values in zip(line.low, line.high, line.count, line.confidence, line.accuracy, strict=True)]
    tables = {"calibration": pd.DataFrame(table, columns=list(COLUMNS)), "reliability": pd.DataFrame(bins, columns=list(BIN_COLUMNS))}
    return Found(tables=tables, notes=notes.sentences())


def _measured(found: Predictions) -> tuple[int, float, Calibration]:
    """Examples, accuracy and calibration."""
    return len(found.targets), float((found.classes == found.targets).mean()), calibration(found.logits, found.targets)
