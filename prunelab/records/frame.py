"""Load records as a frame, and compare frames."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from prunelab.basics.choices import unknown
from prunelab.basics.garbage import no_collections
from prunelab.records.index import EXTRA, FILE, INDEX, SCHEMA, indexed
from prunelab.records.schema import AXES, COLUMNS, CURVE, VOLATILE

__all__ = ["INDEX", "load", "same", "studies"]


def studies(root: Path) -> list[str]:
    """Names of the studies that have records below `root`."""
    root = Path(root)
    return sorted(path.name for path in root.iterdir() if path.is_dir()) if root.is_dir() else []


def load(root: Path, study: str | None = None, *, index_file: Path | None = None, curves: bool = True) -> pd.DataFrame:
    """All records of `study`, or of every study, one row each, sorted by their axes.

    Measures are float64 with NaN where not measured; `layer_density`, `curve` and `barrier_curve` hold dicts or None.

    Args:
        root: folder that holds one folder a study.
        study: its name.
        index_file: where the index of the one study is kept, for a reader that must not write into its folder.
        curves: whether `curve` is filled; it is None throughout for a reader that does not need it, and loads in two thirds of the time.

    Raises:
        ValueError: if the study has no records, naming those that have; for an index of several studies in one file.
    """
    if index_file is not None and study is None:
        raise ValueError(f"{index_file} can hold the index of one study; name it")
    names = studies(root)
    if study is not None and study not in names:
        raise unknown("study", study, names)
    with no_collections():
        tables = [indexed(Path(root) / name, index_file) for name in ([study] if study else names)]
        return frame_of(pa.concat_tables([SCHEMA.empty_table(), *tables]), curves=curves)


def frame_of(table: pa.Table, *, curves: bool = True) -> pd.DataFrame:
    """A table of the index's schema as a frame, sorted by its axes; `curves` as for `load`."""
    if not curves:
        place = table.schema.get_field_index(CURVE)
        table = table.set_column(place, table.schema.field(place), pa.nulls(len(table), table.schema.field(place).type))
    table = table.sort_by([(name, "ascending") for name in (*AXES, FILE)])
    return pd.DataFrame({name: _column(table[name].combine_chunks()) for name in COLUMNS} | _extra(table[EXTRA]))


def _column(values: Any) -> pd.Series:
    if isinstance(values, pa.ChunkedArray):  # older pyarrow: an empty column has no chunk to combine
        values = pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], values.type)
    if pa.types.is_map(values.type):
        return pd.Series(_dicts(values), dtype=object)
    if pa.types.is_string(values.type):
        return pd.Series(_texts(values), dtype=object)
    return pd.Series(values.to_numpy(zero_copy_only=False), dtype=values.type.to_pandas_dtype())


def _texts(values: Any) -> np.ndarray:
    """Equal texts as one Python object: made once, hashed once, and equal without being read."""
    coded = values.dictionary_encode()
    texts = np.array([*coded.dictionary.to_pylist(), None], dtype=object)
    return texts[coded.indices.fill_null(len(texts) - 1).to_numpy()]


def _dicts(values: Any) -> list[dict[str, Any] | None]:
    """Maps as dicts. Slices of one flat list: many times faster than a Python object at a time."""
    keys, items = _names(values.keys), values.items
    if pa.types.is_list(items.type):
        flat, ends = _numbers(items.values), items.offsets.to_pylist()
        entries: list[Any] = [flat[start:end] for start, end in pairwise(ends)]
    else:
        entries = _numbers(items)
    ends, present = values.offsets.to_pylist(), values.is_valid().to_pylist()
    return [
        dict(zip(keys[start:end], entries[start:end], strict=True)) if there else None
        for (start, end), there in zip(pairwise(ends), present, strict=True)
    ]


def _names(values: Any) -> list[str]:
    """The few names that all dicts share, one Python object each."""
    coded = values.dictionary_encode()
    names = coded.dictionary.to_pylist()
    return [names[index] for index in coded.indices.to_numpy().tolist()]


def _numbers(values: Any) -> list[float | None]:
    return values.to_pylist() if values.null_count else values.to_numpy().tolist()


def _extra(texts: Any) -> dict[str, pd.Series]:
    """Columns that a newer version wrote."""
    if texts.null_count == len(texts):
        return {}
    rows = [json.loads(text) if text else {} for text in texts.to_pylist()]
    names = sorted({name for row in rows for name in row})
    return {name: pd.Series([row.get(name) for row in rows], dtype=object) for name in names}


def same(first: pd.DataFrame, second: pd.DataFrame) -> list[str]:
    """Every difference between two frames of records, but for columns that may differ between runs (times, versions).

    Returns:
        One sentence a difference, in the order of the axes; empty if number for number the same.
    """
    columns = [name for name in COLUMNS if name not in VOLATILE]
    rows = [_by_axes(frame.loc[:, columns]) for frame in (first, second)]
    differences = [f"only in the first: {point}" for point in sorted(rows[0].keys() - rows[1].keys(), key=str)]
    differences += [f"only in the second: {point}" for point in sorted(rows[1].keys() - rows[0].keys(), key=str)]
    for point in sorted(rows[0].keys() & rows[1].keys(), key=str):
        for name in columns:
            one, other = rows[0][point][name], rows[1][point][name]
            if _text(one) != _text(other):
                differences.append(f"{name} of {point}: {one!r} and {other!r}")
    return differences


def _text(value: Any) -> str:
    """One text for equal values: NaN is like NaN and None, and the order of a dict's keys does not count."""
    return json.dumps(None if isinstance(value, float) and np.isnan(value) else value, sort_keys=True, default=str)


def _by_axes(frame: pd.DataFrame) -> dict[tuple[Any, ...], dict[Any, Any]]:
    """Rows by their axes and, should a point occur more than once, its number: no row hides another."""
    seen: Counter[tuple[Any, ...]] = Counter()
    found: dict[tuple[Any, ...], dict[Any, Any]] = {}
    for row in frame.to_dict(orient="records"):  # pyright: ignore
        axes = tuple(row[name] for name in AXES)
        found[(*axes, seen[axes]) if seen[axes] else axes] = row
        seen[axes] += 1
    return found
