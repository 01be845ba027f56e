"""Many `kill -9`s of a sweep's launcher and workers: nothing is lost, and nothing but what was killed is computed twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from prunelab.records.frame import same
from prunelab.store.store import Store
from tests.integration.test_cli import command, prunelab
from tests.integration.test_sweeps import SWEEP, computed, folder, frame, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.skipif("PRUNELAB_TEST_CHAOS" not in os.environ, reason="`make test-chaos` runs it")]

KILLS = int(os.environ.get("PRUNELAB_TEST_CHAOS", "20"))
CHAOS = [*SWEEP, "trainer.length=80ep", "sparsity.levels=3", "schedule.rewind_to=38", "schedule.controls=[reinit]",
         "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "hardware.checkpoint_seconds=0.2"]  # fmt: skip


def children(pid: int) -> list[int]:
    """All processes below `pid`."""
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found += [int(path.parent.name), *children(int(path.parent.name))]
    return found


def kill(pid: int) -> bool:
    """Whether there was somebody to kill."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def begun(home: Path) -> Counter[str]:
    lines = [line.split() for path in home.glob("hydra/**/stages.log") for line in path.read_text().splitlines()]
    return Counter(words[4] for words in lines if len(words) > 4 and words[2] == "begin")


def test_nothing_is_lost(tmp_path):
    undisturbed, home = folder(tmp_path / "undisturbed"), folder(tmp_path / "chaos")
    prunelab(undisturbed, *CHAOS)
    chance, kills, runs = random.Random(0), 0, 0
    line, environment = command(home, *CHAOS)
    store = Store(home / "store")
    while kills < KILLS:
        process = subprocess.Popen(line, env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        runs += 1
        while process.poll() is None and kills < KILLS:
            wait_for(lambda process=process: store.held() or process.poll() is not None)
            time.sleep(chance.uniform(0, 2))
            workers = [pid for pid in {int(who["pid"]) for who in store.held().values()} if pid in children(process.pid)]
            victim = process.pid if not workers or chance.random() < 0.3 else chance.choice(workers)
            orphans = children(process.pid)
            if process.poll() is not None:
                break
            kills += kill(victim)
            if victim == process.pid:
                process.wait()
                for orphan in orphans:  # as a batch system does with what is left of a job
                    kill(orphan)
        process.wait()
        if len(list(store.keys())) == len(list(Store(undisturbed / "store").keys())):
            break
    prunelab(home, *CHAOS)
    assert kills == KILLS, f"the sweep was done after {kills} kills: it is too short for {KILLS}"
    assert same(frame(undisturbed), frame(home)) == []
    for key in Store(undisturbed / "store").keys():  # noqa: SIM118
        one, other = Store(undisturbed / "store").read(key), store.read(key)
        assert one.tensors.keys() == other.tensors.keys()
        assert all(one.tensors[name].equal(other.tensors[name]) for name in one.tensors)
    assert set(computed(home).values()) == {1}
    assert sum((begun(home) - computed(home)).values()) <= 2 * kills  # a launcher takes its two workers along
    assert list((home / "store" / "leases").glob("*")) == []
    assert list((home / "store" / "partial").glob("*")) == []
    again = sum((begun(home) - computed(home)).values())
    assert again >= kills / 4, "most kills are to hit a stage that runs"
    print(f"{kills} kills in {runs} runs, {again} stages begun again")
