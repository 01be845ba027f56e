"""A frame of records as CSV, which `from_csv` reads again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from prunelab.records.index import SCHEMA
from prunelab.records.schema import COLUMNS, CURVE, NESTED

_KEPT = tuple(name for name in COLUMNS if name != CURVE)  # too long for a table
_TEXTS = tuple(name for name in NESTED if name != CURVE)


def to_csv(frame: pd.DataFrame) -> bytes:
    """The records as CSV, mappings as JSON texts, without training curves; by Arrow, which takes a tenth of the time of pandas."""
    plain = pa.Table.from_pandas(frame[[name for name in _KEPT if name not in _TEXTS]], preserve_index=False)
    columns = {name: _texts(name, frame[name]) if name in _TEXTS else plain[name] for name in _KEPT}
    written = pa.BufferOutputStream()
    csv.write_csv(pa.table(columns), written)
    return written.getvalue().to_pybytes()


def _texts(name: str, column: pd.Series) -> pa.Array:
    cells = [cell if isinstance(cell, dict) else None for cell in column]
    if pa.types.is_list(SCHEMA.field(name).type.item_type):
        return _one_by_one(cells)
    return _at_once(cells)


def _one_by_one(cells: Sequence[Mapping[str, Any] | None]) -> pa.Array:
    return pa.array([None if cell is None else json.dumps(cell) for cell in cells], pa.string())


def _at_once(cells: Sequence[Mapping[str, Any] | None]) -> pa.Array:
    """Objects of numbers: a fifth of the time of one after the other."""
    full = [cell or {} for cell in cells]
    numbers = pa.array(list(chain.from_iterable(cell.values() for cell in full)), pa.float64())
    if numbers.null_count or not np.isfinite(numbers.to_numpy()).all():  # Arrow writes them as JSON does not
        return _one_by_one(cells)
    coded = pa.array(list(chain.from_iterable(full)), pa.string()).dictionary_encode()
    names = pa.array([json.dumps(name) for name in coded.dictionary.to_pylist()], pa.string()).take(coded.indices)
    entries = pc.binary_join_element_wise(names, numbers.cast(pa.string()), ": ")  # pyright: ignore[reportAttributeAccessIssue]
    ends = np.cumsum([0, *map(len, full)], dtype=np.int32)
    inner = pc.binary_join(pa.ListArray.from_arrays(pa.array(ends), entries), ", ")  # pyright: ignore[reportAttributeAccessIssue]
    whole = pc.binary_join_element_wise("{", inner, "}", "")  # pyright: ignore[reportAttributeAccessIssue]
    return pc.if_else(pa.array([cell is not None for cell in cells], pa.bool_()), whole, pa.scalar(None, pa.string()))  # pyright: ignore[reportAttributeAccessIssue]
