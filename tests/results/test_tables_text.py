from __future__ import annotations

import html.parser
import re
import shutil
import subprocess

import pytest

from prunelab.results.sections import Section
from prunelab.results.tables import LevelTable
from prunelab.results.tables_text import latex, markdown, text_tables

HOSTILE = r"a_b$%&#{}~^\<script>|*x*`y`[z](u) -- 1--2 &amp; @me" + "\nnext\x00"
HEADER = r"""\documentclass{article}
\usepackage{array,booktabs}
\begin{document}
\input{tables.tex}
\end{document}
"""


def level_table(headings, rows, caption="Test accuracy, %"):
    return LevelTable(caption=caption, headings=headings, rows=rows, each_seed=rows)


class Cells(html.parser.HTMLParser):
    """The text of each cell of each row."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self._inside = tag in ("td", "th") or (self._inside and tag not in ("tr",))
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        self._inside = self._inside and tag not in ("td", "th")

    def handle_data(self, data):
        if self._inside:
            self.rows[-1][-1] += data


def said(words: str) -> str:
    return re.sub(r"[\s\x00]+", " ", words).strip()


@pytest.fixture
def hostile():
    levels = [level_table(("Method", HOSTILE), (("[a]", "91.0 ± 2.5"), (HOSTILE, "−3.0")), caption=HOSTILE)]
    section = Section(
        key="tests", title="Tests", lede=HOSTILE, headings=("Against", "Notes"), rows=(("dense", "word " * 20), ("*", HOSTILE))
    )
    return text_tables(levels, [section])


def test_markdown_shows_every_name_as_it_is(hostile):
    markdown_it = pytest.importorskip("markdown_it")
    text = markdown(hostile, HOSTILE)
    page = Cells(markdown_it.MarkdownIt("commonmark", {"html": True}).enable("table").render(text))
    assert page.rows[:3] == [["Method", said(HOSTILE)], ["[a]", "91.0 ± 2.5"], [said(HOSTILE), "−3.0"]]
    assert page.rows[3:] == [["Against", "Notes"], ["dense", said("word " * 20)], ["*", said(HOSTILE)]]
    assert not page.tags & {"script", "em", "code", "a"}
    assert not re.search(r"(?<!\\)\$", text), "GitHub would read it as mathematics"


def test_latex_has_a_float_a_table_and_escapes_names(hostile):
    text = latex(hostile, HOSTILE)
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == text.count(r"\toprule") == text.count(r"\caption{") == 2
    assert r":levels-1}" in text
    assert r"\label{tab:a-b-script-x-y-z-u-1-2-amp-me-next:tests}" in text
    escaped = r"a\_b\$\%\&\#\{\}\textasciitilde{}\textasciicircum{}\textbackslash{}\textless{}script\textgreater{}"
    assert text.count(escaped) == 5
    assert "1-{}-2" in text
    assert r"{}[a] & 91.0 $\pm$ 2.5 \\" in text, "a bracket after the end of a row would be its option"
    assert "$-$3.0" in text
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    assert body.count("{") - 2 * body.count(r"\{") == body.count("}") - 2 * body.count(r"\}")
    assert body.isascii()
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", text)


def test_many_weights_left_become_rows():
    headings = ("Method", *(f"{left}" for left in range(20)))
    table = level_table(headings, (("a", *(f"a{left}" for left in range(20))), ("b", *(f"b{left}" for left in range(20)))))
    text = latex(text_tables([table], []), "t")
    assert r"Weights left, \% & a & b \\" in text
    assert r"19 & a19 & b19 \\" in text
    assert r"\begin{tabular}{@{}lrr@{}}" in text


def test_a_report_writes_both_and_links_them(study, tmp_path):
    from prunelab.results.report import write_report

    page = write_report(study, tmp_path, title="Tickets").read_text(encoding="utf-8")
    tables = [(tmp_path / name).read_text(encoding="utf-8") for name in ("tables.md", "tables.tex")]
    for name, text in zip(("tables.md", "tables.tex"), tables, strict=True):
        assert f'href="{name}"' in page
        assert "Statistics over seeds" in text
        assert "Reinitialised" in text
    write_report(study[study["kind"] == "barrier"], tmp_path, title="Barriers")
    assert not (tmp_path / "tables.md").exists()
    assert 'href="tables.md"' not in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex on this machine")
def test_latex_compiles(hostile, study, tmp_path):
    from prunelab.results.report import write_report

    write_report(study, tmp_path / "report", title="Tickets")
    for text in (latex(hostile, HOSTILE), (tmp_path / "report/tables.tex").read_text(encoding="utf-8")):
        (tmp_path / "tables.tex").write_text(text, encoding="utf-8")
        (tmp_path / "paper.tex").write_text(HEADER)
        done = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"], cwd=tmp_path, capture_output=True)
        assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
