from __future__ import annotations

import matplotlib as mpl
import pytest
from click.testing import CliRunner
from PIL import Image

from prunelab.cli import main
from prunelab.records.writer import write_record
from prunelab.results.figures import figures
from prunelab.results.figures_paper import DOTS_PER_INCH, save
from prunelab.results.frames import checked
from prunelab.results.paper_styles import STYLES, paper_style
from prunelab.results.report import write_report


@pytest.fixture
def accuracy(to_frame, make_study):
    drawn, _ = figures(checked(to_frame(make_study(levels=4, controls=("reinit",)))))
    return next(figure for figure in drawn if figure.key == "accuracy")


def inches(path) -> tuple[float, float]:
    with Image.open(path) as image:
        return image.width / DOTS_PER_INCH, image.height / DOTS_PER_INCH


@pytest.mark.parametrize(("name", "size"), [("paper", (5.5, 3.5)), ("column", (3.25, 2.7)), ("slides", (10, 5.625))])
def test_each_style_has_its_size_and_embeds_its_font(name, size, accuracy, tmp_path):
    png, svg, pdf = save(accuracy, tmp_path, paper_style(name))
    assert inches(png) == pytest.approx(size, abs=0.01)
    assert b"/CIDFontType2" in pdf.read_bytes() or b"/TrueType" in pdf.read_bytes()
    assert b"/Type3" not in pdf.read_bytes()
    assert "<svg" in svg.read_text(encoding="utf-8")


def test_nothing_is_drawn_outside_of_a_figure(accuracy, tmp_path):
    for style in STYLES.values():
        png, *_ = save(accuracy, tmp_path, style)
        with Image.open(png) as image:
            grey = image.convert("L")
            width, height = grey.size
            edges = [grey.crop(box) for box in ((0, 0, width, 1), (0, height - 1, width, height), (0, 0, 1, height))]
        assert {low for edge in edges for low in edge.getextrema()} == {255}, f"{style.name} is cut off"


def test_a_style_file_goes_over_paper(accuracy, tmp_path):
    path = tmp_path / "mine.mplstyle"
    path.write_text("figure.figsize: 4, 2  # inches\nlines.linewidth: 3\n\n# nothing else\n")
    style = paper_style(str(path))
    assert (style.name, style.width, style.height) == ("mine", 4, 2)
    assert style.settings["lines.linewidth"] == 3
    assert style.settings["pdf.fonttype"] == 42
    before = dict(mpl.rcParams)
    assert inches(save(accuracy, tmp_path, style)[0]) == pytest.approx((4, 2), abs=0.01)
    assert dict(mpl.rcParams) == before


def test_wrong_styles_are_refused_before_anything_is_written(study, tmp_path):
    with pytest.raises(ValueError, match="unknown style 'slide'.*Did you mean 'slides'.*NAME.mplstyle"):
        write_report(study, tmp_path / "out", title="t", style="slide")
    (tmp_path / "mine.mplstyle").write_text("lines.linewith: 3\n")
    with pytest.raises(ValueError, match="line 1: matplotlib has no setting 'lines.linewith'. Did you mean 'lines.linewidth'"):
        paper_style(str(tmp_path / "mine.mplstyle"))
    with pytest.raises(ValueError, match="no style file .*min.mplstyle. Did you mean '.*mine.mplstyle'"):
        paper_style(str(tmp_path / "min.mplstyle"))
    (tmp_path / "bad.mplstyle").write_text("lines.linewidth: broad\n")
    with pytest.raises(ValueError, match="bad.mplstyle is no style file of matplotlib"):
        paper_style(str(tmp_path / "bad.mplstyle"))
    assert not (tmp_path / "out").exists()


def test_the_command_takes_a_style(make_study, tmp_path):
    for record in make_study(levels=2, controls=()):
        write_record(tmp_path / "records", record)
    given = ["report", "lottery_mnist5k", "--home", str(tmp_path)]
    assert CliRunner().invoke(main, [*given, "--style", "column"]).exit_code == 0
    assert inches(tmp_path / "reports/lottery_mnist5k/accuracy.png")[0] == pytest.approx(3.25, abs=0.01)
    wrong = CliRunner().invoke(main, [*given, "--style", "colum"])
    assert wrong.exit_code == 2
    assert "Did you mean 'column'" in wrong.output
    assert "leave out --style" in CliRunner().invoke(main, [*given, "--serve", "--style", "slides"]).output
