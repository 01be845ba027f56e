"""Texts of one's own: CSV, TSV and JSON-lines files, and data sets of the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prunelab.basics.checkpoints import MINILM
from prunelab.basics.choices import choose
from prunelab.datasets.splits import Splits
from prunelab.datasets.tokens import token_splits

_READERS = (".csv", ".tsv", ".jsonl")


def text_file(
    *,
    path: str,
    test_path: str | None = None,
    text: str = "text",
    label: str = "label",
    tokenizer: str = MINILM,
    max_length: int = 128,
    validation: int | float = 0.1,
    test: int | float = 0.2,
    split_seed: int = 0,
    max_train: int | None = None,
) -> Splits:
    """A file with one text and one label a row: .csv and .tsv with a header, .jsonl with an object a line.

    Args:
        path: the file.
        test_path: a file of its own for the test split.
        text: column of the text.
        label: column of the class; any strings or numbers, classes are numbered in sorted order.
        tokenizer: of the checkpoint that is trained.
        max_length: texts are cut to so many tokens.
        validation: rows set aside for validation, or a fraction.
        test: rows set aside for test, or a fraction; not used with `test_path`.
        split_seed: of the draws, balanced over classes.
        max_train: train on at most so many.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: for a kind of file or a column that is not there, or a label that is empty.
    """
    own = _rows(path, text, label)
    official = _rows(test_path, text, label) if test_path else None
    return _splits(own, official, tokenizer, max_length, validation, test, split_seed, max_train)


def hub_text(
    *,
    name: str,
    config: str | None = None,
    train_split: str = "train",
    test_split: str | None = "test",
    text: str = "text",
    label: str = "label",
    tokenizer: str = MINILM,
    max_length: int = 128,
    validation: int | float = 0.1,
    test: int | float = 0.2,
    split_seed: int = 0,
    max_train: int | None = None,
) -> Splits:
    """A text data set of the Hugging Face hub, by name (`imdb`, `glue` with config `sst2`, ...), or a folder in its format.

    Args:
        name: on the hub, or a folder.
        config: of a data set that has several.
        train_split: what is trained on and validation is drawn from.
        test_split: what is reported; null draws `test` examples from the training split.
        text: column of the text.
        label: column of the class.
        tokenizer: of the checkpoint that is trained.
        max_length: texts are cut to so many tokens.
        validation: examples set aside for validation, or a fraction.
        test: examples set aside for test, or a fraction; not used with `test_split`.
        split_seed: of the draws.
        max_train: train on at most so many.

    Raises:
        ValueError: if the library is missing, or the data set, a split or a column is not there.
    """
    try:
        import datasets
    except ImportError as error:
        raise ValueError("hub_text needs the package datasets: pip install 'prunelab[text]'") from error
    try:
        found: Any = datasets.load_dataset(name, config)
    except Exception as error:
        raise ValueError(f"no data set {name!r} could be read: {str(error).splitlines()[0]}") from error

    def rows(split: str) -> tuple[list[str], list[str]]:
        part = found[choose("split", split, list(found))]
        columns = [choose("column", column, part.column_names) for column in (text, label)]
        return [str(value) for value in part[columns[0]]], [str(value) for value in part[columns[1]]]

    official = rows(test_split) if test_split else None
    return _splits(rows(train_split), official, tokenizer, max_length, validation, test, split_seed, max_train)


def _rows(path: str, text: str, label: str) -> tuple[list[str], list[str]]:
    import pandas as pd

    file = Path(path).expanduser()
    if not file.is_file():
        raise FileNotFoundError(f"{file} is no file; say where the texts are with dataset.path=FILE (or dataset.test_path)")
    kind = choose("kind of file", file.suffix.lower(), _READERS)
    frame = pd.read_json(file, lines=True) if kind == ".jsonl" else pd.read_csv(file, sep="," if kind == ".csv" else "\t")
    columns = [choose(f"column of {file.name}", column, [str(name) for name in frame.columns]) for column in (text, label)]
    empty = frame[columns].isna().any(axis=1)
    if empty.any():
        raise ValueError(f"row {int(empty.argmax()) + 1} of {file} has no {text} or no {label}; mend or delete it")
    return [str(value) for value in frame[columns[0]]], [str(value) for value in frame[columns[1]]]


def _splits(
    own: tuple[Sequence[str], Sequence[str]],
    official: tuple[Sequence[str], Sequence[str]] | None,
    tokenizer: str,
    max_length: int,
    validation: float,
    test: float,
    split_seed: int,
    max_train: int | None,
) -> Splits:
    classes = sorted({*own[1], *(official[1] if official else ())}, key=_numbers_first)
    numbers = {name: number for number, name in enumerate(classes)}
    if len(classes) < 2:
        raise ValueError(f"all texts have the label {classes}; a classifier needs two")
    return token_splits(
        texts=own[0],
        labels=[numbers[name] for name in own[1]],
        tokenizer=tokenizer,
        max_length=max_length,
        validation=_count("validation", validation, len(own[0])),
        test=(official[0], [numbers[name] for name in official[1]]) if official else _count("test", test, len(own[0])),
        split_seed=split_seed,
        max_train=max_train,
    )


def _numbers_first(name: str) -> tuple[float, str]:
    """10 comes after 9."""
    return (float(name) if name.replace(".", "", 1).isdigit() else float("inf"), name)


def _count(what: str, asked: float, total: int) -> int:
    if asked < 0 or (isinstance(asked, float) and asked >= 1):
        raise ValueError(f"{what} = {asked} must be a number of texts, or a fraction below 1")
    return round(asked * total) if isinstance(asked, float) else asked
