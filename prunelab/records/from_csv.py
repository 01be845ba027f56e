"""Any CSV file as a frame of records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from prunelab.records.rows import frame_of_rows
from prunelab.records.writer import is_study_name

RATIO = "compression_ratio"


def load_csv(path: Path) -> pd.DataFrame:
    """The rows of a CSV file, such as the `points.csv` of a report or a table made elsewhere; see `frame_of_rows`.

    A table without compression ratios gets those of its sparsities, as if every weight were prunable.

    Raises:
        ValueError: if it is no CSV, has no rows, or lacks what a report needs.
    """
    cells = _cells(path)
    if cells.empty:
        raise ValueError(f"{path} has no rows")
    rows: list[dict[str, Any]] = [{str(name): value for name, value in row.items()} for row in cells.to_dict("records")]
    frame = frame_of_rows(rows, source=str(path), study=path.stem)
    if RATIO not in cells.columns:
        left = 1 - frame["sparsity"].where(frame["kind"] == "point")
        frame[RATIO] = 1 / left.where(left > 0)
    return frame


def study_of_csv(path: Path) -> str:
    """The one study that a CSV file's column `study` names; "" if it names none, several, or none that is fit for a folder.

    Raises:
        ValueError: if it is no CSV.
    """
    named = set(_cells(path, only="study").get("study", pd.Series(dtype=str)))
    study = str(named.pop()) if len(named) == 1 else ""
    return study if is_study_name(study) else ""


def _cells(path: Path, only: str = "") -> pd.DataFrame:
    try:
        # as text: a digest of digits alone is no number, and a float is read to the last bit by Python, not by pandas
        wanted = (lambda name: name == only) if only else None
        return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", usecols=wanted)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a table of comma-separated values: {error}") from error
