"""What accuracy is traded for: compression, speed in theory and as measured, size, and the training that finds a network."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from prunelab.results.ledger import MULTIPLY_ADDS, with_search_cost
from prunelab.results.methods import labelled
from prunelab.results.remembering import remembered

_COLUMNS = [
    "sparsity", "compression_ratio", "theoretical_speedup", "multiply_adds", "test_top1", "measured_speedup", "size_bytes", "total_steps",
    "mask_step",
]  # fmt: skip


SEARCH_UNIT = "dense trainings, by multiply-adds, masked weights counting as nothing"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trade:
    """One side of a trade; accuracy is the other.

    Attributes:
        key: of its figure.
        title: of its figure.
        choice: what a reader picks it by.
        column: of the rows of `costed`, one of `measures.MEASURES`.
        axis: title of the axis, with its unit.
        name: for the hover.
        falling: less is better, so that the axis falls and the better side is still the right one.
        lacking: said of series without it.
        absent: why there is no figure where nothing has it.
        words: what a network on the front is.
        unit: after a value.
        more: a sentence on how it is counted, for the caption.
    """

    key: str
    title: str
    choice: str
    column: str
    axis: str
    name: str
    lacking: str
    absent: str
    words: str
    falling: bool = False
    unit: str = " times"
    more: str = ""

    def value(self, number: float) -> str:
        """A number with its unit."""
        return f"{number:.3g}{self.unit}"

    def log_axis(self) -> str:
        """The axis title where the axis is logarithmic."""
        return f"{self.axis[:-1]}, log scale)" if self.axis.endswith(")") else f"{self.axis} (log scale)"


def _words(better: str) -> str:
    return f"no other network of the panel is at least as {better} and as accurate, and better in one"


COMPRESSION = Trade(
    key="pareto", title="Compression against accuracy", choice="Compression", column="compression_ratio", axis="Compression ratio",
    name="compression", lacking="Recorded without a compression ratio",
    absent="No pruned network has both a compression ratio and a test accuracy.", words=_words("small"),
)  # fmt: skip
THEORY = Trade(
    key="speedup", title="Multiply-adds against accuracy", choice="Multiply-adds", column="theoretical_speedup",
    axis="Dense multiply-adds / multiply-adds left", name="theoretical speed-up", lacking="Recorded without multiply-adds",
    absent="No pruned network has both a theoretical speed-up and a test accuracy.", words=_words("cheap to run"),
)  # fmt: skip
SPEED = Trade(
    key="latency", title="Measured speed against accuracy", choice="Measured speed", column="measured_speedup",
    axis="Dense latency / latency, measured in turns", name="speed-up", lacking="Not timed",
    absent="No pruned network was timed; measure=latency times them.", words=_words("fast"),
)  # fmt: skip
SIZE = Trade(
    key="size", title="Size against accuracy", choice="Size", column="size_bytes", axis="Size of the weights on disk (MB)",
    name="size", lacking="Recorded without a size", absent="No pruned network has both a size on disk and a test accuracy.",
    words=_words("small on disk"), falling=True, unit=" MB",
)  # fmt: skip
SEARCH = Trade(
    key="search_cost", title="Search cost against accuracy", choice="Search cost", column=MULTIPLY_ADDS,
    axis="Training work behind a network (dense trainings, by multiply-adds)", name="search cost", lacking="Without a known search cost",
    absent="No pruned network has the multiply-adds and steps of all trainings behind it.", words=_words("cheap to find"), falling=True,
    unit=" dense trainings", more=f" Search cost is in {SEARCH_UNIT}.",
)  # fmt: skip


@remembered
def searched(frame: pd.DataFrame) -> pd.DataFrame:
    """The points of a frame, labelled by method, with what every trade is made of and the work of `ledger.with_search_cost`."""
    return with_search_cost(labelled(frame, _COLUMNS))


@remembered
def costed(frame: pd.DataFrame) -> pd.DataFrame:
    """The points of a frame, labelled by method, with every trade's column.

    Returns:
        Rows of `methods.labelled` with `size_bytes` in megabytes, and `search_multiply_adds` in trainings of the method's dense network.
    """
    rows = searched(frame)
    dense = rows[(rows["level"] == 0) & (rows["control"] == "none")]
    trainings = dense.groupby(dense["method"].astype(str))[MULTIPLY_ADDS].mean().to_dict()
    training = rows["method"].astype(str).map(trainings).to_numpy(dtype=float)
    numbers = {column: pd.to_numeric(rows[column]).astype(float) for column in ("measured_speedup", "theoretical_speedup", "size_bytes")}
    numbers["size_bytes"] = numbers["size_bytes"] / 1e6
    values, places = np.unique(rows[MULTIPLY_ADDS].to_numpy(dtype=float) / training, return_inverse=True)
    return rows.assign(**numbers, **{MULTIPLY_ADDS: np.array([_without_noise(float(value)) for value in values])[places]})


def _without_noise(value: float) -> float:
    """Four significant digits: the dense multiply-adds come from a rounded quotient, and equal costs must be equal."""
    return float(f"{value:.4g}")
