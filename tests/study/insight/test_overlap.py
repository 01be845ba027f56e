from __future__ import annotations

import pytest

from prunelab.metrics.overlap import overlap
from prunelab.study.insight.networks import Networks
from prunelab.study.insight.overlap import mask_overlap
from prunelab.study.insight.progress import silent


def test_every_pair_is_there_once(ran):
    found = mask_overlap(Networks(*ran), silent)
    table = found.tables["overlap"]
    # three pairs of seeds, two levels and two kinds of masks; one pair of kinds a level and seed; one pair of levels a kind and seed
    assert table["comparison"].value_counts().to_dict() == {"seeds": 12, "methods": 6, "levels": 6}
    assert not table.duplicated([name for name in table.columns if name not in ("iou", "chance", "greatest")]).any()
    assert ((table["iou"] >= 0) & (table["iou"] <= table["greatest"] + 1e-12)).all()


def test_nested_levels_overlap_as_much_as_can_be(ran):
    table = mask_overlap(Networks(*ran), silent).tables["overlap"]
    levels = table[table["comparison"] == "levels"]
    assert levels["iou"].tolist() == pytest.approx(levels["greatest"].tolist())
    assert levels["iou"].tolist() == pytest.approx([0.4] * len(levels), abs=1e-3)


def test_random_masks_overlap_by_chance(ran):
    table = mask_overlap(Networks(*ran), silent).tables["overlap"]
    random = table[(table["comparison"] == "seeds") & (table["control"] == "random")]
    assert len(random) == 6
    assert (random["iou"] / random["chance"]).tolist() == pytest.approx([1.0] * 6, abs=0.1)


def test_a_row_is_what_the_masks_in_the_store_say(ran):
    store, frame = ran
    row = mask_overlap(Networks(store, frame), silent).tables["overlap"].iloc[0]
    masks = []
    for prefix in ("", "other_"):
        own = frame[(frame["level"] == row[f"{prefix}level"]) & (frame["seed"] == row[f"{prefix}seed"])]
        own = own[own["control"] == row[f"{prefix}control"]]
        masks.append(store.read(store.description(own["stage_key"].iloc[0])["masks"]).tensors)
    assert row["iou"] == overlap(*masks).observed


def test_controls_without_a_mask_of_their_own_are_said(ran):
    notes = " ".join(mask_overlap(Networks(*ran), silent).notes)
    assert "Control small_dense is a network without a mask" in notes
    assert "Control reinit keeps the masks" in notes


def test_progress_ends_where_it_should(ran):
    said = []
    mask_overlap(Networks(*ran), lambda what, done, total: said.append((what, done, total)))
    assert said[-1] == ("overlap of masks", 24, 24)


def test_levels_are_found_by_number_and_by_sparsity(ran):
    networks = Networks(*ran)
    assert networks.level(None, None).number == 2
    assert networks.level(1, None).number == 1
    assert networks.level(None, 0.5).number == 1
    assert networks.level(None, 0.5).density == pytest.approx(0.4, abs=1e-3)
    with pytest.raises(ValueError, match=r"no pruned network of level 7; the study has levels 1 \(40"):
        networks.level(7, None)
    with pytest.raises(ValueError, match="not both"):
        networks.level(1, 0.5)
    with pytest.raises(ValueError, match="sparsity 60 must be in"):
        networks.level(None, 60)
