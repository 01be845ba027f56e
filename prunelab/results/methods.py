"""Which methods a frame compares, what tells them apart, and which dense network each is held against."""

from __future__ import annotations

import pandas as pd

from prunelab.records.schema import AXES
from prunelab.results.frames import points

METHOD_AXES: tuple[str, ...] = tuple(axis for axis in AXES if axis not in ("kind", "control", "seed", "level"))
DENSE_AXES: tuple[str, ...] = ("study", "model", "dataset", "variant")

_CONTROL_NAMES = {
    "none": "Tickets", "reinit": "Reinitialised", "shuffle": "Shuffled mask", "random": "Random mask",
    "small_dense": "Small dense",
}  # fmt: skip
SHORT_NAME_LENGTH = 60


def control_name(control: str, retraining: str = "weight_rewinding") -> str:
    """What a series of this control is called; a method without rewinding makes pruned networks, not tickets."""
    if control == "none" and retraining not in ("weight_rewinding", ""):
        return "Pruned"
    return _CONTROL_NAMES.get(control, control.replace("_", " ").capitalize())


def own_name(frame: pd.DataFrame) -> str:
    """What a method's own networks are called throughout a frame: `Tickets` if all of them are rewound."""
    own = points(frame)
    pruned = own[(own["control"] == "none") & (own["level"] > 0)]
    names = {control_name("none", retraining) for retraining in pruned["retraining"].unique()}
    return names.pop() if len(names) == 1 else "Pruned"


def with_methods(frame: pd.DataFrame, *, ignoring: tuple[str, ...] = ()) -> pd.DataFrame:
    """The frame with a column `method`: the label of the method a row belongs to; "" if there is only one.

    A method is one combination of the axes that describe it. A dense network belongs to every method of its study, model,
    data set and variant, and its row is repeated for each; where a study holds several, the one that agrees with the
    method on most axes is taken.

    Args:
        frame: points, or barriers.
        ignoring: axes that do not tell methods apart here, such as `rewind_step` where it is the x axis.
    """
    axes = [axis for axis in METHOD_AXES if axis not in ignoring]
    frame = frame.drop(columns="method", errors="ignore")
    if frame.empty:
        return frame.assign(method=pd.Categorical([]))
    is_dense = (frame["level"] == 0) & (frame["control"] == "none")
    pruned, dense = frame[~is_dense], frame[is_dense]
    methods = (pruned if len(pruned) else dense)[[*axes, "overrides"]].drop_duplicates(axes)
    labels = methods.assign(method=_labels(methods, axes)).drop(columns="overrides")
    rows = [pruned.merge(labels, on=axes, how="left")]
    if len(dense):
        rows.append(_dense_of(dense, labels, axes))
    joined = pd.concat([part for part in rows if len(part)], ignore_index=True)
    joined["method"] = pd.Categorical(joined["method"], categories=list(labels["method"]), ordered=True)
    return joined


def _dense_of(dense: pd.DataFrame, labels: pd.DataFrame, axes: list[str]) -> pd.DataFrame:
    shared = [axis for axis in DENSE_AXES if axis in axes]
    renamed = labels.rename(columns={axis: f"method_{axis}" for axis in axes if axis not in shared})
    pairs = dense.merge(renamed, on=shared)
    agreement = sum((pairs[axis] == pairs[f"method_{axis}"]).astype(int) for axis in axes if axis not in shared)
    pairs = pairs.assign(agreement=agreement).sort_values("agreement", ascending=False, kind="stable")
    point = ["method", "seed"] + [axis for axis in METHOD_AXES if axis not in axes]
    nearest = pairs.drop_duplicates(point).sort_index()
    return nearest[[*dense.columns, "method"]]


def _labels(methods: pd.DataFrame, axes: list[str]) -> list[str]:
    """For each row, the values of the axes that differ between rows."""
    differing = [axis for axis in axes if methods[axis].nunique() > 1]
    if "variant" in differing and methods.drop(columns=["variant", "overrides"]).duplicated(keep=False).sum() == 0:
        differing.remove("variant")
    by_overrides = methods["overrides"].nunique() == methods["variant"].nunique()
    labels = []
    for row in methods.to_dict("records"):
        parts = [_axis_text(axis, row[axis], row["overrides"] if by_overrides else "") for axis in differing]
        labels.append(" · ".join(parts))
    # Long overrides are cut, so two labels can come out alike; a number keeps the methods apart.
    return [label if labels.count(label) == 1 else f"{label} ({labels[: i + 1].count(label)})" for i, label in enumerate(labels)]


def _axis_text(axis: str, value: object, overrides: str) -> str:
    if axis == "rewind_step":
        return f"rewound to {value}"
    if axis == "variant":
        return (overrides or f"variant {str(value)[:8] or 'unnamed'}")[:SHORT_NAME_LENGTH]
    return str(value) or f"no {axis}"
