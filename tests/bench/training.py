"""Training steps a second against loops written by hand.

Both sides train LeNet-300-100 on mnist5k with the same Adam and batches of 60, and both keep a mask of 20 % density: the
loops by hand multiply gradients and weights by it as anyone would write it.
"""

from __future__ import annotations

import time

import torch
import torch.nn.functional as F

from prunelab.models.build import build_model
from prunelab.models.initialization import initialize
from prunelab.pruning.scope import scope_of
from prunelab.training.fit import fit
from prunelab.training.spec import Hardware, OptimizerSpec, TrainerSpec, TrainSpec
from tests.bench.result import Result, median
from tests.conftest import configured

STEPS, PAIRS = 600, 7


def _network():
    model = build_model(configured("model", "lenet_300_100"), input_shape=(1, 28, 28), num_classes=10)
    initialize(model, "xavier_normal", 0)
    stream = torch.Generator().manual_seed(0)
    masks = {name: torch.rand(shape, generator=stream) < 0.2 for name, shape in scope_of(model).shapes.items()}
    return model, masks


def _by_hand(splits, *, fused: bool) -> float:
    model, masks = _network()
    parameters = dict(model.named_parameters())
    optimizer = torch.optim.Adam(model.parameters(), 1.2e-3, fused=True if fused else None)
    inputs, targets, epoch = splits.train.inputs, splits.train.targets, len(splits.train) // 60
    started = time.perf_counter()
    for step in range(STEPS):
        if step % epoch == 0:
            order = torch.randperm(len(targets))
        index = order[(step % epoch) * 60 : (step % epoch + 1) * 60]
        loss = F.cross_entropy(model(inputs[index]), targets[index])
        optimizer.zero_grad()
        loss.backward()
        for name, mask in masks.items():
            parameters[name].grad *= mask
        optimizer.step()
        with torch.no_grad():
            for name, mask in masks.items():
                parameters[name] *= mask
    return STEPS / (time.perf_counter() - started)


def _ours(splits) -> float:
    model, masks = _network()
    spec = TrainSpec(
        optimizer=OptimizerSpec(name="adam", lr=1.2e-3),
        trainer=TrainerSpec(length=f"{STEPS}it", batch_size=60, evaluate_every=f"{STEPS}it"),
        order_seed=0,
        steps_per_epoch=len(splits.train) // 60,
        total_steps=STEPS,
        start_step=0,
        end_step=STEPS,
    )
    fitted = fit(spec, model=model, masks=masks, splits=splits, hardware=Hardware(accelerator="cpu"))
    return STEPS / fitted.data["step_seconds"]


def _against(fused: bool, aim: str):
    def run(name: str) -> Result:
        torch.set_num_threads(2)
        splits = configured("dataset", "mnist5k").build()
        _ours(splits), _by_hand(splits, fused=fused)
        ratios = [_ours(splits) / _by_hand(splits, fused=fused) for _ in range(PAIRS)]
        return median(name, ratios, unit="steps a second over a hand-written loop's", aim=aim)

    return run


BENCHMARKS = {
    "train_step_vs_plain_loop": _against(fused=False, aim=">= 1.0"),
    "train_step_vs_fused_loop": _against(fused=True, aim=">= 0.9"),
}
