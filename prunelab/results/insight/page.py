"""The page of an inspection, its figures for papers, and its tables as CSV."""

from __future__ import annotations

import dataclasses
import shlex
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from prunelab.results.figure_parts import Absent, Figure, Gallery
from prunelab.results.insight.agreement import agreement_figures, agreement_section
from prunelab.results.insight.calibration import calibration_figures, calibration_section
from prunelab.results.insight.exemplars import exemplar_figures, exemplar_sections, gallery
from prunelab.results.insight.found import PARTS, Inspection
from prunelab.results.insight.overlap import overlap_figures, overlap_section
from prunelab.results.page import pictures, render_page
from prunelab.results.report import INSPECTION_NAME
from prunelab.results.sections import Section

PREFIX = "inspect_"  # of files beside the page
TITLES = {
    "overlap": "Overlap of masks", "agreement": "Agreement of criteria", "exemplars": "Exemplars", "calibration": "Calibration",
}  # fmt: skip


def write_inspection(found: Inspection, directory: Path, *, command: str, page_of_report: str = "", style: str = "paper") -> Path:
    """Write `inspect.html`, and as `inspect_NAME` each figure as PNG, SVG and PDF and each table as CSV, into a folder; the page last.

    Args:
        found: what is shown.
        directory: made if it does not exist. Figures and tables of an earlier page that this one has not are removed.
        command: that made it.
        page_of_report: file name of the study's report beside it, to link to; "" if there is none.
        style: of the figures for papers, as for `report.write_report`.

    Returns:
        The path of the page.

    Raises:
        ValueError: for an unknown style.
    """
    from prunelab.results.drawing import drawing
    from prunelab.results.paper_styles import FORMATS, paper_style

    look, directory = paper_style(style), Path(directory)
    contents = _contents(found)
    directory.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix=".inspect-", dir=directory) as name,
        drawing(workshop := Path(name), look, prefix=PREFIX) as drawn,
    ):
        for figure in (figure for content in contents for figure in content.figures):
            drawn.save(figure)
        made = []
        for part in found.parts.values():
            for table, rows in part.tables.items():
                made.append(workshop / csv_name(table))
                rows.to_csv(made[-1], index=False, lineterminator="\n")
        html = workshop / INSPECTION_NAME
        html.write_text(_render(found, contents, command=command, page_of_report=page_of_report, formats=FORMATS), encoding="utf-8")
        made += drawn.paths()
        for path in [*made, html]:
            path.replace(directory / path.name)
    for path in directory.glob(f"{PREFIX}*"):
        if path.suffix[1:] in (*FORMATS, "csv") and path.name not in {own.name for own in made}:
            path.unlink()
    return directory / INSPECTION_NAME


def csv_name(table: str) -> str:
    """File name of a table."""
    return f"{PREFIX}{table}.csv"


def render(found: Inspection, *, command: str, page_of_report: str = "") -> str:
    """The page alone, as text; see `write_inspection`."""
    return _render(found, _contents(found), command=command, page_of_report=page_of_report, formats=())


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Content:
    """What the page shows of one part.

    Attributes:
        part: its name.
        figures: that could be drawn.
        galleries: likewise.
        sections: its tables.
        absent: what could not be drawn, and why.
    """

    part: str
    figures: list[Figure]
    galleries: list[Gallery]
    sections: list[Section]
    absent: list[Absent]


def _contents(found: Inspection) -> list[_Content]:
    contents = []
    for part in found.parts:
        figures, galleries, sections = _CONTENTS[part](found)
        contents.append(
            _Content(
                part=part,
                figures=[entry for entry in figures if not isinstance(entry, Absent)],
                galleries=[entry for entry in galleries if not isinstance(entry, Absent)],
                sections=[entry for entry in sections if entry],
                absent=[entry for entry in (*figures, *galleries) if isinstance(entry, Absent)],
            )
        )
    return contents


def _render(found: Inspection, contents: Sequence[_Content], *, command: str, page_of_report: str, formats: Sequence[str]) -> str:
    drawn: list[dict[str, Any]] = []
    missing: list[tuple[str, str]] = []
    parts = []
    for content in contents:
        shown = pictures(content.figures, prefix=PREFIX)
        drawn += shown
        title = TITLES[content.part]
        parts.append({"key": content.part, "title": title, "figures": shown, "galleries": content.galleries, "sections": content.sections})
        missing += [(entry.title, entry.reason) for entry in content.absent]
        missing += [(title, note) for note in found.parts[content.part].notes]
    command_of = f"prunelab inspect {shlex.quote(found.study)} --only"
    missing += [(TITLES[name], f"Not asked for; `{command_of} {name}` computes it.") for name in PARTS if name not in found.parts]
    return render_page(
        "inspect.html.j2",
        drawn,
        title=f"{found.study}: masks and networks",
        description="What was computed from the masks and networks in the store, beyond what records show.",
        facts=found.facts,
        contents=parts,
        missing=missing,
        files=[csv_name(table) for part in found.parts.values() for table in part.tables],
        formats=formats,
        command=command,
        page_of_report=page_of_report,
    )


_Contents = tuple[Sequence[Figure | Absent], Sequence[Gallery | Absent], Sequence[Section | None]]
_CONTENTS: dict[str, Callable[[Inspection], _Contents]] = {
    "overlap": lambda found: (overlap_figures(found), (), (overlap_section(found),)),
    "agreement": lambda found: (agreement_figures(found), (), (agreement_section(found),)),
    "exemplars": lambda found: (exemplar_figures(found), (gallery(found),), exemplar_sections(found)),
    "calibration": lambda found: (calibration_figures(found), (), (calibration_section(found),)),
}
