"""Rows from outside (a CSV, a W&B project) as a frame of records: one schema, checked.

What a row has to have is little: a sparsity and an accuracy, under the names that `prunelab.records.schema` gives them. Every
other column has its default. Nothing is guessed from other names: a column that prunelab does not know is named, with the
nearest that it knows.
"""

from __future__ import annotations

import dataclasses
import json
import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from prunelab.basics.choices import nearest
from prunelab.records.frame import frame_of
from prunelab.records.index import EXTRA, FILE, SCHEMA, STAMP
from prunelab.records.levels import number_levels, rung
from prunelab.records.schema import AXES, COLUMNS, Record

DENSITY = "density"
SPARSITIES = ("sparsity", DENSITY, "compression_ratio")  # one of them says how much is left
ACCURACIES = ("test_top1", "test_f1", "validation_top1", "early_stop_top1")  # one of them says how good it is
_DEFAULTS = dataclasses.asdict(Record())
_FRACTIONS = (
    "sparsity", DENSITY, "sparsity_requested", "effective_sparsity", "test_top1", "test_top5", "test_f1", "validation_top1",
    "early_stop_top1",
)  # fmt: skip
_MISSING = ("", "nan", "none", "null", "n/a", "na")
_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no")


def frame_of_rows(rows: Sequence[Mapping[str, Any]], *, source: str, study: str = "") -> pd.DataFrame:
    """A frame of records, as `prunelab.records.frame.load` gives it.

    Args:
        rows: cells by column; numbers may be texts, nested columns JSON texts.
        source: what the rows are from, for errors.
        study: name of the study where a row has none.

    Raises:
        ValueError: naming the columns that are missing and what is nearest to them, the cell that is not what its column holds, the row
            that says neither its level nor its sparsity, or the rows that are one point.
    """
    check_columns({name for row in rows for name in row}, source=source)
    made = [_row(row, where=f"{source}, row {number}", study=study) for number, row in enumerate(rows, start=1)]
    number_levels([row for row, given in zip(made, rows, strict=True) if _missing(given.get("level"))])
    _check_distinct(made, rows, source)
    columns = {name: pa.array([_arrow(name, row[name]) for row in made], SCHEMA.field(name).type) for name in COLUMNS}
    count = len(made)
    keys = {FILE: pa.array([f"{i:09d}" for i in range(count)]), STAMP: pa.array([""] * count), EXTRA: pa.array([None] * count, pa.string())}
    return frame_of(pa.table({**columns, **keys}, schema=SCHEMA))


def check_columns(names: Iterable[str], *, source: str) -> None:
    """Check that `names` hold what a report needs; those that it does not know are said in a warning.

    Raises:
        ValueError: naming what is missing.
    """
    given = set(names)
    unknown = sorted(given - set(COLUMNS) - {DENSITY})
    hints = {name: nearest(name, [*COLUMNS, DENSITY]) for name in unknown}
    said = ", ".join(f"{name} (did you mean {hint}?)" if hint and hint not in given else name for name, hint in hints.items())
    for what, valid in (("how much is left", SPARSITIES), ("how good it is", ACCURACIES)):
        if not given & set(valid):
            like = [f"{name} for {hint}" for hint in valid if (name := nearest(hint, unknown))]
            raise ValueError(
                f"{source} has no column that says {what}: one of {', '.join(valid)}."
                + (f" Nearest: {', '.join(like)}." if like else "")
                + f" It has: {', '.join(sorted(given)) or '(none)'}. Columns are named as in prunelab.records.schema; sparsity is "
                "the fraction of weights removed, accuracies are fractions."
            )
    if unknown:
        warnings.warn(f"{source}: columns that are none of a record's are left out: {said}", stacklevel=3)


def usable(row: Mapping[str, Any]) -> bool:
    """Whether a row says how much is left of a network and how good it is, or is a barrier."""
    has = {name for name, value in row.items() if not _missing(value)}
    return "barrier" in has or row.get("diverged") is True or bool(has & set(SPARSITIES) and has & set(ACCURACIES))


def _row(given: Mapping[str, Any], *, where: str, study: str) -> dict[str, Any]:
    row = _DEFAULTS | {name: _cell(name, value, where) for name, value in given.items() if name in _DEFAULTS}
    row["study"] = row["study"] or study
    if row["sparsity"] is None:
        row["sparsity"] = _sparsity(given, row, where)
    for name in _FRACTIONS:
        value = row.get(name)
        if value is not None and not (math.isnan(value) or 0 <= value <= 1):
            raise ValueError(f"{where}: {name} = {value:g} is not a fraction in [0, 1]; per cent are divided by 100 first")
    if _missing(given.get("level")) and row["kind"] != "barrier" and rung(row) is None:
        raise ValueError(
            f"{where}: neither a level nor how much is left ({', '.join(SPARSITIES)}); give the sparsity, which is 0 for a dense network"
        )
    return row


def _check_distinct(made: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]], source: str) -> None:
    """Check that no two rows are one point.

    Raises:
        ValueError: naming two that are, and what may tell them apart.
    """
    seen: dict[tuple[Any, ...], int] = {}
    again = [(first, place) for place, row in enumerate(made) if (first := seen.setdefault(axes_of(row), place)) != place]
    if not again:
        return
    first, second = again[0]
    point = ", ".join(f"{axis}={value}" for axis, value in zip(AXES, axes_of(made[first]), strict=True) if value != "")
    given = dict.fromkeys(name for row in rows for name in row)
    apart = [name for name in given if name not in {*COLUMNS, DENSITY} and any(rows[a].get(name) != rows[b].get(name) for a, b in again)]
    hints = []
    if apart:
        left_out = f"such rows differ in {', '.join(apart)}, left out for being no column of a record"
        hints.append(f"{left_out}: name what tells them apart criterion (of methods), seed (of replicates) or variant (of settings)")
    if "seed" not in given:
        hints.append("there is no column seed, so all rows are of seed 0: replicates need one")
    if not hints:
        hints.append("leave one out, or tell them apart by a column such as seed or variant")
    same = f"{source}, rows {first + 1} and {second + 1} are the same point ({point}), {len(again)} rows repeat one"
    raise ValueError("; ".join([same, *hints]))


def axes_of(row: Mapping[str, Any], where: str = "") -> tuple[Any, ...]:
    """Which point a row is, with the defaults of the axes that it lacks.

    Raises:
        ValueError: if a cell is not what its axis holds.
    """
    return tuple([_cell(axis, row.get(axis), where) for axis in AXES])


def _sparsity(given: Mapping[str, Any], row: Mapping[str, Any], where: str) -> float | None:
    """From the density; else from the compression ratio, as if every weight were prunable."""
    density = _float(DENSITY, given.get(DENSITY), where)
    if density is not None:
        return 1 - density
    ratio = row["compression_ratio"]
    if ratio is None or math.isnan(ratio) or row["kind"] != "point":
        return None
    if ratio < 1:
        raise ValueError(f"{where}: compression_ratio = {ratio:g} must be at least 1: weights of the dense network / weights left")
    return 1 - 1 / ratio


def _missing(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().lower() in _MISSING
    return value is None or (isinstance(value, float) and math.isnan(value))


def _cell(name: str, value: Any, where: str) -> Any:
    """`value` as the column's type; its default where it is missing."""
    kind, default = SCHEMA.field(name).type, _DEFAULTS[name]
    if kind == pa.string():  # `none` is a control
        return default if value is None or value == "" or (isinstance(value, float) and math.isnan(value)) else str(value)
    if _missing(value):
        return default
    if kind == pa.float64():
        return _float(name, value, where)
    if kind == pa.int64():
        return _whole(name, value, where)
    if kind == pa.bool_():
        return _truth(name, value, where)
    return _nested(name, value, where)


def _float(name: str, value: Any, where: str) -> float | None:
    if _missing(value):
        return None
    try:
        return float(value)  # W&B writes what is not finite as text
    except (TypeError, ValueError):
        raise ValueError(f"{where}: {name} = {value!r} is not a number") from None


def _whole(name: str, value: Any, where: str) -> int:
    if isinstance(value, int):
        return int(value)
    number = _float(name, value, where)
    if number is None or not number.is_integer():
        raise ValueError(f"{where}: {name} = {value!r} is not a whole number")
    return int(number)


def _truth(name: str, value: Any, where: str) -> bool:
    text = str(value).strip().lower().removesuffix(".0")
    if text not in (*_TRUE, *_FALSE):
        raise ValueError(f"{where}: {name} = {value!r} is neither true nor false")
    return text in _TRUE


def _nested(name: str, value: Any, where: str) -> dict[str, Any]:
    """An object of numbers, or of lists of numbers."""
    lists = pa.types.is_list(SCHEMA.field(name).type.item_type)
    try:
        found = json.loads(value) if isinstance(value, str) else value
        return {str(key): [_entry(each) for each in entry] if lists else _entry(entry) for key, entry in found.items()}
    except (AttributeError, TypeError, ValueError):
        raise ValueError(f"{where}: {name} = {str(value)[:60]!r} is not a JSON object of {'lists of ' if lists else ''}numbers") from None


def _entry(value: Any) -> float | None:
    return None if value is None else float(value)


def _arrow(name: str, value: Any) -> Any:
    return list(value.items()) if isinstance(value, dict) and pa.types.is_map(SCHEMA.field(name).type) else value
