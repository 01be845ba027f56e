"""The records of a serial sweep, on clusters: `make test-ray`, and `make test-slurm`, which starts a real Slurm first."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

from prunelab.records.frame import same
from prunelab.store.store import Store
from tests.integration.test_cli import prunelab
from tests.integration.test_sweeps import SWEEP, computed, folder, frame, start, wait_for

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    home = folder(tmp_path_factory.mktemp("serial"))
    prunelab(home, *SWEEP)
    return home


def check(serial, home):
    assert same(frame(serial), frame(home)) == []
    assert set(computed(home).values()) == {1}
    assert computed(home).keys() == computed(serial).keys()
    assert Store(home / "store").held() == {}
    assert not (home / "sweeps").exists()


@pytest.mark.skipif("PRUNELAB_TEST_RAY" not in os.environ, reason="`make test-ray` runs it")
def test_ray_gives_the_records_of_a_serial_sweep(serial, tmp_path):
    home = folder(tmp_path)
    done = prunelab(home, *SWEEP, "hydra/launcher=ray", "+hydra.launcher.ray.init.num_cpus=2")
    assert "4 of 4 jobs done" in done.stdout
    check(serial, home)


SLURM = pytest.mark.skipif("SLURM_CONF" not in os.environ, reason="`make test-slurm` runs it")
LAUNCHER = ["hydra/launcher=slurm", "hydra.launcher.mem_gb=1", "hydra.launcher.partition=all"]


@SLURM
def test_slurm_gives_the_records_of_a_serial_sweep(serial, tmp_path):
    home = folder(tmp_path)
    done = prunelab(home, *SWEEP, *LAUNCHER)
    assert "4 of 4 jobs done" in done.stdout
    check(serial, home)


@SLURM
def test_a_job_that_slurm_takes_off_its_node_goes_on_where_it_was(tmp_path):
    """What `scontrol requeue` does to a job is what a preemption does: SIGTERM, then the same job again."""
    words = [*SWEEP[:-2], "trainer.length=100ep", "seeds=[0]", "sparsity.levels=1", "hardware.checkpoint_seconds=1000"]
    whole, home = folder(tmp_path / "whole"), folder(tmp_path / "cluster")
    prunelab(whole, *words)
    process = start(home, *words, *LAUNCHER)
    store = Store(home / "store")
    wait_for(lambda: any(holder for key, holder in store.held().items() if list(store.keys())))
    time.sleep(2)
    job = subprocess.run(["squeue", "--noheader", "--format=%i"], capture_output=True, text=True, check=True).stdout.split()[0]
    subprocess.run(["scontrol", "requeue", job], check=True)
    wait_for(lambda: (store.root / "partial").is_dir() and list((store.root / "partial").iterdir()))
    said, _ = process.communicate(timeout=600)
    assert process.returncode == 0, said
    check(whole, home)


@SLURM
def test_out_of_time_a_job_keeps_a_checkpoint_and_is_queued_again(tmp_path):
    """submitit's signal, sent by hand: Slurm's own clock counts in minutes."""
    words = [*SWEEP[:-2], "trainer.length=100ep", "seeds=[0]", "sparsity.levels=1", "hardware.checkpoint_seconds=1000"]
    whole, home = folder(tmp_path / "whole"), folder(tmp_path / "cluster")
    prunelab(whole, *words)
    process = start(home, *words, *LAUNCHER)
    store = Store(home / "store")
    wait_for(lambda: store.held() and list(store.keys()))
    time.sleep(2)
    (holder,) = {int(who["pid"]) for who in store.held().values()}
    os.kill(holder, signal.SIGUSR2)
    wait_for(lambda: (store.root / "partial").is_dir() and list((store.root / "partial").iterdir()))
    said, _ = process.communicate(timeout=600)
    assert process.returncode == 0, said
    check(whole, home)
