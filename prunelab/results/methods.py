"""Which methods a frame compares, what tells them apart, and which dense network each is held against."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
import pandas as pd

from prunelab.records.schema import AXES
from prunelab.results.frames import points
from prunelab.results.remembering import remembered

METHOD_AXES: tuple[str, ...] = tuple(axis for axis in AXES if axis not in ("kind", "control", "seed", "level"))
DENSE_AXES: tuple[str, ...] = ("study", "model", "dataset", "variant")

_CONTROL_NAMES = {
    "none": "Tickets", "reinit": "Reinitialised", "shuffle": "Shuffled mask", "random": "Random mask",
    "small_dense": "Small dense",
}  # fmt: skip
_AXIS_TEXTS = {
    ("retraining", "none"): "not retrained", ("retraining", "fine_tuning"): "fine-tuned",
    ("retraining", "weight_rewinding"): "weights rewound", ("retraining", "lr_rewinding"): "learning rate rewound",
    ("schedule", "at_init"): "pruned at initialisation", ("schedule", "one_shot"): "one shot after training",
}  # fmt: skip
_BETWEEN = " · "
SHORT_NAME_LENGTH = 60
MOST_PANELS = 12
_ROW = "_row"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Place:
    """Where a method is drawn.

    Attributes:
        panel: title of its panel; "" if there is one panel for all.
        line: its name within the panel.
    """

    panel: str
    line: str


def control_name(control: str, retraining: str = "weight_rewinding", schedule: str = "") -> str:
    """What a series of this control is called; without a trained network to rewind there are pruned networks, not tickets."""
    if control == "none" and (retraining not in ("weight_rewinding", "") or schedule == "at_init"):
        return "Pruned"
    return _CONTROL_NAMES.get(control, control.replace("_", " ").capitalize())


@remembered
def own_name(frame: pd.DataFrame) -> str:
    """What a method's own networks are called throughout a frame: `Tickets` if all of them are rewound."""
    own = points(frame)
    pruned = own[(own["control"] == "none") & (own["level"] > 0)]
    kinds = pruned[["retraining", "schedule"]].drop_duplicates().itertuples(index=False)
    names = {control_name("none", str(kind.retraining), str(kind.schedule)) for kind in kinds}
    return names.pop() if len(names) == 1 else "Pruned"


def labelled(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """The points of a frame `with_methods`, with their axes and these columns alone: the many others are costly to repeat."""
    found = _labelled_axes(frame)
    others = [column for column in dict.fromkeys(columns) if column not in found]
    rows = points(frame, others).take(found[_ROW].to_numpy()).set_axis(found.index)
    return pd.concat([found.drop(columns=[_ROW, "method"]), rows, found["method"]], axis=1)


@remembered
def _labelled_axes(frame: pd.DataFrame) -> pd.DataFrame:
    """The axes of the points `with_methods`, and in `_ROW` the number of the point that each row is."""
    rows = points(frame, [*AXES, "overrides"])
    return with_methods(rows.assign(**{_ROW: np.arange(len(rows))}))


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
    methods = _distinct(frame, axes)
    labels = methods.assign(method=_labels(methods, axes)).drop(columns="overrides")
    rows = [pruned.merge(labels, on=axes, how="left")]
    if len(dense):
        rows.append(_dense_of(dense, labels, axes))
    joined = pd.concat([part for part in rows if len(part)], ignore_index=True)
    joined["method"] = pd.Categorical(joined["method"], categories=list(labels["method"]), ordered=True)
    return joined


@remembered
def places(frame: pd.DataFrame) -> dict[str, Place]:
    """Where each method of a frame is drawn, by its label in `with_methods`.

    Criteria that are compared under several circumstances (with and without retraining, ...) share a panel for each of
    these and keep their name and look from panel to panel; all else shares one panel. In the order of drawing.
    """
    axes = list(METHOD_AXES)
    methods = _distinct(points(frame, [*axes, "overrides", "level", "control"]), axes)
    labels, parts = _labels(methods, axes), _parts(methods, axes)
    found = [
        Place(panel=_joined({axis: words for axis, words in part.items() if axis != "criterion"}), line=part.get("criterion", ""))
        for part in parts
    ]
    panels = {place.panel for place in found}
    if len(set(found)) < len(found) or not 1 < len(panels) <= MOST_PANELS or len({place.line for place in found}) < 2:
        found = [Place(panel="", line=label) for label in labels]
    return dict(sorted(zip(labels, found, strict=True), key=lambda pair: _rank(pair[1])))


def _rank(place: Place) -> tuple[list[int], str, str]:
    known = list(_AXIS_TEXTS.values())
    words = [*place.panel.split(_BETWEEN), *place.line.split(_BETWEEN)]
    return [known.index(word) for word in words if word in known], place.panel, place.line


def _distinct(frame: pd.DataFrame, axes: list[str]) -> pd.DataFrame:
    is_dense = (frame["level"] == 0) & (frame["control"] == "none")
    rows = frame[[*axes, "overrides"]]
    return (rows if is_dense.all() else rows[~is_dense]).drop_duplicates(axes)


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
    labels = [_joined(part) for part in _parts(methods, axes)]
    # Long overrides are cut, so two labels can come out alike; a number keeps the methods apart.
    return [label if labels.count(label) == 1 else f"{label} ({labels[: i + 1].count(label)})" for i, label in enumerate(labels)]


def _joined(part: dict[str, str]) -> str:
    return _BETWEEN.join(part.values())


def _parts(methods: pd.DataFrame, axes: list[str]) -> list[dict[str, str]]:
    """For each row, by axis that differs between rows, its value in words."""
    differing = [axis for axis in axes if methods[axis].nunique() > 1]
    for axis in ("variant", "rewind_step", "retraining"):
        others = [other for other in differing if other != axis]
        if axis in differing and others and not methods.duplicated(others).any():
            differing = others
    by_overrides = methods["overrides"].nunique() == methods["variant"].nunique()
    own = _own_words(methods["overrides"]) if by_overrides else [""] * len(methods)
    rows = methods.to_dict("records")
    return [{axis: _axis_text(axis, row[axis], words) for axis in differing} for row, words in zip(rows, own, strict=True)]


def _own_words(overrides: Iterable[str]) -> list[str]:
    """Of each command line what is not in all of them; "default" for one that says nothing more."""
    lines = [str(line or "").split() for line in overrides]
    common = set.intersection(*map(set, lines)) if len(lines) > 1 else set()
    return [" ".join(word for word in line if word not in common) or ("default" if line else "") for line in lines]


def _axis_text(axis: str, value: object, overrides: str) -> str:
    if axis == "rewind_step":
        return f"rewound to {value}"
    if axis == "variant":
        return (overrides or f"variant {str(value)[:8] or 'unnamed'}")[:SHORT_NAME_LENGTH]
    return _AXIS_TEXTS.get((axis, str(value)), str(value)) or f"no {axis}"
