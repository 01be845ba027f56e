"""A small study with several seeds and controls, run once in this process."""

from __future__ import annotations

import pytest

from prunelab.config import to_study
from prunelab.records.frame import load
from prunelab.store.store import Store
from prunelab.study.plan import plan
from prunelab.study.runner import Runner
from prunelab.study.workshop import Workshop
from prunelab.tracking.tracker import NoTracker
from tests.contract.test_configs import composed
from tests.study.conftest import SMALL, Silent


def made(folder, *overrides):
    """The store and the records of a study."""
    study = to_study(*composed(*SMALL, *overrides))
    workshop = Workshop(store=Store(folder / "store"), hardware=study.hardware)
    Runner(workshop=workshop, records=folder / "records", tracker=NoTracker(directory=folder), watcher=Silent()).run(plan(study, workshop))
    return workshop.store, load(folder / "records", study.name)


@pytest.fixture(scope="session")
def ran(tmp_path_factory):
    """Three seeds, two levels, and controls with a mask of their own, with the ticket's, and with none. Nobody may change it."""
    folder = tmp_path_factory.mktemp("insight")
    return made(folder, "seeds=[0,1,2]", "sparsity.rate=0.6", "schedule.controls=[reinit,random,small_dense]")
