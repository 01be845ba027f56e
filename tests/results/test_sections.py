from __future__ import annotations

import pytest

from prunelab.results.checklist import checklist
from prunelab.results.frames import checked
from prunelab.results.holm import against_reference
from prunelab.results.power import detectable
from prunelab.results.sections import sections
from prunelab.results.units import NONE, THIN, significant


def met(frame) -> dict[str, bool]:
    return {item.recommendation: item.met for item in checklist(checked(frame))}


def complete(make_study, **changes):
    return make_study(levels=6, test_top5=0.99, theoretical_speedup=4.0, multiply_adds=1000, measured_speedup=1.1, **changes)


def test_a_thorough_study_meets_all_but_the_number_of_architectures(make_study, to_frame):
    found = met(to_frame(complete(make_study)))
    assert len(found) == 10
    assert [name for name, yes in found.items() if not yes] == ["Several pairs of data set and architecture"]
    several = [record for model in "abc" for record in complete(make_study, model=model)]
    assert all(met(to_frame(several)).values())


@pytest.mark.parametrize(
    ("changed", "recommendation"),
    [
        (lambda f: f[f["level"] < 5], "At least 5 operating points a method"),
        (lambda f: f[f["seed"] < 2], "Means over several seeds with their spread"),
        (lambda f: f[~((f["level"] == 0) & (f["seed"] == 1))], "The dense network, trained the same way, is reported"),
        (lambda f: f[f["control"] != "random"], "Random pruning is among the baselines"),
        (lambda f: f.assign(criterion="snip"), "Magnitude pruning is among the baselines"),
        (lambda f: f.assign(theoretical_speedup=None), "Both compression ratio and theoretical speed-up, with their definitions"),
        (lambda f: f.assign(measured_speedup=f["measured_speedup"].where(f["level"] != 3)), "Speed-ups are measured, not only counted"),
        (lambda f: f.assign(test_top5=None), "Both top-1 and top-5 accuracy"),
        (lambda f: f.assign(test_top1=f["test_top1"].where(f["control"] != "shuffle")), "Every trained network is in the results"),
    ],
)
def test_what_is_missing_is_not_met(make_study, to_frame, changed, recommendation):
    full = to_frame(complete(make_study))
    assert met(full)[recommendation]
    assert not met(changed(full))[recommendation]


def test_the_evidence_is_what_was_measured(make_study, to_frame):
    frame = to_frame(make_study(levels=3, controls=("reinit",), seeds=(0, 1)))
    evidence = {item.recommendation: item.evidence for item in checklist(checked(frame))}
    assert evidence["Random pruning is among the baselines"] == "Neither as a criterion nor as a control; criteria: magnitude."
    assert evidence["Means over several seeds with their spread"] == "2 seeds a level. 3 of 3 levels have fewer than 3."
    assert evidence["Speed-ups are measured, not only counted"] == "No network was timed."


def test_the_sections_of_a_study(study):
    found = {section.key: section for section in sections(checked(study))}
    assert list(found) == ["statistics", "tests", "search-cost", "checklist"]
    assert [row[1] for row in found["tests"].rows] == ["dense", "reinit", "shuffle", "random", "small dense"]
    (cost,) = found["search-cost"].rows
    assert found["search-cost"].headings[4] == "In dense trainings, by steps"
    assert cost[1:5] == ("1,500", "3.58 %".replace(" ", "\N{NARROW NO-BREAK SPACE}"), "24,000", "16")
    (row,) = found["statistics"].rows
    bend = float(row[4].split("\N{NARROW NO-BREAK SPACE}")[0])
    assert 2 < bend < 20, "accuracy falls from 9 % of the weights on"
    assert row[5].startswith("\N{MINUS SIGN}"), "tickets reach their lowest loss sooner"
    for section in found.values():
        assert all(len(cells) == len(section.headings) for cells in section.rows)


def test_the_tests_say_how_sure_they_can_be(make_study, to_frame):
    frame = checked(to_frame(make_study(levels=4, controls=("reinit",))))
    found = {section.key: section for section in sections(frame)}["tests"]
    place = found.headings.index("Smallest p (Holm)")
    table = against_reference(frame)
    assert found.rows[0][place] == f"{table['adjusted'].min():.2g}"
    least = detectable(3, confidence=1 - 0.05 / 4)
    assert f"Against dense, reinit, 4 tests of 3 seeds: a difference is found with a chance of 80{THIN}%" in found.lede
    assert f"if it is {significant(least)} times its standard deviation" in found.lede
    one = {section.key: section for section in sections(frame[frame["seed"] == 0])}["tests"]
    assert "Against dense, reinit no test can be made." in one.lede
    assert one.rows[0][place] == NONE


def test_bounds_and_uneven_early_stopping_are_in_the_notes(make_study, to_frame):
    frame = to_frame(make_study(levels=4, controls=("reinit",)))
    late = frame["level"].eq(2) & frame["seed"].eq(1)
    frame = frame.assign(early_stop_step=frame["early_stop_step"].mask(late, 1500))
    frame = frame[~(frame["control"].eq("reinit") & frame["level"].eq(3) & frame["seed"].eq(2))]
    (row,) = {section.key: section for section in sections(checked(frame))}["statistics"].rows
    assert row[1].startswith("at least ")
    assert "[" not in row[1], "of bounds alone there is no interval"
    assert "early stopping: 2 networks had the lowest loss at the last step, and might have gone on" in row[-1]
    assert "early stopping: seed 2 paired at fewer levels than the others" in row[-1]


@pytest.mark.parametrize(("top5", "asked"), [(1.0, False), (0.99, True), (None, True)])
def test_five_guesses_of_few_classes_are_no_recommendation(make_study, to_frame, top5, asked):
    assert ("Both top-1 and top-5 accuracy" in met(to_frame(make_study(levels=2, test_top5=top5)))) == asked


def test_what_is_not_recorded_and_what_diverged_is_evidence(make_study, to_frame):
    frame = to_frame(make_study(levels=2, controls=(), model="", dataset=""))
    bad = frame["level"].eq(2) & frame["seed"].isin([0, 1])
    frame = frame.assign(diverged=bad, test_top1=frame["test_top1"].mask(bad & frame["seed"].eq(0)))
    evidence = {item.recommendation: item.evidence for item in checklist(checked(frame))}
    assert evidence["Several pairs of data set and architecture"] == "1: model and data set are not recorded."
    said = "8 of 9 networks have a test accuracy; 2 diverged: 1 kept in the means and marked, 1 left out of the means, without an accuracy."
    assert evidence["Every trained network is in the results"] == said
    assert "have no theoretical speed-up" in evidence["Both compression ratio and theoretical speed-up, with their definitions"]


def test_dense_networks_alone_have_no_sections(make_network, to_frame):
    assert sections(checked(to_frame([make_network(seed=s) for s in (0, 1)]))) == []
