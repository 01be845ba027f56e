"""Records: what is written comes back, fast, whatever happens to the index."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prunelab.records.frame import INDEX, load, same
from prunelab.records.schema import AXES, COLUMNS, Record
from prunelab.records.writer import write_record

RECORD = Record(study="s", model="m", level=1, test_top1=0.9, layer_density={"b": 0.5, "a": 0.25}, curve={"step": [1.0, 2.0]})


def test_what_is_written_comes_back(tmp_path):
    write_record(tmp_path, RECORD)
    frame = load(tmp_path, "s")
    assert list(frame.columns) == list(COLUMNS)
    row = frame.iloc[0]
    assert row["test_top1"] == 0.9
    assert list(row["layer_density"].items()) == [("b", 0.5), ("a", 0.25)]
    assert row["curve"] == {"step": [1.0, 2.0]}
    assert row.isna()["latency_seconds"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.floats(0, 1), seed=st.integers(0, 2**31), text=st.text(max_size=20))
def test_round_trip(tmp_path_factory, value, seed, text):
    root = tmp_path_factory.mktemp("records")
    record = dataclasses.replace(RECORD, test_top1=value, seed=seed, overrides=text)
    write_record(root, record)
    row = load(root, "s").iloc[0]
    assert (row["test_top1"], row["seed"], row["overrides"]) == (value, seed, text)


def test_the_same_point_again_replaces_the_record(tmp_path):
    write_record(tmp_path, RECORD)
    write_record(tmp_path, dataclasses.replace(RECORD, test_top1=0.8))
    assert load(tmp_path, "s")["test_top1"].tolist() == [0.8]


def test_the_index_is_only_a_cache(tmp_path):
    for level in range(20):
        write_record(tmp_path, dataclasses.replace(RECORD, level=level))
    cold, warm = load(tmp_path, "s"), load(tmp_path, "s")
    assert same(cold, warm) == []
    (tmp_path / "s" / INDEX).write_bytes(b"rubbish")
    assert same(cold, load(tmp_path, "s")) == []
    write_record(tmp_path, dataclasses.replace(RECORD, level=3, test_top1=0.1))
    assert load(tmp_path, "s").query("level == 3")["test_top1"].tolist() == [0.1]


def test_an_unreadable_record_is_named_and_left_out(tmp_path):
    write_record(tmp_path, RECORD)
    path = write_record(tmp_path, dataclasses.replace(RECORD, level=2))
    path.write_text(path.read_text()[:30])
    with pytest.warns(UserWarning, match=path.name):
        assert load(tmp_path, "s")["level"].tolist() == [1]


def test_columns_of_a_newer_version_are_kept(tmp_path):
    path = write_record(tmp_path, RECORD)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"watts": 3}))
    assert load(tmp_path, "s")["watts"].tolist() == [3]


def test_an_unknown_study_names_the_nearest(tmp_path):
    write_record(tmp_path, dataclasses.replace(RECORD, study="lottery_mnist5k"))
    with pytest.raises(ValueError, match="Did you mean 'lottery_mnist5k'"):
        load(tmp_path, "lottery_mnist")


def test_same_sees_any_number_and_no_time(tmp_path):
    one = dataclasses.replace(RECORD, train_seconds=1.0, created_at="now", wandb_id="x")
    changed = [dataclasses.replace(one, test_top1=0.9000001), dataclasses.replace(one, curve={"step": [1.0, 2.5]})]
    frames = []
    for index, record in enumerate([one, dataclasses.replace(one, train_seconds=2.0, created_at="then"), *changed]):
        write_record(tmp_path / str(index), record)
        frames.append(load(tmp_path / str(index), "s"))
    assert same(frames[0], frames[1]) == []
    assert len(same(frames[0], frames[2])) == len(same(frames[0], frames[3])) == 1
    assert len(same(frames[0], frames[0].iloc[:0])) == 1


def test_identity_is_the_axes():
    assert RECORD.record_id == dataclasses.replace(RECORD, test_top1=0.1).record_id
    for axis in AXES:
        other = "other" if isinstance(getattr(RECORD, axis), str) else 99
        assert dataclasses.replace(RECORD, **{axis: other}).record_id != RECORD.record_id


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden"])
def test_study_names_are_folder_names(tmp_path, name):
    with pytest.raises(ValueError, match="study name"):
        write_record(tmp_path, dataclasses.replace(RECORD, study=name))
