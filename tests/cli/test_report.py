"""The report of a table: where it is written, and what it says."""

from __future__ import annotations

import warnings

import pytest
from click.testing import CliRunner

from prunelab.cli import main
from prunelab.results import report as module


@pytest.fixture
def written(monkeypatch):
    """The folders and titles of reports, none of which is drawn."""
    found = []

    def write_report(frame, directory, *, title, **_):
        found.append((directory, title))
        return directory / "report.html"

    monkeypatch.setattr(module, "write_report", write_report)
    return found


def test_a_table_of_a_study_does_not_replace_the_report_of_the_study(written, tmp_path):
    path = tmp_path / "points.csv"
    path.write_text("study,sparsity,test_top1\ns,0.5,0.9\n")
    done = CliRunner().invoke(main, ["report", str(path), "--home", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert written == [(tmp_path / "reports" / "s-points", "s")]


@pytest.mark.filterwarnings("default:.*left out")
@pytest.mark.usefixtures("written")
def test_a_warning_is_a_sentence_and_only_while_a_command_runs(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("sparsity,test_top1,zzz\n0.5,0.9,red\n")
    before = warnings.showwarning
    done = CliRunner().invoke(main, ["report", str(path), "--home", str(tmp_path)])
    assert done.stderr == f"warning: {path}: columns that are none of a record's are left out: zzz\n"
    assert warnings.showwarning is before
    with pytest.warns(UserWarning, match="zzz"):  # with where it is from
        assert CliRunner().invoke(main, ["report", str(path), "--home", str(tmp_path), "--debug"]).stderr == ""


def test_an_error_leaves_warnings_as_they_were(tmp_path):
    before = warnings.showwarning
    assert CliRunner().invoke(main, ["report", "nothing", "--home", str(tmp_path)]).exit_code == 2
    assert warnings.showwarning is before
