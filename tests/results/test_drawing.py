"""Figures for papers that other processes draw."""

from __future__ import annotations

import io
import multiprocessing
import re
import subprocess
import sys
import zlib

import pytest
from fontTools.ttLib import TTFont

from prunelab.results import drawing, figures_paper
from prunelab.results.figures import figures
from prunelab.results.frames import checked
from prunelab.results.paper_styles import STYLES

STYLE = STYLES["paper"]
SCRIPT = """
from prunelab.results.drawing import drawing
from prunelab.results.figure_parts import Axis, Line, LineFigure, Panel
from prunelab.results.look import style
from prunelab.results.paper_styles import STYLES

line = Line(label="a", x=(1.0, 2.0), y=(1.0, 2.0), low=(1.0, 2.0), high=(1.0, 2.0), style=style(0))
figure = LineFigure(
    key="plain", title="t", caption="c", alternative="a", x=Axis(title="x"), y=Axis(title="y"), panels=(Panel(title="", lines=(line,)),)
)
print("this line is said once")
with drawing(DIRECTORY, STYLES["paper"]) as save:
    saved = save(figure)
print(*(path.name for path in saved.result()))
"""


@pytest.fixture
def drawn(to_frame, make_study):
    return figures(checked(to_frame(make_study(levels=3, controls=("reinit",)))))[0]


def test_others_draw_what_this_process_would(drawn, tmp_path):
    (tmp_path / "here").mkdir()
    with drawing.drawing(tmp_path, STYLE) as save:
        saved = [save(figure) for figure in drawn]
    assert len(saved) == len(drawn) > 2
    for figure, one in zip(drawn, saved, strict=True):
        for here, there in zip(figures_paper.save(figure, tmp_path / "here", STYLE), one.result(timeout=0), strict=True):
            assert there == tmp_path / here.name
            assert there.read_bytes() == here.read_bytes()


def test_an_error_here_or_there_is_said_and_nothing_is_drawn_after_it(drawn, tmp_path):
    (folder := tmp_path / "gone").mkdir()
    with drawing.drawing(folder, STYLE) as save:
        folder.rmdir()
        saved = save(drawn[0])
    with pytest.raises(FileNotFoundError, match="gone"):
        saved.result(timeout=0)

    begun = []

    def fail() -> None:
        begun.extend(save(figure) for figure in drawn)
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"), drawing.drawing(tmp_path, STYLE) as save:
        fail()
    assert all(one.done() for one in begun)


def test_a_process_that_may_start_none_draws_by_itself(drawn, tmp_path, monkeypatch):
    monkeypatch.setattr(multiprocessing.process._current_process, "_config", {"daemon": True})
    drawing.get_ready()
    with drawing.drawing(tmp_path, STYLE) as save:
        assert all(path.is_file() for path in save(drawn[0]).result(timeout=0))


def test_a_script_needs_no_guard(tmp_path):
    (tmp_path / "script.py").write_text(f"from pathlib import Path\nDIRECTORY = Path({str(tmp_path)!r})\n{SCRIPT}")
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n") == ["this line is said once", "plain.png plain.svg plain.pdf", ""]


def test_fonts_in_a_pdf_have_no_tables_that_only_typesetting_needs(drawn, tmp_path):
    pdf = figures_paper.save(drawn[0], tmp_path, STYLE)[2].read_bytes()
    streams = [zlib.decompress(found) for found in re.findall(rb"/FlateDecode.*?stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)]
    fonts = [TTFont(io.BytesIO(stream)) for stream in streams if stream.startswith(b"\x00\x01\x00\x00")]
    assert fonts
    for font in fonts:
        assert {"glyf", "loca", "hmtx"} <= set(font.keys())
        assert not {"GPOS", "GSUB", "GDEF", "kern"} & set(font.keys())
