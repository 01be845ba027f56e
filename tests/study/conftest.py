"""Small studies, run in this process."""

from __future__ import annotations

import pytest
import torch

from prunelab.config import to_study
from prunelab.store.store import Store
from prunelab.study.plan import plan
from prunelab.study.points import Point
from prunelab.study.runner import Runner
from prunelab.study.workshop import Workshop
from prunelab.tracking.tracker import NoTracker
from tests.contract.test_configs import composed

SMALL = ["name=t", "dataset=digits", "trainer.length=20it", "trainer.evaluate_every=10it", "hardware=cpu", "sparsity.levels=2"]


class Silent:
    """A watcher that counts what is computed."""

    def __init__(self):
        self.kinds: list[str] = []

    def computed(self, stage):
        self.kinds.append(stage.kind)

    def __getattr__(self, name):
        return lambda *_: None


@pytest.fixture
def run(tmp_path):
    def run(*overrides):
        study = to_study(*composed(*SMALL, *overrides))
        workshop, watcher = Workshop(store=Store(tmp_path / "store"), hardware=study.hardware), Silent()
        made = plan(study, workshop)
        records = tmp_path / "records"
        Runner(workshop=workshop, records=records, tracker=NoTracker(directory=tmp_path), watcher=watcher).run(made)
        return made, workshop, watcher

    return run


def weights_of(workshop, point):
    """What the point's training ended with."""
    return workshop.store.read(point.train.key).tensors


def by_control(made, level):
    """The points of a level by their control."""
    return {p.axes["control"]: p for p in made.points if isinstance(p, Point) and p.axes["level"] == level}


def same(one, other):
    """Whether two states are equal to the bit."""
    return all(torch.equal(one[name], other[name]) for name in one)
