"""Masks that training itself leaves, and units that are no single weights."""

from __future__ import annotations

import pytest

from prunelab.study.insight.agreement import criteria_agreement
from prunelab.study.insight.inspect import inspect
from prunelab.study.insight.networks import Networks
from prunelab.study.insight.overlap import mask_overlap
from prunelab.study.insight.progress import silent
from tests.conftest import configured
from tests.study.insight.conftest import made


def test_masks_of_a_training_that_prunes_are_compared(tmp_path):
    ran = made(tmp_path, "schedule=rigl", "schedule.dynamics.every=5it", "sparsity=list", "sparsity.values=[0.5,0.8]", "seeds=[0,1]")
    found = mask_overlap(Networks(*ran), silent)
    assert found.notes == ()
    assert found.tables["overlap"]["comparison"].value_counts().to_dict() == {"seeds": 2, "levels": 2}
    levels = found.tables["overlap"].query("comparison == 'levels'")
    assert (levels["iou"] < levels["greatest"]).all()  # each level is a training of its own
    agreed = criteria_agreement(Networks(*ran), {"snip": configured("pruning/criterion", "snip")}, silent)
    assert not agreed.tables["agreement"].empty


def test_criteria_are_compared_by_the_units_that_the_study_removes(tmp_path):
    brief = ("sparsity.levels=1", "trainer.length=3it", "trainer.evaluate_every=3it")
    ran = made(tmp_path, "model=conv_2", "model.width=0.1", "pruning/granularity=filter", *brief)  # six filters of 64
    found = criteria_agreement(Networks(*ran), {name: configured("pruning/criterion", name) for name in ("fpgm", "wanda")}, silent)
    table = found.tables["agreement"]
    assert set(table["second"]) == {"fpgm"}
    sizes = table[table["tensor"] != "all"].set_index("tensor")["units"].to_dict()
    assert sizes["conv1.weight"] == 6
    assert "wanda" in " ".join(found.notes)
    assert "it scores units of weight or n:m only, not of filter" in " ".join(found.notes)


def test_a_learned_method_has_no_scores_to_compare(tmp_path):
    ran = made(tmp_path, "schedule=l0", "sparsity=list", "sparsity.values=[0.5]")
    found = inspect(*ran, study="t", criteria={"magnitude": configured("pruning/criterion", "magnitude")}, only=("agreement", "overlap"))
    notes = " ".join(found.parts["agreement"].notes)
    assert "learns its scores" in notes
    assert "One criterion" in notes
    with pytest.raises(ValueError, match="no pruned network of level 2"):
        inspect(*ran, study="t", criteria={}, level=2)
