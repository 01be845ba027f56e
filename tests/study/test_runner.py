"""The runner among others: failures, divergence, stopping, and stages that other processes compute."""

from __future__ import annotations

import dataclasses
import threading
import warnings
from typing import ClassVar

import pytest

from prunelab.basics.stop import COME_BACK, INTERRUPTED, Stopped, Switch
from prunelab.config import to_study
from prunelab.records.frame import load, same
from prunelab.store.artifact import StoreError
from prunelab.store.plans import read_failures
from prunelab.store.store import Store
from prunelab.study.plan import plan
from prunelab.study.runner import Runner
from prunelab.study.stages.train import Train
from prunelab.study.workshop import Workshop
from prunelab.tracking.tracker import NoTracker
from prunelab.tracking.wandb_settings import quiet_settings
from prunelab.tracking.wandb_tracker import WandbTracker
from tests.contract.test_configs import composed
from tests.study.conftest import SMALL, Silent


class Shop:
    """A plan, and runners of it on one store."""

    def __init__(self, folder, *overrides):
        self.study = to_study(*composed(*SMALL, *overrides))
        self.folder = folder
        self.store = Store(folder / "store")
        self.plan = plan(self.study, self.workshop())

    def workshop(self):
        return Workshop(store=self.store, hardware=self.study.hardware)

    def runner(self, watcher=None, **more):
        arguments = {"tracker": NoTracker(), "watcher": watcher or Silent(), "records": self.folder / "records", **more}
        return Runner(workshop=self.workshop(), **arguments)

    def frame(self):
        return load(self.folder / "records", "t")


@pytest.fixture
def shop(tmp_path):
    return lambda *overrides: Shop(tmp_path, *overrides)


def test_a_failed_stage_costs_the_points_that_need_it_and_no_others(shop, monkeypatch):
    it = shop("schedule.controls=[reinit]", "seeds=[0,1]")
    broken = next(p for p in it.plan.points if p.axes["level"] == 1 and p.axes["control"] == "none" and p.axes["seed"] == 0).train
    run, tries = Train.run, []

    def run_or_fail(self, inputs, workshop):
        if self.key == broken.key:
            tries.append(self.key)
            raise RuntimeError("out of\nluck")
        return run(self, inputs, workshop)

    monkeypatch.setattr(Train, "run", run_or_fail)
    (failure,) = it.runner().run(it.plan)
    assert (failure.stage, failure.key, failure.error) == ("train", broken.key, "RuntimeError: out of luck")
    assert "run_or_fail" in failure.traceback
    assert tries == [broken.key]  # asked for by level 2 too, not tried twice
    rows = it.frame()
    # of seed 0 the dense network and the reinitialised one of level 1 are left: what prunes the broken one is not
    assert sorted(rows.query("seed == 0")[["level", "control"]].itertuples(index=False, name=None)) == [(0, "none"), (1, "reinit")]
    assert len(rows.query("seed == 1")) == 5
    assert read_failures(it.store.root).keys() == {broken.key}
    assert it.store.held() == {}
    monkeypatch.undo()
    assert it.runner().run(it.plan) == []
    assert read_failures(it.store.root) == {}
    assert len(it.frame()) == 10


def test_divergence_is_recorded_and_not_tried_again(shop):
    it = shop("optimizer=sgd", "optimizer.lr=1e30", "schedule.controls=[shuffle]")
    assert it.runner().run(it.plan) == []
    rows = it.frame()
    assert len(rows) == 5
    assert rows["diverged"].all()
    assert rows.query("level > 0")["test_top1"].isna().all()
    assert rows.query("level == 0")["test_top1"].notna().all()
    watcher = Silent()
    it.runner(watcher).run(it.plan)
    assert watcher.kinds == []


class Asking(Silent):
    """Asks to stop when the so-many-th training begins."""

    def __init__(self, switch, at, ask):
        super().__init__()
        self.switch, self.left, self.ask = switch, at, ask

    def computing(self, stage):
        if stage.kind == "train":
            self.left -= 1
            if self.left == 0:
                self.ask(self.switch)


@pytest.mark.parametrize("at", [1, 2, 3])
def test_asked_once_the_running_stage_is_finished_and_kept(shop, at):
    it = shop()
    switch = Switch()
    watcher = Asking(switch, at, lambda switch: switch.ask(INTERRUPTED))
    with pytest.raises(Stopped) as stopped:
        it.runner(watcher, switch=switch).run(it.plan)
    assert stopped.value.code == INTERRUPTED
    assert watcher.kinds.count("train") == at
    assert it.store.held() == {}
    again = Silent()
    it.runner(again).run(it.plan)
    assert again.kinds.count("train") == 3 - at


@pytest.mark.parametrize("schedule", ["lottery", "rigl"])
def test_stopped_within_a_stage_it_goes_on_with_the_same_bits(shop, tmp_path, schedule):
    dynamic = ["schedule=rigl", "schedule.dynamics.every=3it"] if schedule == "rigl" else []
    words = ["trainer.evaluate_every=20it", "optimizer=sgd", "optimizer.momentum=0.9", *dynamic]
    whole = Shop(tmp_path / "whole", *words)
    whole.runner().run(whole.plan)
    it = shop(*words)
    for steps in (7, 11, 1):  # in the middle of a chunk
        switch, left = Switch(), steps

        def within(switch=switch):
            nonlocal left
            left -= 1
            if left == 0:
                switch.ask(COME_BACK, within=True)
            return left <= 0

        switch.within = within
        with pytest.raises(Stopped) as stopped:
            it.runner(switch=switch).run(it.plan)
        assert stopped.value.code == COME_BACK
        assert len(list((it.store.root / "partial").iterdir())) == 1
        assert it.store.held() == {}
    watcher = Silent()
    it.runner(watcher).run(it.plan)
    assert same(whole.frame(), it.frame()) == []
    for point in it.plan.points:
        one, other = whole.store.read(point.train.key), it.store.read(point.train.key)
        assert one.tensors.keys() == other.tensors.keys()
        assert all(one.tensors[name].equal(other.tensors[name]) for name in one.tensors)
    assert not list((it.store.root / "partial").iterdir())


def test_while_another_computes_a_stage_other_points_are_dealt_with(shop):
    it = shop("seeds=[0,1]")
    first = it.plan.points[0].train
    held = it.store.lease(first.key)
    held.acquire()
    watcher = Silent()
    thread = threading.Thread(target=lambda: it.runner(watcher).run(it.plan), daemon=True)
    thread.start()
    seed_1 = [point.train.key for point in it.plan.points if point.axes["seed"] == 1]
    thread.join(0.1)
    deadline = 100
    while deadline and not all(it.store.has(key) for key in seed_1):
        thread.join(0.2)
        deadline -= 1
    assert all(it.store.has(key) for key in seed_1)
    assert thread.is_alive()
    assert not it.store.has(first.key)
    held.release()
    thread.join(60)
    assert not thread.is_alive()
    assert len(it.frame()) == 6


def test_a_beginning_that_a_longer_training_keeps_is_computed_by_nobody_else(shop):
    """The rewind point is held while the dense training runs that passes through it."""
    it = shop("schedule.rewind_to=10")
    dense = it.plan.points[0].train
    beginning, seen = dense.until(10), []

    class Looking(Silent):
        def steps(self, done):
            seen.append((it.store.has(beginning.key), beginning.key in it.store.held()))

    watcher = Looking()
    it.runner(watcher).run(it.plan)
    assert (False, True) in seen
    assert it.store.held() == {}
    assert watcher.kinds.count("train") == 3


def test_an_unreadable_record_is_written_again(shop):
    it = shop()
    it.runner().run(it.plan)
    before = it.frame()
    for path, content in zip(sorted((it.folder / "records" / "t").glob("*.json")), [b"", b"\xff\xfe", None], strict=True):
        path.write_bytes(path.read_bytes()[:-40] if content is None else content)
    watcher = Silent()
    it.runner(watcher).run(it.plan)
    assert watcher.kinds == []
    assert same(before, it.frame()) == []


def test_a_full_disk_ends_the_run_and_leaves_a_valid_store(shop, monkeypatch):
    it = shop()
    it.runner().run(dataclasses.replace(it.plan, points=it.plan.points[:1]))
    import os

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left on device: nothing was stored"):
        it.runner().run(it.plan)
    assert it.store.held() == {}
    monkeypatch.undo()
    it.runner().run(it.plan)
    assert len(it.frame()) == 3


def _records_and_warnings(it, tracker):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert it.runner(tracker=tracker).run(it.plan) == []
        tracker.flush()
    return it.frame(), [str(w.message) for w in caught if "W&B" in str(w.message)]


@pytest.mark.parametrize("dies_in", ["log", "finish", "init"])
def test_wandb_that_fails_in_the_middle_is_one_warning(shop, tmp_path, monkeypatch, dies_in):
    whole = Shop(tmp_path / "whole")
    whole.runner().run(whole.plan)
    calls = []

    def call(name):
        calls.append(name)
        if name == dies_in and calls.count(name) >= 2:
            raise TimeoutError("no answer")

    class Run:
        id = "abc"
        summary: ClassVar[dict] = {}

        class settings:  # noqa: N801
            sync_dir = str(tmp_path)

        def define_metric(self, *_, **__):
            pass

        def log(self, *_):
            call("log")

        def finish(self, **_):
            call("finish")

    def init(**_):
        call("init")
        return Run()

    monkeypatch.setattr("wandb.init", init)
    monkeypatch.setattr("prunelab.tracking.wandb_tracker.check_key", lambda: None)
    frame, said = _records_and_warnings(shop(), WandbTracker(directory=tmp_path / "home", mode="online"))
    assert same(whole.frame(), frame) == []
    assert len(said) == 1
    assert "no answer" in said[0]
    assert "kept offline" in said[0]


def test_wandb_is_told_to_give_up_soon():
    settings = quiet_settings(patience=7, save_requirements=False)
    assert (settings.init_timeout, settings.finish_timeout, settings.finish_timeout_raises) == (7, 7, True)
