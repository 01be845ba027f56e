from __future__ import annotations

import io
import json

import pandas as pd
import pytest
from rich.console import Console

from prunelab.results.claim_files import evaluate, load_claims, to_json, to_table
from prunelab.results.claims import Verdict, difference_above, difference_below, difference_within, mean_above, mean_below
from prunelab.results.selection import select, tickets

WORDS = {"sentence": "a beats b", "source": "nobody"}

CLAIMS_FILE = '''
"""Claims of a made-up paper."""
from prunelab.results.claims import difference_above
from prunelab.results.selection import nearest_level, select, tickets

AT = (0.10, 0.15)

def zebra_tickets_beat_reinit(frame):
    return difference_above(tickets(frame, density=AT), select(frame, control="reinit", density=AT), "test_top1",
                            sentence="Tickets beat reinitialised networks.", source="Frankle & Carbin 2019")

def _helper(frame):
    raise AssertionError

def another_needs_what_is_not_there(frame):
    """Needs data.

    More words.
    """
    return select(frame, level=nearest_level(select(frame, control="random"), 0.1))
'''


@pytest.fixture
def sides(to_frame, make_network):
    """Two frames whose per-seed differences are given."""

    def make(differences):
        a = to_frame([make_network(seed=s, level=1, test_top1=0.5 + d) for s, d in enumerate(differences)])
        b = to_frame([make_network(seed=s, level=1, test_top1=0.5) for s in range(len(differences))])
        return a, b

    return make


def test_a_claim_holds_if_the_whole_interval_is_above_the_margin(sides):
    # mean .02, half-width 4.303 x .001 / sqrt(3) = .00248
    a, b = sides([0.019, 0.020, 0.021])
    claim = difference_above(a, b, "test_top1", **WORDS)
    assert (claim.verdict, claim.more_seeds, claim.num_seeds, claim.unit) == (Verdict.HOLDS, None, 3, "fraction")
    assert (claim.measured, claim.low, claim.high) == pytest.approx((0.02, 0.0175158, 0.0224842), abs=1e-6)
    assert difference_above(a, b, "test_top1", margin=0.017, **WORDS).verdict == Verdict.HOLDS
    assert difference_above(a, b, "test_top1", margin=0.018, **WORDS).verdict == Verdict.UNDECIDED
    assert difference_above(a, b, "test_top1", margin=0.023, **WORDS).verdict == Verdict.DOES_NOT_HOLD
    assert difference_above(b, a, "test_top1", **WORDS).verdict == Verdict.DOES_NOT_HOLD
    assert difference_below(b, a, "test_top1", **WORDS).verdict == Verdict.HOLDS


def test_an_undecided_claim_says_how_many_more_seeds(sides):
    # mean .01, standard deviation .01: an effect of 1, for which 10 seeds have 80 % power
    claim = difference_above(*sides([0.0, 0.01, 0.02]), "test_top1", **WORDS)
    assert (claim.verdict, claim.more_seeds) == (Verdict.UNDECIDED, 7)
    assert "margin" in claim.reason


def test_a_difference_of_nothing_is_never_decided(sides):
    claim = difference_above(*sides([-0.25, 0.0, 0.25]), "test_top1", **WORDS)
    assert (claim.verdict, claim.more_seeds) == (Verdict.UNDECIDED, None)
    assert "no affordable number" in claim.reason


def test_one_seed_decides_nothing(sides):
    claim = difference_above(*sides([0.3]), "test_top1", **WORDS)
    assert (claim.verdict, claim.low, claim.more_seeds) == (Verdict.UNDECIDED, None, 2)
    assert "no interval" in claim.measured_text


def test_alike_within_a_margin(sides):
    a, b = sides([-0.001, 0.0, 0.001])
    assert difference_within(a, b, "test_top1", 0.005, **WORDS).verdict == Verdict.HOLDS
    assert difference_within(a, b, "test_top1", 0.001, **WORDS).verdict == Verdict.UNDECIDED
    assert difference_within(*sides([0.019, 0.02, 0.021]), "test_top1", 0.005, **WORDS).verdict == Verdict.DOES_NOT_HOLD
    with pytest.raises(ValueError, match="positive margin"):
        difference_within(a, b, "test_top1", 0, **WORDS)


def test_means_against_a_threshold(sides):
    a, _ = sides([0.019, 0.020, 0.021])
    claim = mean_above(a, "test_top1", 0.5, **WORDS)
    assert (claim.verdict, claim.is_difference) == (Verdict.HOLDS, False)
    assert claim.measured_text.startswith("52.0")
    assert mean_below(a, "test_top1", 0.5, **WORDS).verdict == Verdict.DOES_NOT_HOLD


def test_missing_data_leave_a_claim_undecided_with_the_reason(study):
    for claim in (
        difference_above(tickets(study), select(study, control="reinit", criterion="snip"), "test_top1", **WORDS),
        mean_above(select(study, criterion="snip", control="reinit"), "test_top1", 0.5, **WORDS),
    ):
        assert (claim.verdict, claim.measured) == (Verdict.UNDECIDED, None)
        assert "test_top1 for control reinit, criterion snip" in claim.reason or "criterion snip, control reinit" in claim.reason


def test_seeds_that_could_not_be_compared_are_named(study):
    lacking = study[~((study["control"] == "reinit") & (study["seed"] == 1))]
    claim = difference_above(select(lacking, control="none", level=9), select(lacking, control="reinit", level=9), "test_top1", **WORDS)
    assert claim.num_seeds == 2
    assert "seed 1, level 9 is only in the first" in claim.reason


def test_a_claims_file(tmp_path, study):
    path = tmp_path / "claims.py"
    path.write_text(CLAIMS_FILE)
    assert [function.__name__ for function in load_claims(path)] == ["zebra_tickets_beat_reinit", "another_needs_what_is_not_there"]
    without_random = study[study["control"] != "random"]
    first, second = evaluate(path, without_random)
    assert first.verdict == Verdict.HOLDS
    assert (second.sentence, second.verdict) == ("Needs data.", Verdict.UNDECIDED)
    assert "no measured point" in second.reason
    assert {claim.verdict for claim in evaluate(path, pd.DataFrame())} == {Verdict.UNDECIDED}


def test_a_broken_claims_file_is_an_error_not_a_verdict(tmp_path, study):
    with pytest.raises(ValueError, match="no claims file"):
        load_claims(tmp_path / "claims.py")
    path = tmp_path / "claims.py"
    path.write_text("from prunelab.results.selection import select\n")
    with pytest.raises(ValueError, match="no public function"):
        load_claims(path)
    path.write_text("def wrong(frame):\n    return 3\n")
    with pytest.raises(ValueError, match="wrong returned int"):
        evaluate(path, study)
    path.write_text("from prunelab.results.selection import select\n\ndef wrong(frame):\n    return select(frame, control='reinnit')\n")
    with pytest.raises(ValueError, match="reinit"):
        evaluate(path, study)


def test_claims_as_json_and_as_a_table(sides):
    claims = [
        difference_above(*sides([0.019, 0.020, 0.021]), "test_top1", sentence="[bold]a[/] beats b", source="x"),
        difference_above(*sides([0.0, 0.01, 0.02]), "test_top1", **WORDS),
    ]
    first, second = json.loads(to_json(claims))
    assert (first["verdict"], first["unit"], first["more_seeds"]) == ("holds", "fraction", None)
    assert (second["verdict"], second["more_seeds"]) == ("undecided", 7)
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(to_table(claims))
    printed = console.export_text()
    assert "[bold]a[/] beats b" in printed
    assert "+2.0 points [+1.8, +2.2]" in printed
    assert "7 more seeds" in printed
