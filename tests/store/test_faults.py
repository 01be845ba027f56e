"""What machines do to a store: clocks, disks, permissions, versions."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time

import pytest
import torch

from prunelab.store.artifact import Artifact, Held, StoreError
from prunelab.store.lease import Lease
from prunelab.store.store import Store

KEY, OTHER = "ab" * 32, "cd" * 32


def artifact(size=50):
    return Artifact(tensors={"w": torch.arange(float(size))}, data={"x": 1})


@pytest.mark.parametrize("ahead", [-7200, 7200])
def test_clocks_that_differ_between_hosts_do_not_matter(tmp_path, monkeypatch, ahead):
    """Time stamps come from the file server; the time of this host, hours off, is never compared with them."""
    holder = Lease(tmp_path / "x", beat=1000)
    holder.acquire()
    text = holder.path.read_text().replace(socket.gethostname(), "elsewhere")
    holder.path.write_text(text)
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + ahead)
    other = Lease(tmp_path / "x")
    assert other.alive
    assert not other.try_acquire()
    beat_missed = now() - other.stale_after - 5
    os.utime(holder.path, (beat_missed, beat_missed))
    assert not other.alive
    assert other.try_acquire()
    assert holder.lost
    other.release()


def test_a_holder_on_another_host_is_not_looked_for_on_this_one(tmp_path):
    """Its process number means nothing here: only its heartbeat counts."""
    holder = Lease(tmp_path / "x", beat=1000)
    holder.acquire()
    text = holder.path.read_text().replace(socket.gethostname(), "elsewhere").replace(f'"pid": {os.getpid()}', '"pid": 999999999')
    holder.path.write_text(text)
    assert not Lease(tmp_path / "x").try_acquire()
    holder.path.write_text(text.replace("elsewhere", socket.gethostname()))
    assert Lease(tmp_path / "x").try_acquire()


def test_who_does_not_wait_is_told_that_it_is_held(tmp_path):
    store = Store(tmp_path)
    with store.lease(KEY):
        with pytest.raises(Held):
            store.compute(KEY, artifact, description={}, wait=False)
        assert store.held()[KEY]["pid"] == os.getpid()
        assert store.compute(OTHER, artifact, description={}, wait=False)[1]
    assert store.held() == {}
    assert store.compute(KEY, artifact, description={}, wait=False)[1]


@pytest.fixture
def small_disk(tmp_path):
    """Two megabytes of real file system."""
    folder = tmp_path / "disk"
    folder.mkdir()
    line = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(line, capture_output=True, check=False).returncode:
        pytest.skip("mounting a tmpfs is not allowed here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_full_is_one_error_and_the_store_stays_valid(small_disk):
    store = Store(small_disk / "store")
    store.compute(KEY, artifact, description={})
    with pytest.raises(StoreError, match="No space left on device: nothing was stored"):
        store.compute(OTHER, lambda: artifact(10**6), description={})
    assert not store.has(OTHER)
    assert torch.equal(store.read(KEY).tensors["w"], artifact().tensors["w"])
    assert list((store.root / "temporary").iterdir()) == list((store.root / "leases").iterdir()) == []
    assert store.compute(OTHER, artifact, description={})[1]  # there is room again for what is small


def test_without_room_for_a_lease_the_error_is_the_same(small_disk):
    store = Store(small_disk / "store")
    store.compute(KEY, artifact, description={})
    filler = os.open(small_disk / "filler", os.O_CREAT | os.O_WRONLY)
    with contextlib.suppress(OSError):
        while True:
            os.write(filler, b"x" * 4096)
    os.close(filler)
    with pytest.raises(StoreError, match="nothing was stored"):
        store.compute(OTHER, artifact, description={})
    assert store.read(KEY).data == {"x": 1}
    (small_disk / "filler").unlink()
    assert store.compute(OTHER, artifact, description={})[1]
    assert store.held() == {}


def test_a_read_only_store_can_be_read_and_says_why_it_cannot_be_written(small_disk):
    store = Store(small_disk / "store")
    store.compute(KEY, artifact, description={})
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert store.compute(KEY, artifact, description={})[0].data == {"x": 1}
    assert store.held() == {}
    with pytest.raises(StoreError, match=r"Read-only file system: nothing was stored \(space left\? writable\?\)"):
        store.compute(OTHER, artifact, description={})
    assert not store.has(OTHER)


def test_a_newer_store_is_named_and_left_alone(tmp_path):
    store = Store(tmp_path)
    store.compute(KEY, artifact, description={})
    path = store.folder(KEY) / "manifest.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    for wait in (True, False):
        with pytest.raises(ValueError, match=r"written by a newer prunelab \(format 2, this one reads 1\)"):
            store.compute(KEY, artifact, description={}, wait=wait)
    assert store.has(KEY)


_STORE_AND_DIE = """
import os, sys
from pathlib import Path
from prunelab.store.artifact import Artifact
from prunelab.store.store import Store
store = Store(Path(sys.argv[1]))
store.write_partial("ab" * 32, Artifact(data={"step": 1}))
store.lease("ab" * 32).acquire()
store.write("ab" * 32, Artifact(), description={})
os.kill(os.getpid(), 9)
"""


def test_what_a_process_leaves_that_died_right_after_it_stored_is_cleared_away(tmp_path):
    store = Store(tmp_path)
    subprocess.run([sys.executable, "-c", _STORE_AND_DIE, str(tmp_path)], check=False)
    assert store.has(KEY)
    store.write(OTHER, artifact(), description={})
    with store.lease(OTHER):  # somebody alive, about to give it back
        store.tidy()
        assert [path.stem for path in (store.root / "leases").iterdir()] == [OTHER]
    assert not list((store.root / "partial").iterdir())
    store.write_partial("ef" * 32, artifact())
    store.tidy()
    assert store.read_partial("ef" * 32) is not None  # of a stage that is still to be computed
