"""The store under damage, kills and company."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import warnings
from multiprocessing import get_context

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from prunelab.store.artifact import Artifact, DamagedArtifact
from prunelab.store.lease import _HEART, Lease
from prunelab.store.store import Store

KEY = "ab" * 32


def _artifact(value: float = 1.0) -> Artifact:
    return Artifact(tensors={"w": torch.full((50,), value), "m": torch.arange(6).reshape(2, 3).t() > 2}, data={"top1": 0.5})


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def test_what_is_written_is_read(store):
    store.write(KEY, _artifact(), description={"kind": "train"})
    read = store.read(KEY)
    assert torch.equal(read.tensors["w"], _artifact().tensors["w"])
    assert torch.equal(read.tensors["m"], _artifact().tensors["m"])
    assert read.data == {"top1": 0.5} == store.data(KEY)
    assert list(store.keys()) == [KEY]


def test_a_key_that_exists_is_left_alone(store):
    store.write(KEY, _artifact(1.0), description={})
    store.write(KEY, _artifact(2.0), description={})
    assert float(store.read(KEY).tensors["w"][0]) == 1.0
    assert not list((store.root / "temporary").iterdir())


@pytest.mark.parametrize("name", ["tensors.safetensors", "data.json", "manifest.json"])
@pytest.mark.parametrize("damage", ["truncate", "flip"])
def test_damage_is_noticed_set_aside_and_mended(store, name, damage):
    store.write(KEY, _artifact(), description={})
    path = store.root / "artifacts" / KEY[:2] / KEY / name
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[0 if name == "manifest.json" else len(content) // 2] ^= 0x10
    path.write_bytes(content[: len(content) // 2] if damage == "truncate" else content)
    with pytest.warns(UserWarning, match="not what was written; set aside"):
        again, computed = store.compute(KEY, _artifact, description={})
    assert computed
    assert torch.equal(again.tensors["w"], store.read(KEY).tensors["w"])
    assert len(list((store.root / "damaged").iterdir())) == 1


@pytest.mark.parametrize("content", ["[]", "{}", '{"format": 1}', '{"format": "x", "sha256": {}}', '{"format": 1, "sha256": []}', None])
def test_a_manifest_that_is_none_is_mended(store, content):
    store.write(KEY, _artifact(), description={})
    path = store.root / "artifacts" / KEY[:2] / KEY / "manifest.json"
    path.unlink() if content is None else path.write_text(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert store.compute(KEY, _artifact, description={})[1]
    assert store.read(KEY).data == {"top1": 0.5}
    assert len(list((store.root / "damaged").iterdir())) == 1


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(["tensors.safetensors", "data.json"]), place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_no_flipped_bit_is_ever_read(tmp_path_factory, name, place, bit):
    store = Store(tmp_path_factory.mktemp("store"))
    store.write(KEY, _artifact(), description={})
    path = store.root / "artifacts" / KEY[:2] / KEY / name
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    path.write_bytes(content)
    with pytest.raises(DamagedArtifact):
        store.read(KEY)


def test_reading_damage_alone_says_so(store):
    store.write(KEY, _artifact(), description={})
    path = store.root / "artifacts" / KEY[:2] / KEY / "tensors.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedArtifact, match=r"tensors\.safetensors"):
        store.read(KEY)
    assert not store.has(KEY)


def test_a_newer_format_is_refused(store):
    store.write(KEY, _artifact(), description={})
    path = store.root / "artifacts" / KEY[:2] / KEY / "manifest.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 99'))
    with pytest.raises(ValueError, match="newer prunelab"):
        store.compute(KEY, _artifact, description={})


def test_a_newer_format_with_other_files_is_left_where_it_is(store):
    store.write(KEY, _artifact(), description={})
    path = store.root / "artifacts" / KEY[:2] / KEY / "manifest.json"
    path.write_text('{"format": 99, "blake3": {}}')
    with pytest.raises(ValueError, match="newer prunelab"):
        store.read(KEY)
    assert store.has(KEY)


def test_a_wrong_key_is_refused(store):
    with pytest.raises(ValueError, match="64 hexadecimal"):
        store.has("../../etc")


def test_a_failing_stage_leaves_nothing(store):
    def fail():
        raise RuntimeError("out of luck")

    with pytest.raises(RuntimeError):
        store.compute(KEY, fail, description={})
    assert not store.has(KEY)
    assert not list((store.root / "leases").iterdir())


def test_a_full_disk_is_one_clear_error_and_a_valid_store(store, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="nothing was stored"):
        store.write(KEY, _artifact(), description={})
    assert not store.has(KEY)
    assert not list((store.root / "temporary").iterdir())


def test_a_place_that_cannot_be_written_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OSError, match="nothing was stored"):
        Store(tmp_path / "file").write(KEY, _artifact(), description={})


_WRITE = """
import os, sys, time
from pathlib import Path
import torch
from prunelab.store.artifact import Artifact
from prunelab.store.store import Store
def hang(descriptor):
    print("writing", flush=True)
    time.sleep(60)
os.fsync = hang
Store(Path(sys.argv[1])).write(sys.argv[2], Artifact(tensors={"w": torch.ones(9)}), description={})
"""


def test_a_writer_killed_midway_leaves_a_valid_store(store):
    process = subprocess.Popen([sys.executable, "-c", _WRITE, str(store.root), KEY], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    process.kill()
    process.wait()
    process.stdout.close()
    (left,) = (store.root / "temporary").iterdir()
    assert not store.has(KEY)
    assert list(store.keys()) == []
    os.utime(left, (1, 1))  # long ago: the next writer clears it away
    assert store.compute(KEY, _artifact, description={})[1]
    assert list((store.root / "temporary").iterdir()) == []


def test_partials_are_kept_replaced_and_dropped(store):
    assert store.read_partial(KEY) is None
    for value in (1.0, 2.0):
        store.write_partial(KEY, _artifact(value))
    partial = store.read_partial(KEY)
    assert partial is not None
    assert float(partial.tensors["w"][0]) == 2.0
    assert len(list((store.root / "partial" / KEY).iterdir())) == 1
    store.compute(KEY, _artifact, description={})
    assert store.read_partial(KEY) is None


def _compute(root, log):
    def make():
        with open(log, "a") as file:  # noqa: PTH123
            file.write("x")
        time.sleep(0.3)
        return _artifact()

    Store(root).compute(KEY, make, description={})


def test_processes_that_want_the_same_compute_it_once(tmp_path):
    context, log = get_context("spawn"), tmp_path / "log"
    processes = [context.Process(target=_compute, args=(tmp_path / "store", log)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert log.read_text() == "x"


_HOLD = """
import sys, time
from pathlib import Path
from prunelab.store.lease import Lease
lease = Lease(Path(sys.argv[1]))
lease.acquire()
print("held", flush=True)
time.sleep(60)
"""


def _holder(path):
    process = subprocess.Popen([sys.executable, "-c", _HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_killed_holder_is_taken_over(tmp_path):
    path = tmp_path / "x.lease"
    process = _holder(path)
    lease = Lease(path)
    assert not lease.try_acquire()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()
    lease.acquire(timeout=2)
    assert not lease.lost
    lease.release()
    assert list(tmp_path.iterdir()) == []


def test_a_paused_holder_loses_its_lease_and_learns_it(tmp_path):
    path = tmp_path / "x.lease"
    held = Lease(path, beat=1000)
    held.acquire()
    old = path.stat().st_mtime - 100
    os.utime(path, (old, old))
    thief = Lease(path)
    thief.acquire(timeout=2)
    assert held.lost
    held.release()
    assert not thief.lost
    assert path.exists()
    thief.release()


def test_of_two_that_found_it_stale_one_has_it(tmp_path, monkeypatch):
    path = tmp_path / "x.lease"
    dead, one, two = Lease(path, beat=1000), Lease(path), Lease(path)
    dead.acquire()
    os.utime(path, (1, 1))
    look = one._stale

    def slow_look():
        seen = look()
        assert two.try_acquire()
        return seen

    monkeypatch.setattr(one, "_stale", slow_look)
    assert not one.try_acquire()
    assert not two.lost
    two.release()
    assert list(tmp_path.iterdir()) == []


def test_a_holder_that_wakes_in_time_keeps_it(tmp_path, monkeypatch):
    held, other = Lease(tmp_path / "x", beat=1000), Lease(tmp_path / "x")
    held.acquire()
    os.utime(held.path, (1, 1))
    look = other._stale

    def slow_look():
        seen = look()
        held.touch()
        return seen

    monkeypatch.setattr(other, "_stale", slow_look)
    assert not other.try_acquire()
    assert not held.lost
    held.release()


def test_a_former_holder_does_not_keep_its_successor_alive(tmp_path):
    former, holder = Lease(tmp_path / "x", beat=1000), Lease(tmp_path / "x", beat=1000)
    former.acquire()
    os.utime(former.path, (1, 1))
    assert holder.try_acquire()
    os.utime(former.path, (1, 1))
    former.touch()
    assert holder.path.stat().st_mtime == 1
    holder.touch()
    assert holder.path.stat().st_mtime > 1
    holder.release()


def test_a_quick_beat_begins_at_once(tmp_path):
    with Lease(tmp_path / "slow"):  # the thread now rests for seconds
        time.sleep(0.05)
        with Lease(tmp_path / "quick", beat=0.05) as quick:
            os.utime(quick.path, (1, 1))
            time.sleep(0.4)
            assert quick.path.stat().st_mtime > 1


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_leaves_its_parents_leases_alone(tmp_path):
    with Lease(tmp_path / "x"):
        assert len(_HEART._leases) == 1
        child = os.fork()
        if child == 0:
            os._exit(len(_HEART._leases))
        assert os.waitpid(child, 0)[1] == 0


def test_a_lease_is_cheap(tmp_path):
    with Lease(tmp_path / "x"):
        pass
    taken = []
    for _ in range(50):
        started = time.perf_counter()
        with Lease(tmp_path / "x"):
            pass
        taken.append(time.perf_counter() - started)
    assert min(taken) < 0.002


def test_a_living_holder_is_waited_for(tmp_path):
    held, other = Lease(tmp_path / "x"), Lease(tmp_path / "x")
    held.acquire()
    with pytest.raises(TimeoutError, match=str(os.getpid())):
        other.acquire(timeout=0.1)
    held.release()
    assert other.try_acquire()
    other.release()
