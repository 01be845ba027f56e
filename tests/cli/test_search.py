"""A budgeted search: what is searched, what is kept, and that it goes on."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from prunelab.cli import main
from prunelab.cli.search import searched
from prunelab.records.frame import load

WORDS = ["name=find", "dataset=digits", "trainer.length=3ep", "tracking=none", "hardware=cpu", "seeds=[0,1]"]


def test_what_is_searched_and_what_stays():
    fixed, axes = searched(("a=1", "b=choice(x,y)", "c=interval(0.1,0.2)", "d=tag(log,interval(1e-4,1e-2))", "e=range(2,9,3)"))
    assert fixed == ["a=1"]
    assert axes["b"].choices == ("x", "y")
    assert (axes["c"].low, axes["c"].high, axes["c"].log) == (0.1, 0.2, False)
    assert (axes["d"].low, axes["d"].high, axes["d"].log) == (1e-4, 1e-2, True)
    assert [axes["e"].low, axes["e"].high, axes["e"].step] == [2, 8, 3]


def test_a_plain_list_is_refused():
    with pytest.raises(ValueError, match="a search takes choice"):
        searched(("b=x,y",))


@pytest.fixture
def search(tmp_path, monkeypatch):
    monkeypatch.setenv("PRUNELAB_HOME", str(tmp_path))

    def run(*arguments):
        done = CliRunner().invoke(main, ["search", *arguments, *WORDS], catch_exceptions=False)
        return done.exit_code, done.output

    return run


def test_the_highest_sparsity_that_keeps_the_accuracy(search, tmp_path):
    code, said = search("--trials", "3", "--drop", "0.05", "--sparsity", "0.3", "0.999")
    assert code == 0
    assert said.count("trial ") >= 3
    assert "3 trials, " in said
    rows = load(tmp_path / "records")
    assert rows["study"].str.match(r"find\.\d{4}$").all()
    dense = rows.query("level == 0")
    assert dense["stage_key"].nunique() == 2  # one a seed, whatever the trials
    good = []
    for sparsity, trial in rows.query("level == 1").groupby("sparsity_requested"):
        seeds = dense[dense["seed"].isin(trial["seed"])].groupby("seed")["validation_top1"].first()
        lost = seeds.mean() - trial["validation_top1"].mean()
        assert len(trial) == (1 if lost > 0.1 else 2)
        good += [sparsity] if lost <= 0.05 else []
    best = f"sparsity {max(good):.2%}" if good else "no trial kept the accuracy"
    assert best in said.splitlines()[-1]
    code, again = search("--trials", "3", "--drop", "0.05", "--sparsity", "0.3", "0.999")
    assert (code, again.splitlines()) == (0, said.splitlines()[-2:])  # nothing is left to try


def test_accuracy_against_compression(search):
    code, said = search("--trials", "2", "--pareto", "--sparsity", "0.3", "0.9")
    assert code == 0
    assert "front: compression" in said


def test_what_cannot_be_searched_is_said(search):
    assert "lowest < highest" in search("--sparsity", "0.9", "0.5")[1]
    assert "leave -m out" in search("-m", "seeds=[0],[1]")[1]
    assert "no controls" in search("schedule.controls=[reinit]")[1]
