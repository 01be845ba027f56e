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
from prunelab.results.sections import sections
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
    assert compare(side, side).verdict == "lottery and lottery are tied in test accuracy on every seed over 8 common levels and 3 seeds."


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


@pytest.fixture
def partial(to_frame, make_network):
    """Two identical methods that share their dense networks; of the second, three of the five seeds are there."""
    shared = {"noise": 0.0, "study": "partial"}
    records = [make_network(seed=s, criterion="magnitude", **shared) for s in range(5)]
    records += [make_network(seed=s, level=n, criterion="magnitude", **shared) for s in range(5) for n in (1, 2, 3)]
    records += [make_network(seed=s, level=n, criterion="obs", **shared) for s in range(3) for n in (1, 2, 3)]
    return to_frame(records)


def test_seeds_with_only_the_dense_network_do_not_lower_a_volume(partial):
    found = compare(*(side_of(f"partial:{name}", lambda _: partial) for name in ("magnitude", "obs")))
    volume = found.totals[2]
    assert volume.difference is not None
    assert volume.difference.mean == pytest.approx(0)
    assert volume.second.num_seeds == 3
    assert volume.note == "second: seeds 3, 4 left out: no pruned network with compression_ratio and test_top1"
    assert (found.dominance.num_equal, found.dominance.unpaired) == (3, (3, 4))


def test_the_statistics_note_seeds_left_out_of_a_volume(partial):
    rows = next(section for section in sections(checked(partial)) if section.key == "statistics").rows
    assert [row[0] for row in rows] == ["magnitude", "obs"]
    assert "hypervolume" not in rows[0][-1]
    assert "hypervolume: seeds 3, 4 left out: no pruned network with" in rows[1][-1]


@pytest.fixture
def differing(make_network, to_frame):
    """Makes two sides from the first's gain over the second, by level and seed."""

    def make(gains: dict[int, tuple[float, ...]], column: str = "test_top1", **changes):
        base = [make_network(seed=s, level=n, study="b", **{column: 0.9}) for n in (0, *gains) for s in range(len(gains[1]))]
        rows = [(s, n, gain) for n, seeds in {0: (0.0,) * len(gains[1]), **gains}.items() for s, gain in enumerate(seeds)]
        better = [make_network(seed=s, level=n, study="a", **{column: 0.9 + gain}, **changes) for s, n, gain in rows]
        frame = to_frame([*base, *better])
        return [side_of(word, lambda study: frame[frame["study"] == study]) for word in "ab"]

    return make


OPPOSITE = {1: (-0.011, -0.01, -0.009), 2: (-0.009, -0.011, -0.01), 3: (0.06, 0.061, 0.062)}


def test_levels_that_differ_both_ways_are_mixed(differing):
    found = compare(*differing(OPPOSITE), margin=0.005)
    said = "is, against b, better at 1, worse at 2 of 3 levels at 5 % after Holm's correction; in the mean +1.4 points"
    assert found.verdict.startswith(f"Mixed: in test accuracy a {said}")
    back = compare(*differing(OPPOSITE)[::-1], margin=0.005)
    assert "better at 2, worse at 1 of 3 levels" in back.verdict
    loss = compare(*differing(OPPOSITE, column="test_loss"), "test_loss")
    assert "in test loss a is, against b, better at 2, worse at 1 of 3 levels" in loss.verdict


def test_what_differs_by_less_than_the_margin_mixes_nothing(differing):
    found = compare(*differing(OPPOSITE), margin=0.02)
    assert not found.verdict.startswith("Mixed")
    one_way = {level: tuple(-gain for gain in gains) if level == 3 else gains for level, gains in OPPOSITE.items()}
    worse = compare(*differing(one_way), margin=0.005).verdict
    assert worse.startswith("b has the better test accuracy than a by more than 0.5 points")
    assert "better at 3, worse at 0 of 3 levels" in worse


@pytest.mark.parametrize("margin", [0.0, 0.005, 0.02])
def test_an_interval_without_width_decides_nothing(differing, margin):
    found = compare(*differing({1: (0.01, 0.01, 0.01)}), margin=margin)
    assert found.verdict.startswith("Undecided between a and b in test accuracy: the same difference on every seed, no spread to judge by")


def test_levels_that_cancel_are_no_tie(differing):
    verdict = compare(*differing({1: (0.25, 0.25), 2: (-0.25, -0.25)})).verdict
    assert verdict.startswith("Undecided between a and b in test accuracy: the same difference on every seed")


def test_one_seed_has_no_interval(differing):
    assert "+1.0 points (no interval) over 1 common level and 1 seed" in compare(*differing({1: (0.01,)})).verdict


def test_only_diverged_runs_of_the_pairs_are_kept(differing):
    first, second = differing({1: (0.01, 0.02, 0.03)})
    bad = first.networks["level"].eq(1) & first.networks["seed"].isin([0, 1])
    networks = first.networks.assign(diverged=bad, test_top1=first.networks["test_top1"].mask(bad & first.networks["seed"].eq(1)))
    (pair,) = compare(dataclasses.replace(first, networks=networks), second).levels
    assert pair.note == "seed 1, level 1 is only in the second; 1 diverged, kept; 1 diverged, left out: no test_top1"
    alone = dataclasses.replace(second, networks=second.networks[second.networks["seed"] > 0])
    (pair,) = compare(dataclasses.replace(first, networks=first.networks.assign(diverged=bad & first.networks["seed"].eq(0))), alone).levels
    assert "diverged" not in pair.note


def test_other_data_and_other_models_are_said(differing):
    gains = {1: (0.01, 0.02, 0.03)}
    same = compare(*differing(gains))
    assert "Mind" not in same.verdict
    assert same.notes == ()
    found = compare(*differing(gains, dataset="cifar10", model="resnet20"))
    differ = ("model (resnet20 against lenet_300_100)", "data set (cifar10 against mnist5k)")
    assert found.verdict.endswith(f" Mind that they differ in {differ[0]} and {differ[1]}.")
    assert [note for note in found.notes if note.startswith("the sides differ in")] == [
        f"the sides differ in {what}: what is compared is not the pruning alone" for what in differ
    ]
    unsure = compare(*differing(gains, dataset=""))
    assert "Mind" not in unsure.verdict
    assert unsure.notes == ("the data set of a is not recorded, that of the other is mnist5k",)


def test_two_studies_of_one_method_with_other_settings_are_said(differing):
    sides = differing({1: (0.01, 0.02, 0.03)})
    first, second = (
        dataclasses.replace(side, networks=side.networks.assign(variant=variant)) for side, variant in zip(sides, "xy", strict=True)
    )
    assert any("settings of training or pruning that no column names" in note for note in compare(first, second).notes)
    assert compare(first, dataclasses.replace(second, networks=second.networks.assign(variant="x"))).notes == ()
    other = dataclasses.replace(second, networks=second.networks.assign(criterion="snip"))
    assert compare(first, other).notes == (), "the variant tells criteria apart as well"


def test_bounds_are_no_numbers(differing):
    matched = compare(*differing({1: (0.0, 0.0, 0.0), 2: (-0.1, -0.1, 0.0)})).totals[0]
    assert matched.bounds == ("at least", "at least", "at most")
    assert matched.first is not None
    assert matched.first.low is not None
    assert matched.first.high is None
    assert (matched.second.low, matched.second.high) == (None, None)
    assert matched.difference.num_seeds == 2
    assert "difference: seed 2 left out: bounds on both sides" in matched.note


def test_the_tables_name_the_sides_once_and_show_bounds(make_study, tmp_path):
    for record in make_study(levels=3, controls=("reinit",), noise=0.0):
        write_record(tmp_path / "records", record)
    given = ["compare", "lottery_mnist5k", "lottery_mnist5k:reinit", "--home", str(tmp_path)]
    said = CliRunner().invoke(main, given).output
    assert said.splitlines()[1:3] == ["First: lottery_mnist5k", "Second: lottery_mnist5k:reinit"]
    assert not [line for line in said.splitlines() if line[0] in "┃│" and "lottery" in line]
    assert "at least" in said
