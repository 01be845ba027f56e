"""The tables of a report as text, for a README (Markdown as GitHub reads it) and for a paper (LaTeX with booktabs)."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from prunelab.results.sections import Section
from prunelab.results.tables import LevelTable
from prunelab.results.units import MINUS, NONE, THIN

_MANY = 9  # columns; of more, those of one method a row are turned into rows
_LINE = 90  # letters and gaps that fit on a line of 5.5 inches in footnote size
_GAP = 2  # letters
_PROSE, _WORD = 40, 10  # letters; longer cells are counted as that long, and shorter ones are never broken
_BLANKS = re.compile("[\\s\x00-\x1f\x7f]+")
_LATEX_BLANKS = re.compile("[\x00-\x20\x7f\x85\u2028\u2029]+")  # thin and unbreakable spaces have a meaning there
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~$&])")
_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    MINUS: "$-$", NONE: "--", THIN: r"\,", "\N{PLUS-MINUS SIGN}": r"$\pm$", "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{MIDDLE DOT}": r"$\cdot$", "\N{NO-BREAK SPACE}": "~",
}  # fmt: skip
_LATEX_CHARACTER = re.compile("[" + re.escape("".join(_LATEX)) + "]|-(?=-)")
_LATEX_HEAD = r"""% %s
% Needs \usepackage{array,booktabs}. Letters beyond Latin ones, if names have any, need XeLaTeX or LuaLaTeX and a font that has them.
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextTable:
    """One table, its cells as they are said to people.

    Attributes:
        label: what LaTeX refers to, after `tab:` and the title.
        caption: what is in it.
        note: how it was computed.
        headings: of the columns.
        rows: cells in order of the headings.
    """

    label: str
    caption: str
    note: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def text_tables(levels: Sequence[LevelTable], sections: Sequence[Section]) -> list[TextTable]:
    """The tables of a report in its order: means of each level, then statistics, tests, and what else there is."""
    means = "Mean over seeds \N{PLUS-MINUS SIGN} half the 95 % interval, or [low, high] where it is not symmetric."
    return [
        *(
            TextTable(label=f"levels-{number}", caption=table.caption, note=means, headings=table.headings, rows=table.rows)
            for number, table in enumerate(levels, start=1)
        ),
        *(
            TextTable(label=section.key, caption=section.title, note=section.lede, headings=section.headings, rows=section.rows)
            for section in sections
        ),
    ]


def markdown(tables: Sequence[TextTable], title: str) -> str:
    """All tables as one Markdown file. Every character that Markdown or GitHub would read is escaped."""
    parts = [f"# {_plain_markdown(title)}\n"]
    for table in tables:
        lines = [
            _markdown_row(table.headings),
            "|" + "|".join(":--" if index == 0 or length == _PROSE else "--:" for index, length in enumerate(_longest(table))) + "|",
            *(_markdown_row(row) for row in table.rows),
        ]
        parts.append(f"## {_plain_markdown(table.caption)}\n\n{_plain_markdown(table.note)}\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def latex(tables: Sequence[TextTable], title: str) -> str:
    r"""All tables as one file to `\input`, each a float with a caption and the label `tab:TITLE:...`.

    A table of many levels with a row a method has a column a method instead. Where rows are longer than a line, long cells are broken.
    """
    label = re.sub("[^a-z0-9]+", "-", title.lower()).strip("-")
    return "\n".join([_LATEX_HEAD.replace("%s", _BLANKS.sub(" ", title)), *(_latex_table(table, label) for table in tables)])


def _latex_table(table: TextTable, study: str) -> str:
    turned = len(table.headings) > max(_MANY, len(table.rows) + 1)
    headings, rows = _turned(table) if turned else (table.headings, table.rows)
    table = dataclasses.replace(table, headings=headings, rows=rows)
    columns = _columns(table)
    size = r"\small" if _length(table) <= _LINE else r"\footnotesize\setlength{\tabcolsep}{3pt}"
    body = [_latex_row(headings), r"\midrule", *map(_latex_row, rows)]
    return "\n".join([
        r"\begin{table}", r"\centering", rf"\caption{{{_plain_latex(table.caption)}. {_plain_latex(table.note)}}}",
        rf"\label{{tab:{study}:{table.label}}}", size, rf"\begin{{tabular}}{{@{{}}{columns}@{{}}}}", r"\toprule", *body, r"\bottomrule",
        r"\end{tabular}", r"\end{table}", "",
    ])  # fmt: skip


def _turned(table: TextTable) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Rows as columns; the corner says what the new rows are."""
    corner = "Weights left, %" if table.headings[0] == "Method" else ""
    return (corner, *(row[0] for row in table.rows)), tuple(zip(table.headings[1:], *(row[1:] for row in table.rows), strict=True))


def _columns(table: TextTable) -> str:
    """LaTeX's letters for the columns: the first to the left, numbers to the right, and broken cells where a row needs more than a line."""
    longest = _longest(table)
    whole = _length(table)
    broken = [length == _PROSE or (whole > _LINE and length > _WORD) for length in longest]
    free = 1 - sum(length + _GAP for length, breaks in zip(longest, broken, strict=True) if not breaks) / _LINE
    room = sum(length for length, breaks in zip(longest, broken, strict=True) if breaks)
    letters = []
    for index, (length, breaks) in enumerate(zip(longest, broken, strict=True)):
        width = max(0.05, (free * length / room) - _GAP / _LINE) if breaks else 0.0
        letters.append(rf">{{\raggedright\arraybackslash}}p{{{width:.3f}\linewidth}}" if breaks else "l" if index == 0 else "r")
    return "".join(letters)


def _longest(table: TextTable) -> list[int]:
    return [min(_PROSE, max(len(row[index]) for row in (table.headings, *table.rows))) for index in range(len(table.headings))]


def _length(table: TextTable) -> int:
    return sum(_longest(table)) + _GAP * len(table.headings)


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_plain_markdown, cells))} |"


def _plain_markdown(words: str) -> str:
    return _MARKDOWN.sub(r"\\\1", _BLANKS.sub(" ", words).strip())


def _latex_row(cells: Sequence[str]) -> str:
    first, *others = map(_plain_latex, cells)
    # after the end of a row, a bracket or a star would be read as that row's option
    first = f"{{}}{first}" if first.startswith(("[", "*")) else first
    return " & ".join([first, *others]) + r" \\"


def _plain_latex(words: str) -> str:
    # two hyphens would be joined to a dash
    return _LATEX_CHARACTER.sub(lambda found: _LATEX.get(found[0], "-{}"), _LATEX_BLANKS.sub(" ", words).strip())
