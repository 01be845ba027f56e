from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_rel

from prunelab.results.frames import MissingData, checked
from prunelab.results.holm import against_reference, holm, paired_p

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def test_holm_by_hand():
    # sorted 0.005 0.01 0.03 0.04: times 4, 3, 2, 1 = 0.02 0.03 0.06 0.04, and none below the one before
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_a_test_that_could_not_be_made_does_not_count():
    found = holm([0.01, math.nan, 0.04])
    assert found[[0, 2]] == pytest.approx([0.02, 0.04])
    assert math.isnan(found[1])


def test_what_is_no_probability_is_refused():
    with pytest.raises(ValueError, match=r"must be in \[0, 1\]"):
        holm([0.5, 1.2])


@given(P_VALUES, st.randoms())
def test_adjusted_values_keep_the_order_lie_above_and_below_bonferroni(p_values, random):
    found = holm(p_values)
    assert (found >= np.asarray(p_values)).all()
    assert (found <= np.minimum(1, len(p_values) * np.asarray(p_values)) + 1e-12).all()
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(found[order]) >= 0).all()
    shuffled = list(range(len(p_values)))
    random.shuffle(shuffled)
    assert holm([p_values[i] for i in shuffled]) == pytest.approx(found[shuffled])


def test_any_false_rejection_is_as_rare_as_promised():
    p_values = np.random.default_rng(0).random((2_000, 20))
    any_rejected = np.mean([(holm(row) < 0.05).any() for row in p_values])
    assert 0.035 < any_rejected < 0.065
    assert np.mean((p_values < 0.05).any(axis=1)) > 0.6, "without the correction"


def test_the_p_value_is_scipys():
    rng = np.random.default_rng(1)
    first, second = rng.random((2, 5))
    assert paired_p(first - second)[0] == pytest.approx(ttest_rel(first, second).pvalue)


def test_ties_and_single_seeds_are_said():
    assert paired_p([0.0, 0.0, 0.0]) == (1.0, "tied on every seed")
    for differences, words in (([0.9 - 0.8, 0.8 - 0.7], "no spread"), ([0.1], "one seed")):
        p, said = paired_p(differences)
        assert math.isnan(p)
        assert words in said


def two_methods(make_network, to_frame, **changes):
    values = {"good": (0.90, 0.92, 0.91), "bad": (0.80, 0.79, 0.81)}
    records = [make_network(seed=s, test_top1=0.9) for s in range(3)]
    records += [make_network(seed=s, level=1, criterion=name, test_top1=v[s], **changes) for name, v in values.items() for s in range(3)]
    return records


def test_all_methods_against_dense_are_one_family(make_network, to_frame):
    found = against_reference(checked(to_frame(two_methods(make_network, to_frame)))).set_index("method")
    good, bad = found.loc["good"], found.loc["bad"]
    assert good["values"] == pytest.approx((0, 0.02, 0.01))
    assert bad["mean"] == pytest.approx(-0.1)
    p = ttest_rel([0.80, 0.79, 0.81], [0.9, 0.9, 0.9]).pvalue
    assert (bad["p"], bad["adjusted"]) == pytest.approx((p, 2 * p))
    assert good["adjusted"] == pytest.approx(good["p"])


def test_a_control_is_paired_by_seed_and_level_and_missing_seeds_are_named(make_network, to_frame):
    records = [make_network(seed=s, level=n, test_top1=0.9 + 0.01 * s) for s in (0, 1, 2) for n in (1, 2)]
    records += [make_network(seed=s, level=1, control="reinit", test_top1=0.8, diverged=s == 0) for s in (0, 1, 3)]
    found = against_reference(checked(to_frame(records)), reference="reinit")
    first, second = found.to_dict("records")
    assert first["values"] == pytest.approx((0.10, 0.11))
    assert (first["num_diverged"], first["note"]) == (1, "seed 2 only of the method; seed 3 only of the reference")
    assert second["num_seeds"] == 0
    assert "no common seed" in second["note"]
    with pytest.raises(ValueError, match="Did you mean"):
        against_reference(checked(to_frame(records)), reference="reinnit")
    with pytest.raises(MissingData, match="no network of dense"):
        against_reference(checked(to_frame(records)))
