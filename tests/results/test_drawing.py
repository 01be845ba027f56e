"""Figures for papers that other processes draw."""

from __future__ import annotations

import io
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path

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
with drawing(DIRECTORY, STYLES["paper"]) as drawn:
    drawn.save(figure)
print(*(path.name for path in drawn.paths()))
"""


@pytest.fixture
def drawn(to_frame, make_study):
    return figures(checked(to_frame(make_study(levels=3, controls=("reinit",)))))[0]


def test_others_draw_what_this_process_would(drawn, tmp_path):
    (tmp_path / "here").mkdir()
    with drawing.drawing(tmp_path, STYLE, prefix="my_") as saved:
        for figure in drawn:
            saved.save(figure)
    assert len(drawn) > 2
    here = [path for figure in drawn for path in figures_paper.save(figure, tmp_path / "here", STYLE)]
    assert saved.paths() == [tmp_path / f"my_{path.name}" for path in here]
    for path in here:
        assert path.read_bytes() == (tmp_path / f"my_{path.name}").read_bytes()


def test_an_error_of_a_figure_is_raised(drawn, tmp_path):
    (folder := tmp_path / "gone").mkdir()
    with drawing.drawing(folder, STYLE) as saved:
        folder.rmdir()
        saved.save(drawn[0])
    with pytest.raises(FileNotFoundError, match="gone"):
        saved.paths()


def test_after_an_error_in_the_block_nothing_is_drawn_any_more(drawn, tmp_path):
    def fail(saved: drawing.Drawing) -> None:
        for figure in drawn * 3:
            saved.save(figure)
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"), drawing.drawing(tmp_path, STYLE) as saved:
        fail(saved)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    time.sleep(0.5)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_a_relative_folder_is_this_process_s_own(drawn, tmp_path, monkeypatch):
    for name in ("one", "other"):
        (tmp_path / name / "out").mkdir(parents=True)
        monkeypatch.chdir(tmp_path / name)
        with drawing.drawing(Path("out"), STYLE) as saved:
            saved.save(drawn[0])
        assert all(path.is_relative_to(tmp_path / name) and path.is_file() for path in saved.paths())


def test_what_a_killed_process_has_not_drawn_is_drawn_here(drawn, tmp_path):
    with drawing.drawing(tmp_path, STYLE) as saved:
        saved.save(drawn[0])
        for process in list(drawing._executor()._processes):
            os.kill(process, signal.SIGKILL)
        saved.save(drawn[1])
    with pytest.warns(UserWarning, match="was killed"):
        assert all(path.is_file() for path in saved.paths())
    with drawing.drawing(tmp_path, STYLE) as saved:
        saved.save(drawn[0])
    assert all(path.is_file() for path in saved.paths())


@pytest.mark.parametrize("forbidding", ["daemon", "forked"])
def test_a_process_that_may_start_none_draws_by_itself(drawn, tmp_path, monkeypatch, forbidding):
    if forbidding == "daemon":
        monkeypatch.setattr(multiprocessing.process._current_process, "_config", {"daemon": True})
    else:
        monkeypatch.setattr(drawing, "_starter", os.getppid())
    monkeypatch.setattr(drawing, "get_reusable_executor", None)
    drawing.get_ready()
    with drawing.drawing(tmp_path, STYLE) as saved:
        saved.save(drawn[0])
        assert (tmp_path / f"{drawn[0].key}.pdf").is_file()


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
