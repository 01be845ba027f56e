from __future__ import annotations

import pytest

from prunelab.results.checklist import checklist
from prunelab.results.frames import checked
from prunelab.results.sections import sections


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
    assert cost[1:5] == ("1,500", "3.58 %".replace(" ", "\N{NARROW NO-BREAK SPACE}"), "24,000", "16")
    (row,) = found["statistics"].rows
    bend = float(row[4].split("\N{NARROW NO-BREAK SPACE}")[0])
    assert 2 < bend < 20, "accuracy falls from 9 % of the weights on"
    assert row[5].startswith("\N{MINUS SIGN}"), "tickets reach their lowest loss sooner"
    for section in found.values():
        assert all(len(cells) == len(section.headings) for cells in section.rows)


def test_dense_networks_alone_have_no_sections(make_network, to_frame):
    assert sections(checked(to_frame([make_network(seed=s) for s in (0, 1)]))) == []
