"""The report: one HTML page that opens without a network, and beside it figures and tables for a paper and the points as CSV."""

from __future__ import annotations

import math
import re
import shlex
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd

from prunelab.basics.garbage import no_collections
from prunelab.records.rows import ACCURACIES
from prunelab.records.to_csv import to_csv
from prunelab.results.claim_files import notes
from prunelab.results.claims import Claim
from prunelab.results.figure_parts import Absent, Figure
from prunelab.results.figures import FIGURES, figures
from prunelab.results.frames import checked, points
from prunelab.results.front_table import front_table
from prunelab.results.page import Live, pictures, render_page
from prunelab.results.remembering import remembered, remembering
from prunelab.results.sections import Section, sections
from prunelab.results.summary import caveats, headline
from prunelab.results.tables import LevelTable, level_tables
from prunelab.results.tables_text import TextTable, latex, markdown, text_tables
from prunelab.results.units import percent

PAGE_NAME = "report.html"
POINTS_NAME = "points.csv"
ACCURACY = "test_top1"  # what figures, tables and sentences are about
INSPECTION_NAME = "inspect.html"
TABLES_NAMES = ("tables.md", "tables.tex")
_INSPECT = "Overlap of masks, agreement of criteria, exemplars and calibration need the networks themselves:"
_FIGURE_KEYS = tuple(make.__name__.removesuffix("_figure") for make in FIGURES)
_SAFE_WORD = re.compile(r"[\w./:=,-]+")


@no_collections()
@remembering()
def write_report(
    frame: pd.DataFrame,
    directory: Path,
    *,
    title: str,
    description: str = "",
    claims: Sequence[Claim] | None = None,
    inspect: str = "",
    style: str = "paper",
) -> Path:
    """Write `report.html`, `points.csv`, `tables.md`, `tables.tex` and each figure as PNG, SVG and PDF into a folder.

    Everything is made in a temporary folder and then moved file by file, the page last, so a reader never sees half a
    file, and a page never lacks its figures.

    Args:
        frame: records, columns as in `prunelab.records.schema.COLUMNS`.
        directory: made if it does not exist. Figures of an earlier report that no longer exist are removed.
        title: heading of the page.
        description: a paragraph under it.
        claims: shown with their verdicts, if given.
        inspect: command that looks into the masks and networks, whose page is linked to once it is there; "" if there is no store.
        style: of the figures for papers: `paper`, `column`, `slides`, or the path of an `.mplstyle` file (`paper_styles.paper_style`).

    Returns:
        The path of the page.

    Raises:
        ValueError: if the frame is empty, lacks columns, or holds a point twice; if its networks have an accuracy, but none that of the
            report; for an unknown style.
    """
    from prunelab.results.drawing import drawing
    from prunelab.results.paper_styles import FORMATS, paper_style

    look = paper_style(style)
    frame = checked(frame)
    _check_accuracy(frame)
    directory = Path(directory)
    words = {"title": title, "description": description}
    inspected = INSPECTION_NAME if (directory / INSPECTION_NAME).is_file() else ""
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".report-", dir=directory) as name, drawing(workshop := Path(name), look) as saved:
        drawn, absent = figures(frame, saved.save)
        if inspect and not inspected:
            absent.append(Absent(key="inspect", title="Masks and networks", reason=f"{_INSPECT} `{inspect}` computes it."))
        tables = text_tables(_level_tables(frame), _sections(frame))
        files = {"formats": FORMATS, "tables_files": TABLES_NAMES if tables else (), "inspected": inspected}
        html, table = workshop / PAGE_NAME, workshop / POINTS_NAME
        with ThreadPoolExecutor(1) as meanwhile:
            written = meanwhile.submit(lambda: table.write_bytes(to_csv(frame)))
            html.write_text(render(frame, drawn, absent, **words, **files, claims=claims), encoding="utf-8")
            written.result()
        made = [*_write_tables(tables, workshop, title), *saved.paths()]
        for path in [*made, table, html]:
            path.replace(directory / path.name)
    _remove_stale(directory, {path.name for path in made}, FORMATS)
    return directory / PAGE_NAME


def _check_accuracy(frame: pd.DataFrame) -> None:
    """Check that the report has something to show of networks that have an accuracy.

    Raises:
        ValueError: if all have only another accuracy than the report shows.
    """
    rows = points(frame)
    others = [name for name in ACCURACIES if rows[name].notna().any()]
    if others and ACCURACY not in others:
        raise ValueError(
            f"a report is about {ACCURACY}, which none of the {len(rows)} networks has; they have {', '.join(others)}. If one of these is "
            f"the test accuracy, call it {ACCURACY}; else `prunelab compare --measure {others[0]}` takes it as it is."
        )


@remembered
def _level_tables(frame: pd.DataFrame) -> list[LevelTable]:
    return [
        *level_tables(frame, ACCURACY, "Test accuracy"),
        *level_tables(frame, "early_stop_step", "Step of lowest validation loss"),
    ]


@remembered
def _sections(frame: pd.DataFrame) -> list[Section]:
    return [section for section in (front_table(frame), *sections(frame)) if section]


def _write_tables(tables: list[TextTable], directory: Path, title: str) -> list[Path]:
    """Markdown and LaTeX; nothing if there is no table."""
    written = []
    for name, text in zip(TABLES_NAMES, (markdown, latex), strict=True):
        if tables:
            written.append(directory / name)
            written[-1].write_text(text(tables, title), encoding="utf-8")
    return written


def render(
    frame: pd.DataFrame,
    drawn: Sequence[Figure],
    absent: Sequence[Any],
    *,
    title: str,
    description: str = "",
    claims: Sequence[Claim] | None = None,
    formats: Sequence[str] = (),
    tables_files: Sequence[str] = (),
    inspected: str = "",
    live: Live | None = None,
) -> str:
    """The page as text; see `write_report`. Each figure links to its files of these formats beside the page, the tables to theirs.

    `inspected` is the file name of the page of `prunelab inspect` beside it; "" if there is none.
    """
    return render_page(
        "report.html.j2",
        pictures(drawn),
        live=live,
        title=title,
        description=description,
        facts=_facts(frame),
        headline=headline(frame),
        caveats=caveats(frame),
        claims=[{"claim": claim, "notes": notes(claim)} for claim in claims or ()],
        formats=formats,
        absent=absent,
        tables=_level_tables(frame),
        sections=_sections(frame),
        tables_files=tables_files,
        inspected=inspected,
        environment=_environment(frame),
        commands=_commands(frame),
    )


def _facts(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """The study at a glance."""
    rows = points(frame)
    facts = []
    for heading, column in (("Model", "model"), ("Data", "dataset"), ("Criterion", "criterion"), ("Schedule", "schedule")):
        values = [value for value in dict.fromkeys((rows if len(rows) else frame)[column]) if value]
        if values:
            facts.append((heading, ", ".join(values[:4]) + (f" and {len(values) - 4} more" if len(values) > 4 else "")))
    facts.append(("Networks", f"{len(rows):,}"))
    facts.append(("Seeds", str(rows["seed"].nunique())))
    if rows.loc[rows["level"] > 0, "sparsity"].notna().any():
        facts.append(("Smallest", f"{percent(1 - rows['sparsity'].max())} of weights"))
    return facts


def _environment(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """Where the numbers come from; several values where the study ran in several places."""
    named = (
        ("prunelab", "prunelab_version"), ("Commit", "git_commit"), ("torch", "torch_version"), ("Device", "device"),
        ("Threads", "threads"),
    )  # fmt: skip
    found = []
    for heading, column in named:
        values = [str(value) for value in dict.fromkeys(frame[column].dropna()) if str(value)]
        found.append((heading, ", ".join(values) or "not recorded"))
    written = frame["created_at"].dropna().astype(str)
    if len(written):
        found.append(("Written", f"{written.min()} to {written.max()}" if written.nunique() > 1 else written.iloc[0]))
    if frame["train_seconds"].notna().any():
        found.append(("Time in training steps", f"{frame['train_seconds'].sum():,.0f} s over all networks"))
    mirrored = frame["wandb_id"].dropna().nunique()
    if mirrored:
        found.append(("W&B runs", f"{mirrored:,}"))
    return found


def _commands(frame: pd.DataFrame) -> list[str]:
    """For each study, the commands that run it again: one for a whole sweep. None for rows that say neither job nor commit."""
    commands = []
    ran = (frame["overrides"].fillna("") != "") | (frame["git_commit"].fillna("") != "")
    for study, jobs in frame[ran & (frame["study"] != "")].groupby("study", sort=False):
        overrides = [str(job or "").split() for job in jobs["overrides"].drop_duplicates()]
        overrides = [words if any(_key(w) == "experiment" for w in words) else [f"experiment={study}", *words] for words in overrides]
        commands += ["prunelab run " + " ".join(map(_quoted, words)) for words in _sweep(overrides) or overrides]
    return commands


def _key(override: str) -> str:
    return override.partition("=")[0]


def _sweep(jobs: list[list[str]]) -> list[list[str]] | None:
    """The one command that makes all jobs, if they are every combination of the values they have."""
    keys = [_key(word) for word in jobs[0]]
    if len(jobs) < 2 or any([_key(word) for word in words] != keys for words in jobs):
        return None
    values = {key: list(dict.fromkeys(words[place].partition("=")[2] for words in jobs)) for place, key in enumerate(keys)}
    if len(values) < len(keys) or math.prod(map(len, values.values())) != len(jobs) or any("," in v for vs in values.values() for v in vs):
        return None
    return [["-m", *(f"{key}={','.join(found)}" for key, found in values.items())]]


def _quoted(word: str) -> str:
    return word if _SAFE_WORD.fullmatch(word) else shlex.quote(word)


def _remove_stale(directory: Path, made: set[str], formats: Sequence[str]) -> None:
    for name in (*(f"{key}.{extension}" for key in _FIGURE_KEYS for extension in formats), *TABLES_NAMES):
        if name not in made:
            (directory / name).unlink(missing_ok=True)
