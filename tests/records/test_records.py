"""Records: what is written comes back, fast, whatever happens to the index."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prunelab.records.frame import INDEX, load, same
from prunelab.records.schema import AXES, COLUMNS, Record
from prunelab.records.writer import RecordWriter, write_record

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


_STRATEGIES = {
    "str": st.text(max_size=10),
    "str | None": st.none() | st.text(max_size=10),
    "int": st.integers(-(2**40), 2**40),
    "bool": st.booleans(),
    "int | None": st.none() | st.integers(0, 2**53),
    "float | None": st.none() | st.floats(),
    "dict[str, float] | None": st.none() | st.dictionaries(st.text(max_size=5), st.floats(allow_nan=False), max_size=4),
    "dict[str, list[float]] | None": st.none()
    | st.dictionaries(st.text(max_size=5), st.lists(st.floats(allow_nan=False) | st.none(), max_size=4), max_size=3),
}
_ANY = {field.name: _STRATEGIES[str(field.type)] for field in dataclasses.fields(Record)}


def _equal(read, written):
    if written is None or written != written:
        return read is None or read != read
    return read == written and (not isinstance(written, dict) or list(read) == list(written))


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.fixed_dictionaries(_ANY), min_size=1, max_size=4))
def test_round_trip(tmp_path_factory, rows):
    root = tmp_path_factory.mktemp("records")
    written = {}
    for row in rows:
        record = Record(**row | {"study": "s"})
        written[RecordWriter(root).write(record)] = record
    for frame in (load(root, "s"), load(root)):  # first from the files, then from the index
        assert len(frame) == len(written)
        for record in written.values():
            fits = [row for _, row in frame.iterrows() if all(row[axis] == getattr(record, axis) for axis in AXES)]
            assert len(fits) == 1
            assert all(_equal(fits[0][name], getattr(record, name)) for name in COLUMNS)


def test_types_are_those_of_the_schema(tmp_path):
    write_record(tmp_path, RECORD)
    for frame in (load(tmp_path), load(tmp_path), load(tmp_path / "none")):
        assert {frame[name].dtype.name for name in ("seed", "level", "rewind_step")} == {"int64"}
        assert {frame[name].dtype.name for name in ("test_top1", "multiply_adds", "threads")} == {"float64"}
        assert {frame[name].dtype.name for name in ("study", "curve", "wandb_id")} == {"object"}
        assert frame["diverged"].dtype.name == "bool"


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


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_index_never_changes_a_number(indexed_study, data):
    root, expected, content = indexed_study
    damaged = bytearray(content)
    damaged[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    (root / "s" / INDEX).write_bytes(damaged)
    assert same(expected, load(root, "s")) == []


@pytest.fixture(scope="module")
def indexed_study(tmp_path_factory):
    root = tmp_path_factory.mktemp("records")
    for level in range(10):
        write_record(root, dataclasses.replace(RECORD, level=level, test_loss=1 / (level + 1)))
    return root, load(root, "s"), (root / "s" / INDEX).read_bytes()


def test_a_record_rewritten_within_a_tick_is_read_again(tmp_path):
    path = write_record(tmp_path, RECORD)
    load(tmp_path, "s")
    before = path.stat()
    write_record(tmp_path, dataclasses.replace(RECORD, test_top1=0.8))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert load(tmp_path, "s")["test_top1"].tolist() == [0.8]


def test_a_deleted_record_leaves_the_frame(tmp_path):
    write_record(tmp_path, RECORD)
    path = write_record(tmp_path, dataclasses.replace(RECORD, level=2))
    assert load(tmp_path, "s")["level"].tolist() == [1, 2]
    path.unlink()
    assert load(tmp_path, "s")["level"].tolist() == [1]


def test_only_changed_records_are_read(tmp_path, monkeypatch):
    for level in range(3):
        write_record(tmp_path, dataclasses.replace(RECORD, level=level))
    load(tmp_path, "s")
    changed = write_record(tmp_path, dataclasses.replace(RECORD, level=1, test_top1=0.5))
    opened, read_text = [], Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda path, *a, **k: opened.append(path) or read_text(path, *a, **k))
    assert load(tmp_path, "s")["test_top1"].tolist() == [0.9, 0.5, 0.9]
    load(tmp_path, "s")
    assert opened == [changed]


def test_an_index_elsewhere_is_of_one_study(tmp_path):
    with pytest.raises(ValueError, match="can hold the index of one study"):
        load(tmp_path, index_file=tmp_path / "index.parquet")


def test_a_folder_that_cannot_be_written_still_loads(tmp_path, monkeypatch):
    write_record(tmp_path, RECORD)

    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(pq, "write_table", refuse)
    assert len(load(tmp_path, "s")) == 1
    assert not (tmp_path / "s" / INDEX).exists()


@pytest.mark.parametrize("content", ["", "{", "[]", "3", '{"test_top1": "high"}', '{"level": 1.5}', '{"curve": [1]}', '{"model": 3}', "\0"])
def test_an_unreadable_record_is_named_and_left_out(tmp_path, content):
    write_record(tmp_path, RECORD)
    path = write_record(tmp_path, dataclasses.replace(RECORD, level=2))
    path.write_text(content)
    for _ in range(2):  # every time, not only while it is new
        with pytest.warns(UserWarning, match=path.name):
            assert load(tmp_path, "s")["level"].tolist() == [1]


def test_loading_stays_fast(tmp_path):
    (tmp_path / "s").mkdir()
    curve = {name: [0.123456 * step for step in range(20)] for name in ("step", "validation_loss", "validation_top1", "train_loss")}
    row = dataclasses.asdict(dataclasses.replace(RECORD, curve=curve))
    for seed in range(5000):
        (tmp_path / "s" / f"{seed}.json").write_text(json.dumps(row | {"seed": seed}))
    load(tmp_path, "s")

    def seconds(action):
        started = time.process_time()
        assert len(action()) == 5000
        return time.process_time() - started

    # against reading every record, in turns, so that a busy machine slows both
    both = [
        (seconds(lambda: load(tmp_path, "s")), seconds(lambda: [json.loads(path.read_bytes()) for path in (tmp_path / "s").glob("*.json")]))
        for _ in range(3)
    ]
    warm, every = (min(times) for times in zip(*both, strict=True))
    assert warm < 0.7 * every


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


def test_same_sees_a_row_that_is_there_twice_and_no_order(tmp_path):
    write_record(tmp_path, RECORD)
    write_record(tmp_path, dataclasses.replace(RECORD, level=2))
    frame = load(tmp_path, "s")
    assert same(frame, frame.iloc[::-1]) == []
    assert len(same(frame, pd.concat([frame, frame.iloc[:1]]))) == 1


def test_identity_is_the_axes():
    assert RECORD.record_id == dataclasses.replace(RECORD, test_top1=0.1).record_id
    for axis in AXES:
        other = "other" if isinstance(getattr(RECORD, axis), str) else 99
        assert dataclasses.replace(RECORD, **{axis: other}).record_id != RECORD.record_id


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden"])
def test_study_names_are_folder_names(tmp_path, name):
    with pytest.raises(ValueError, match="study name"):
        write_record(tmp_path, dataclasses.replace(RECORD, study=name))
