from __future__ import annotations

import dataclasses
import json

import pytest
from click.testing import CliRunner

from prunelab.cli import main
from prunelab.records.sources import source_parts
from prunelab.records.to_csv import to_csv
from prunelab.records.writer import write_record
from prunelab.results.compare import compare
from prunelab.results.frames import MissingData, checked
from prunelab.results.sides import side_of


@pytest.fixture
def load(to_frame, make_study):
    better = make_study(levels=8, study="shootout", criterion="obs", noise=0.0002)
    worse = make_study(levels=8, study="shootout", criterion="snip", controls=(), knee=4.0, noise=0.0008)
    studies = {"lottery": to_frame(make_study(levels=8, study="lottery")), "shootout": to_frame(better + worse)}

    def load(study: str):
        return studies[study]

    return load


def test_a_study_a_method_and_a_control_are_sides(load):
    assert len(side_of("lottery", load).pruned) == 24
    assert set(side_of("shootout:snip", load).networks["criterion"]) == {"snip"}
    control = side_of("shootout:obs:reinit", load)
    assert len(control.pruned) == 24
    assert (control.networks["level"] == 0).sum() == 3
    plain = load("shootout").query("control == 'reinit' and kind == 'point'")
    assert sorted(control.pruned["test_top1"]) == sorted(plain["test_top1"])


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("shootout", "shootout has 2 methods; name one, as in 'shootout:obs'"),
        ("shootout:snipp", "Did you mean 'snip'"),
        ("lottery:renit", "Did you mean 'reinit'"),
        ("shootout:obs:snip", "two methods or two controls"),
        ("shootout:obs:reinit:x", "too many parts"),
        ("shootout:snip:reinit", "has no pruned networks"),
    ],
)
def test_what_cannot_be_meant_is_said(load, word, said):
    with pytest.raises(ValueError, match=said):
        side_of(word, load)


def test_the_better_method_is_named_whichever_comes_first(load):
    sides = side_of("shootout:obs", load), side_of("shootout:snip", load)
    found, back = compare(*sides), compare(*sides[::-1])
    assert found.verdict.startswith("shootout:obs has the better test accuracy than shootout:snip: +")
    assert back.verdict.startswith("shootout:obs has the better test accuracy than shootout:snip: ")
    assert back.overall.interval.mean == pytest.approx(-found.overall.interval.mean)
    assert len(found.levels) == 8
    assert found.levels[-1].adjusted < 0.05
    assert all(pair.adjusted >= pair.p for pair in found.levels)
    matched, area, volume = found.totals
    for total in (matched, area, volume):
        assert total.difference is not None
        assert total.difference.mean > 0
    counted, reverse = found.dominance, back.dominance
    assert counted is not None
    assert counted.num_first == reverse.num_second
    assert counted.num_first > counted.num_second


def test_less_of_a_loss_is_better(to_frame, make_network):
    def load(study: str):
        start = 0.1 if study == "low" else 0.2
        rows = [(s, n, start + 0.001 * s * n * (study == "low")) for s in range(3) for n in (0, 1, 2)]
        return to_frame([make_network(seed=s, level=n, study=study, test_loss=loss) for s, n, loss in rows])

    found = compare(side_of("low", load), side_of("high", load), "test_loss")
    assert found.verdict.startswith("low has the better test loss than high")


def test_equal_sides_are_tied_and_alike_within_a_margin(load):
    side = side_of("lottery", load)
    found = compare(side, side, margin=0.005)
    assert "are alike in test accuracy within 0.5 points: 0.0 points" in found.verdict
    assert {pair.note for pair in found.levels} == {"tied on every seed"}
    assert compare(side, side).verdict.startswith("Undecided")


def test_missing_seeds_levels_and_diverged_runs_are_shown(to_frame, make_network):
    records = [make_network(seed=s, level=n, study="a") for s in (0, 1, 2) for n in (0, 1, 2)]
    records += [make_network(seed=s, level=n, study="b", diverged=n == 1) for s in (0, 1) for n in (0, 1, 9)]
    frame = to_frame(records)
    sides = [side_of(word, lambda study: frame[frame["study"] == study]) for word in "ab"]
    found = compare(*sides)
    (pair,) = found.levels
    assert pair.note == "tied on every seed; seed 2, level 1 is only in the first; 2 diverged, kept"
    assert [note.split(" has")[0] for note in found.notes] == ["only a", "only b"]
    with pytest.raises(MissingData, match="no level in common"):
        compare(sides[0], side_of("b", lambda _: frame[(frame["study"] == "b") & (frame["level"] != 1)]))
    with pytest.raises(ValueError, match="unknown measure 'test_top'. Did you mean"):
        compare(*sides, "test_top")


def test_levels_of_other_numbers_are_paired_by_the_weights_they_leave(to_frame, make_network):
    coarse = [make_network(seed=s, level=n, study="a") for s in (0, 1) for n in (0, 2, 4)]
    fine = [make_network(seed=s, level=n, study="b") for s in (0, 1) for n in range(6)]
    renumbered = [dataclasses.replace(record, level=record.level // 2) for record in coarse]
    frames = {"a": to_frame(renumbered), "b": to_frame(fine)}
    found = compare(side_of("a", frames.__getitem__), side_of("b", frames.__getitem__))
    assert [pair.difference.interval.mean for pair in found.levels] == pytest.approx([0, 0])


def test_the_command_prints_a_verdict_first_and_json_when_asked(make_study, tmp_path):
    for record in make_study(levels=3, controls=("reinit",), noise=0.0002):
        write_record(tmp_path / "records", record)
    runner = CliRunner()
    given = ["compare", "lottery_mnist5k", "lottery_mnist5k:reinit", "--home", str(tmp_path)]
    said = runner.invoke(main, given)
    assert said.exit_code == 0, said.output
    assert "test accuracy" in said.output.splitlines()[0]
    assert "Hypervolume" in said.output
    numbers = json.loads(runner.invoke(main, [*given, "--json"]).output)
    assert numbers["verdict"] == said.output.splitlines()[0]
    assert len(numbers["levels"]) == 3
    wrong = runner.invoke(main, ["compare", "lottery_mnist5", "lottery_mnist5k", "--home", str(tmp_path)])
    assert wrong.exit_code == 2
    assert "Did you mean 'lottery_mnist5k'" in wrong.output


def test_a_side_may_be_a_table_or_a_project_of_wandb(make_study, to_frame, tmp_path):
    frame = checked(to_frame(make_study(levels=3, controls=("reinit",))))
    for record in make_study(levels=3, controls=("reinit",)):
        write_record(tmp_path / "records", record)
    table = tmp_path / "mine.csv"
    table.write_bytes(to_csv(frame))
    given = ["compare", "lottery_mnist5k", f"{table}:reinit", "--json", "--home", str(tmp_path)]
    found = CliRunner().invoke(main, given)
    assert found.exit_code == 0, found.output
    of_records = CliRunner().invoke(main, ["compare", "lottery_mnist5k", "lottery_mnist5k:reinit", "--json", "--home", str(tmp_path)])
    assert json.loads(found.output)["levels"] == json.loads(of_records.output)["levels"]
    assert source_parts("wandb:me/project/group:snip:reinit") == ["wandb:me/project/group", "snip", "reinit"]
    assert source_parts("shootout:snip") == ["shootout", "snip"]
    (tmp_path / "a:b.csv").write_text("")
    assert source_parts(str(tmp_path / "a:b.csv")) == [str(tmp_path / "a:b.csv")]
