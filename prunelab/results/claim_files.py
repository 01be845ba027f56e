"""Claims files: reading `experiments/NAME/claims.py`, evaluating it on a frame, and writing down what came out."""

from __future__ import annotations

import dataclasses
import importlib.util
import inspect
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from prunelab.basics.canonical import digest
from prunelab.records.schema import COLUMNS
from prunelab.results.claims import Claim, Verdict, undecided
from prunelab.results.frames import MissingData

if TYPE_CHECKING:
    from rich.table import Table

ClaimFunction = Callable[[pd.DataFrame], Claim]
_MARKS = {
    Verdict.HOLDS: "[green]holds[/]",
    Verdict.DOES_NOT_HOLD: "[red]does not hold[/]",
    Verdict.UNDECIDED: "[yellow]undecided[/]",
}


def load_claims(path: Path) -> list[ClaimFunction]:
    """The public functions that a claims file defines, in the order of the file.

    Raises:
        ValueError: if there is no such file, or it defines no public function.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"no claims file {path}")
    name = f"prunelab_claims_{digest(path.resolve())[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    functions = [
        value for key, value in vars(module).items() if inspect.isfunction(value) and value.__module__ == name and not key.startswith("_")
    ]
    if not functions:
        raise ValueError(f"{path} defines no public function; a claim is a function from a frame of records to a Claim")
    return functions


def evaluate(path: Path, frame: pd.DataFrame) -> list[Claim]:
    """Evaluate every claim of a file. Where data are missing the claim is undecided and says why.

    Raises:
        ValueError: if the file cannot be read as claims, or a function returns something else.
    """
    if frame.empty:
        frame = pd.DataFrame({column: pd.Series(dtype=object) for column in COLUMNS})
    return [_evaluate_one(function, frame) for function in load_claims(path)]


def _evaluate_one(function: ClaimFunction, frame: pd.DataFrame) -> Claim:
    try:
        claim = function(frame)
    except MissingData as missing:
        sentence = (inspect.getdoc(function) or function.__name__.replace("_", " ")).splitlines()[0]
        return undecided(sentence, "", str(missing))
    if not isinstance(claim, Claim):
        raise ValueError(f"{function.__name__} returned {type(claim).__name__}; a claim's function returns a Claim")
    return claim


def to_json(claims: Sequence[Claim]) -> str:
    """Claims as a JSON list, one object each, in order."""
    return json.dumps([dataclasses.asdict(claim) for claim in claims], indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_table(claims: Sequence[Claim]) -> Table:
    """Claims as a table for the terminal."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(show_lines=True)
    for heading in ("Verdict", "Claim", "Measured [95 % interval]", "Source"):
        table.add_column(heading)
    for claim in claims:
        sentence = escape(claim.sentence) + "".join(f"\n[dim]{escape(note)}[/]" for note in notes(claim))
        table.add_row(_MARKS[claim.verdict], sentence, escape(claim.measured_text), escape(claim.source))
    return table


def notes(claim: Claim) -> list[str]:
    """What a reader must know beside the verdict: seeds, what is missing, what would decide."""
    lines = [f"{claim.num_seeds} seed{'s' if claim.num_seeds != 1 else ''}"] if claim.num_seeds else []
    if claim.reason:
        lines.append(claim.reason)
    if claim.more_seeds is not None:
        lines.append(f"about {claim.more_seeds} more seed{'s' if claim.more_seeds != 1 else ''} would decide")
    return lines
