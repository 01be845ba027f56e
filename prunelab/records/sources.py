"""Where records come from: what a word on the command line means."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Protocol

import pandas as pd

from prunelab.basics.choices import unknown
from prunelab.records.frame import load, studies

WHAT = "a study, a CSV file, a folder of W&B runs, or wandb:ENTITY/PROJECT[/GROUP]"


class Load(Protocol):
    """How a source is read."""

    def __call__(self, *, curves: bool = True) -> pd.DataFrame:
        """See `Source`."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
    """Records from somewhere.

    Attributes:
        name: what a report of them is called, and the study that it is of; fit for a folder.
        folder: name of the folder of its report; a table of a study's points leaves the study's own report alone.
        load: reads them, a frame with the columns of `prunelab.records.schema`; with `curves=False` the column `curve` may be empty, for a
            reader that does not need it and has less to wait for.
    """

    name: str
    load: Load
    folder: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", self.folder or self.name)


def source_of(word: str, *, home: Path) -> Source:
    """What `word` means: a study below `home`, a CSV file, a folder of offline W&B runs, or a W&B project.

    A study goes before a file or a folder of its name; write ./NAME for the latter. A table of one study, as its column `study` says, is
    named after it; another after its file.

    Raises:
        ValueError: if it is none of them.
    """
    from prunelab.records.from_wandb_api import PREFIX, load_wandb_project, parse_project

    records, path = home / "records", Path(word)
    if word.startswith(PREFIX):
        project = parse_project(word)
        return Source(
            name=project.group or project.project, load=lambda curves=True: load_wandb_project(project, cache=home / "cache" / "wandb")
        )
    names = studies(records)
    if word in names:
        return Source(name=word, load=lambda curves=True: load(records, word, curves=curves))
    if path.is_dir():
        from prunelab.records.from_wandb_files import load_wandb_files

        return Source(name=_folder_name(path), load=lambda curves=True: load_wandb_files(path))
    if path.is_file():
        from prunelab.records.from_csv import load_csv, study_of_csv

        study = study_of_csv(path) or path.stem
        folder = path.stem if study == path.stem else f"{study}-{path.stem}"
        return Source(name=study, load=lambda curves=True: load_csv(path), folder=folder)
    if "/" in word or path.suffix:
        raise ValueError(f"no file or folder {word!r}; give {WHAT}")
    raise ValueError(f"{unknown('study', word, names)} Give {WHAT}.")


def source_parts(word: str) -> list[str]:
    """A source and, after colons, what is meant of it: of `wandb:me/project:snip` the parts `wandb:me/project` and `snip`."""
    from prunelab.records.from_wandb_api import PREFIX

    if Path(word).exists():
        return [word]
    start = PREFIX if word.startswith(PREFIX) else ""
    source, *parts = word.removeprefix(start).split(":")
    return [start + source, *parts]


def _folder_name(path: Path) -> str:
    """The folder's own name; the one above where that is W&B's or says nothing."""
    path = path.resolve()
    return path.parent.name if path.name == "wandb" and path.parent.name else path.name or "wandb"
