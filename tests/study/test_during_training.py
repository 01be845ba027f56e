"""Studies that prune while they train, and distillation."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from prunelab.config import to_study
from prunelab.pruning import masks
from prunelab.records.frame import load
from prunelab.store.store import Store
from prunelab.study.plan import plan
from prunelab.study.stages.sparse_train import SparseTrain
from prunelab.study.workshop import Workshop
from tests.contract.test_configs import composed
from tests.study.conftest import SMALL, by_control

SPARSE = ["sparsity=list", "sparsity.values=[0.5,0.9]"]


def _rows(tmp_path):
    return load(tmp_path / "records", "t")


@pytest.mark.parametrize("schedule", ["rigl", "gmp", "movement"])
def test_each_sparsity_is_a_training_of_its_own(run, tmp_path, schedule):
    every = {"rigl": "3it", "gmp": "4it", "movement": "1it"}[schedule]
    made, workshop, watcher = run(*SPARSE, f"schedule={schedule}", f"schedule.dynamics.every={every}")
    trained = [point.train for point in made.points if point.axes["level"]]
    assert [type(stage) for stage in trained] == [SparseTrain, SparseTrain]
    assert watcher.kinds.count("train") == 3
    rows = _rows(tmp_path).sort_values("level")
    assert rows["schedule"].tolist() == [schedule] * 3
    assert rows["criterion"].tolist() == [{"rigl": "random", "gmp": "magnitude", "movement": "learned"}[schedule]] * 3
    assert rows["sparsity"].tolist() == pytest.approx([0.0, 0.5, 0.9], abs=1e-5)
    assert rows["mask_step"].notna().tolist() == [False, True, True]
    for stage in trained:
        tensors = workshop.store.read(stage.key).tensors
        held = {name.removeprefix("mask/"): mask for name, mask in tensors.items() if name.startswith("mask/")}
        assert masks.density(held) in (pytest.approx(0.5, abs=1e-5), pytest.approx(0.1, abs=1e-5))
        assert all(torch.count_nonzero(tensors[name][~mask]) == 0 for name, mask in held.items())
    assert run(*SPARSE, f"schedule={schedule}", f"schedule.dynamics.every={every}")[2].kinds == []


def test_controls_of_a_network_pruned_while_training(run):
    made, workshop, _ = run(
        "schedule=rigl", "schedule.dynamics.every=3it", "schedule.controls=[reinit,shuffle,random,small_dense,inverted]"
    )
    points = by_control(made, 1)
    kept = {name: workshop.store.read(point.measure.masks.key).tensors for name, point in points.items() if point.measure.masks}
    for name in ("reinit", "shuffle", "random", "inverted"):
        assert masks.kept(kept[name]) == masks.kept(kept["none"])
    assert masks.intersection_over_union(kept["reinit"], kept["none"]) == 1.0
    assert points["shuffle"].train.weights.key == points["none"].train.weights.key != points["reinit"].train.weights.key


def test_every_option_of_a_method_is_part_of_the_key_and_of_the_variant():
    def study(*more):
        return to_study(*composed(*SMALL, "schedule=rigl", "schedule.dynamics.every=3it", *more))

    assert study().variant == study("hardware.threads=1").variant
    assert len({study(*more).variant for more in ((), ("schedule.dynamics.fraction=0.2",), ("schedule.dynamics.every=4it",))}) == 3


@pytest.mark.parametrize(
    ("words", "mend"),
    [
        (["schedule=movement", "pruning/criterion=snip"], "leave pruning/criterion out"),
        (["schedule=rigl", "pruning/granularity=neuron"], "goes with granularity weight, not neuron"),
        (["schedule=l0", "schedule.dynamics.every=2it", "hardware.devices=2"], r"hardware\.devices = 2 must be 1"),
        (["schedule=gmp", "schedule.dynamics.end=100%"], "last step of training"),
        (["schedule=gmp", "schedule.dynamics.every=15it", "+schedule.dynamics.fractoin=1"], "has no option 'fractoin'"),
        (["schedule=gmp", "schedule.retraining=fine_tuning"], "retraining=none"),
        (["schedule=lottery", "schedule.name=during_training", "schedule.retraining=none"], r"schedule\.dynamics names a method"),
        (["schedule.distillation=1.5"], r"schedule\.distillation = 1\.5"),
        (["schedule=no_retraining", "schedule.distillation=0.5"], "nothing is"),
    ],
)
def test_what_does_not_fit_is_said_when_a_study_is_planned(words, mend, tmp_path):
    def planned():
        study = to_study(*composed(*SMALL, *words), " ".join(words))
        return plan(study, Workshop(store=Store(tmp_path / "store"), hardware=study.hardware))

    with pytest.raises(ValueError, match=mend):
        planned()


def test_distillation_teaches_every_pruned_network_from_the_dense_one(run):
    made, workshop, _ = run("schedule.distillation=0.5", "schedule.controls=[reinit,small_dense]")
    dense, *others = [point.train for point in made.points]
    assert (dense.teacher, dense.spec.distillation) == (None, 0.0)
    assert {stage.teacher.key for stage in others} == {dense.key}
    assert {stage.spec.distillation for stage in others} == {0.5}
    plain, _, _ = run()
    taught = next(stage for stage in others)
    alone = plain.points[1].train
    assert dataclasses.replace(taught.spec, distillation=0.0) == alone.spec
    pair = [workshop.store.read(stage.key).tensors for stage in (taught, alone)]
    assert any(not torch.equal(pair[0][name], pair[1][name]) for name in pair[0])
