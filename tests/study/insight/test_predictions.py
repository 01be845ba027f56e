from __future__ import annotations

import base64
import io
import shutil

import numpy as np
import pytest
from PIL import Image

from prunelab.store.store import Store
from prunelab.study.insight.calibration import calibration_by_level
from prunelab.study.insight.exemplars import pruning_exemplars
from prunelab.study.insight.inspect import inspect
from prunelab.study.insight.networks import Networks
from prunelab.study.insight.overlap import mask_overlap
from prunelab.study.insight.predictions import predictions
from prunelab.study.insight.progress import silent
from tests.study.insight.conftest import made


def test_calibration_agrees_with_the_records(ran):
    store, frame = ran
    table = calibration_by_level(Networks(store, frame), silent).tables["calibration"]
    own = frame[frame["control"] == "none"].sort_values(["level", "seed"])
    assert table["top1"].tolist() == own["test_top1"].tolist()
    assert table["nll"].tolist() == pytest.approx(own["test_loss"].tolist(), rel=1e-4)
    assert table["ece"].tolist() == pytest.approx(own["test_ece"].tolist(), abs=1e-5)


def test_reliability_holds_every_example(ran):
    tables = calibration_by_level(Networks(*ran), silent).tables
    assert set(tables["reliability"].groupby(["seed", "level"])["count"].sum()) == {400}


def test_exemplars_count_what_the_modes_say(ran):
    networks = Networks(*ran)
    found = pruning_exemplars(networks, networks.level(2, None), silent)
    table, classes = found.tables["exemplars"], found.tables["exemplar_classes"]
    assert table["level"].tolist() == [1, 2]
    assert set(table["kind"]) == {"PIE"}
    assert (table[["num_dense", "num_pruned"]] == 3).all(axis=None)
    sums = classes.groupby("level")[["examples", "exemplars", "undecided"]].sum()
    assert sums["examples"].tolist() == [400, 400]
    assert sums[["exemplars", "undecided"]].to_numpy().tolist() == table[["exemplars", "undecided"]].to_numpy().tolist()
    own = networks.rows[networks.rows["control"] == "none"]
    modes = {}
    for level in (0, 2):
        votes = np.stack([predictions(networks, row).classes for row in own[own["level"] == level].to_dict("records")])
        modes[level] = [np.bincount(column, minlength=10) for column in votes.T]
    apart = [not ((one == one.max()) & (two == two.max())).any() for one, two in zip(modes[0], modes[2], strict=True)]
    assert table["exemplars"].tolist()[1] == sum(apart)
    assert {exemplar.index for exemplar in found.exemplars[""]} <= set(np.flatnonzero(apart))


def test_pictures_are_the_test_images(ran):
    from sklearn.datasets import load_digits

    networks = Networks(*ran)
    shown = pruning_exemplars(networks, networks.level(2, None), silent).exemplars[""]
    assert 0 < len(shown) <= 24
    originals = {tuple(np.round(image.flatten() / 16, 2)) for image in load_digits().images}
    for exemplar in shown:
        image = Image.open(io.BytesIO(base64.b64decode(exemplar.picture.partition(",")[2])))
        assert image.size == (64, 64)
        small = np.asarray(image)[::8, ::8] / 255
        assert tuple(np.round(np.round(small.flatten() * 16) / 16, 2)) in originals
        assert exemplar.words == ""


def test_predictions_are_made_once_and_need_no_network_then(tmp_path):
    store, frame = made(tmp_path, "sparsity.levels=1")
    calibration_by_level(Networks(store, frame), silent)
    keys = set(store.keys())
    for key in frame["stage_key"]:
        store.remove(key)
    found = calibration_by_level(Networks(store, frame), silent)
    assert len(found.tables["calibration"]) == 2
    assert found.notes == ()
    assert set(store.keys()) == keys - set(frame["stage_key"])


def test_with_one_seed_there_are_flips(tmp_path):
    networks = Networks(*made(tmp_path, "sparsity.levels=1"))
    found = pruning_exemplars(networks, networks.level(None, None), silent)
    row = found.tables["exemplars"].iloc[0]
    assert row["kind"] == "flips"
    assert row["undecided"] == 0
    assert np.isnan(row["dense_disagreement"])
    assert "no population" in " ".join(found.notes)
    assert "one seed" in " ".join(mask_overlap(networks, silent).notes)


def test_what_is_gone_from_the_store_is_said(ran, tmp_path):
    store, frame = ran
    shutil.copytree(store.root, tmp_path / "store")
    other = Store(tmp_path / "store")
    for key in list(other.keys()):
        other.remove(key)
    found = inspect(other, frame, study="t", criteria={}, progress=silent)
    for part in found.parts.values():
        assert all(table.empty for table in part.tables.values())
        assert "prunelab run" in " ".join(part.notes)


def test_one_network_that_is_gone_leaves_the_others(ran, tmp_path):
    store, frame = ran
    shutil.copytree(store.root, tmp_path / "store")
    other = Store(tmp_path / "store")
    gone = frame[(frame["level"] == 1) & (frame["control"] == "none") & (frame["seed"] == 1)]["stage_key"].iloc[0]
    for key in list(other.keys()):
        if key == gone or other.description(key)["kind"] == "predict":
            other.remove(key)
    found = calibration_by_level(Networks(other, frame), silent)
    assert len(found.tables["calibration"]) == 8
    assert "level 1, seed 1" in " ".join(found.notes)


def test_parts_are_chosen(ran):
    found = inspect(*ran, study="t", criteria={}, only=("calibration",))
    assert list(found.parts) == ["calibration"]
    with pytest.raises(ValueError, match="Did you mean 'overlap'"):
        inspect(*ran, study="t", criteria={}, only=("overlaps",))
    with pytest.raises(ValueError, match="nothing to compute"):
        inspect(*ran, study="t", criteria={}, only=())


def test_a_study_without_pruned_networks_is_refused(ran):
    store, frame = ran
    with pytest.raises(ValueError, match="no pruned network"):
        inspect(store, frame[frame["level"] == 0], study="t", criteria={})
