"""The page of an inspection, and its tables as CSV."""

from __future__ import annotations

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

TITLES = {
    "overlap": "Overlap of masks", "agreement": "Agreement of criteria", "exemplars": "Exemplars", "calibration": "Calibration",
}  # fmt: skip


def write_inspection(found: Inspection, directory: Path, *, command: str, page_of_report: str = "") -> Path:
    """Write `inspect.html`, and each table as `inspect_NAME.csv`, into a folder; the page last.

    Args:
        found: what is shown.
        directory: made if it does not exist.
        command: that made it.
        page_of_report: file name of the study's report beside it, to link to; "" if there is none.

    Returns:
        The path of the page.
    """
    page = render(found, command=command, page_of_report=page_of_report)
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".inspect-", dir=directory) as workshop:
        made = []
        for part in found.parts.values():
            for name, table in part.tables.items():
                made.append(Path(workshop) / csv_name(name))
                table.to_csv(made[-1], index=False, lineterminator="\n")
        html = Path(workshop) / INSPECTION_NAME
        html.write_text(page, encoding="utf-8")
        for path in [*made, html]:
            path.replace(directory / path.name)
    return directory / INSPECTION_NAME


def csv_name(table: str) -> str:
    """File name of a table."""
    return f"inspect_{table}.csv"


def render(found: Inspection, *, command: str, page_of_report: str = "") -> str:
    """The page as text; see `write_inspection`."""
    drawn: list[dict[str, Any]] = []
    missing: list[tuple[str, str]] = []
    contents = []
    for name in found.parts:
        figures, galleries, sections = _CONTENTS[name](found)
        shown = pictures([figure for figure in figures if not isinstance(figure, Absent)])
        drawn += shown
        shown_galleries = [entry for entry in galleries if not isinstance(entry, Absent)]
        contents.append(
            {"key": name, "title": TITLES[name], "figures": shown, "galleries": shown_galleries, "sections": [s for s in sections if s]}
        )
        missing += [(entry.title, entry.reason) for entry in (*figures, *galleries) if isinstance(entry, Absent)]
        missing += [(TITLES[name], note) for note in found.parts[name].notes]
    command_of = f"prunelab inspect {shlex.quote(found.study)} --only"
    missing += [(TITLES[name], f"Not asked for; `{command_of} {name}` computes it.") for name in PARTS if name not in found.parts]
    return render_page(
        "inspect.html.j2",
        drawn,
        title=f"{found.study}: masks and networks",
        description="What was computed from the masks and networks in the store, beyond what records show.",
        facts=found.facts,
        contents=contents,
        missing=missing,
        files=[csv_name(table) for part in found.parts.values() for table in part.tables],
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
