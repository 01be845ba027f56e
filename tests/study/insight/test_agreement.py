from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from prunelab.study.insight.agreement import criteria_agreement
from prunelab.study.insight.networks import Networks
from prunelab.study.insight.progress import silent
from prunelab.study.rebuild import rebuild
from tests.conftest import configured


def agreement(ran, *names):
    return criteria_agreement(Networks(*ran), {name: configured("pruning/criterion", name) for name in names}, silent)


def test_magnitude_and_lamp_agree_within_tensors_and_not_over_them(ran):
    """LAMP ranks the weights of a tensor as magnitude does, by construction."""
    table = agreement(ran, "lamp").tables["agreement"]
    assert set(zip(table["first"], table["second"], strict=True)) == {("magnitude", "lamp")}
    assert len(table) == 3 * 4  # three seeds; all, and three tensors
    within, whole = table[table["tensor"] != "all"], table[table["tensor"] == "all"]
    assert (within["spearman"] > 1 - 1e-9).all()
    assert (whole["spearman"] < 0.999).all()
    assert set(within["tensor"]) == {"fc1.weight", "fc2.weight", "output.weight"}


def test_a_correlation_is_that_of_the_dense_weights(ran):
    store, frame = ran
    table = agreement(ran, "gradient", "snip").tables["agreement"]
    row = table[
        (table["seed"] == 1) & (table["first"] == "magnitude") & (table["second"] == "snip") & (table["tensor"] == "fc1.weight")
    ].iloc[0]
    dense = frame[(frame["level"] == 0) & (frame["seed"] == 1)]["stage_key"].iloc[0]
    weight = rebuild(store, dense).network.get_parameter("fc1.weight").detach().abs().flatten().numpy()
    assert row["units"] == weight.size
    # |g w| goes up with |w|, and is not it
    assert 0.05 < row["spearman"] < 0.95
    # the same weights as ranked here, by way of a criterion that is monotonic in them
    same = agreement(ran, "lamp").tables["agreement"]
    assert same[(same["seed"] == 1) & (same["tensor"] == "fc1.weight")]["spearman"].iloc[0] == pytest.approx(
        spearmanr(weight, weight**2).statistic
    )


def test_what_is_removed_overlaps_more_than_chance(ran):
    removed = agreement(ran, "snip", "random").tables["removed"]
    assert sorted(set(removed["fraction"])) == [0.5, 0.8, 0.9]
    by_pair = removed.groupby(["first", "second"])[["iou", "chance"]].mean()
    assert by_pair.loc[("magnitude", "snip"), "iou"] > by_pair.loc[("magnitude", "snip"), "chance"] + 0.03
    assert by_pair.loc[("magnitude", "random"), "iou"] == pytest.approx(by_pair.loc[("magnitude", "random"), "chance"], abs=0.02)
    assert np.allclose(removed[removed["fraction"] == 0.5]["chance"], 1 / 3, atol=1e-3)


def test_a_criterion_that_cannot_score_this_network_is_left_out_with_the_reason(ran):
    found = agreement(ran, "bn_scale", "head_importance")
    notes = " ".join(found.notes)
    assert "criterion bn_scale" in notes
    assert "it scores units of head only, not of weight" in notes
    assert "One criterion" not in notes
    assert found.tables["agreement"].empty


def test_one_criterion_is_told_to_have_no_other(ran):
    assert "One criterion has none to agree with" in " ".join(agreement(ran).notes)


def test_the_studys_own_criterion_is_not_compared_with_itself(ran):
    assert agreement(ran, "magnitude").tables["agreement"].empty
