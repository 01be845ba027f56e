"""Which layers are faster sparse: measured, layer by layer and as a whole.

Whether a sparse product pays depends on the layer's shape, its density, the batch and the machine; a rule by sparsity alone
is wrong on either side. So each layer is timed on the inputs that it gets, dense against every sparse format that fits
it, and at the end the whole model against the dense one: what is not faster stays dense.
"""

from __future__ import annotations

import copy
import dataclasses
import statistics
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from prunelab.basics.choices import unknown
from prunelab.compress.sparse import can_unfold, is_two_of_four, sparse_layer
from prunelab.metrics.latency import Call, cpu_timer, cuda_timer, take_turns
from prunelab.metrics.masks import check_masks, evaluating
from prunelab.pruning import masks as masks_

DENSE, MODEL = "dense", "model"
BLOCKS = (4, 8, 16, 32)
MOST_DENSE = 0.4  # at density 0.5 CSR takes 2.6 times as long as dense (measured): not worth timing
_TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10, torch.bfloat16: 2e-2, torch.float16: 2e-3}
_SECONDS, _MOST_REPEATS = 0.2, 1000
_HALF = (torch.float16, torch.bfloat16)

Measure = Callable[[str, Mapping[str, Call]], Mapping[str, float]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class LayerPlan:
    """One layer.

    Attributes:
        name: of the module.
        density: of its weights.
        seconds: median of each format that was timed, `dense` among them; empty for a layer that was not.
        choice: dense, csr, bsr_SIDE or 2:4.
        reason: why it is that, for people.
    """

    name: str
    density: float
    seconds: Mapping[str, float] = dataclasses.field(default_factory=dict)
    choice: str = DENSE
    reason: str

    @property
    def gain(self) -> float:
        """Seconds that the choice saves a call."""
        return self.seconds[DENSE] - self.seconds[self.choice] if self.seconds else 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """What of a model runs sparse.

    Attributes:
        layers: every masked layer.
        dense_seconds: median of the dense model, beside the plan's.
        sparse_seconds: median of the model with the plan in force; the dense model's if nothing is sparse.
        difference: largest difference of the outputs, relative to the largest output.
        batch: examples it was measured with.
        threads: and threads.
        contiguous: whether sparse layers lay their outputs out like dense ones (see `SparseLinear`).
    """

    layers: tuple[LayerPlan, ...]
    dense_seconds: float
    sparse_seconds: float
    difference: float
    batch: int
    threads: int
    contiguous: bool = False

    @property
    def sparse_layers(self) -> tuple[LayerPlan, ...]:
        """Those that are not dense."""
        return tuple(layer for layer in self.layers if layer.choice != DENSE)

    def to_json(self) -> dict[str, Any]:
        """As nested dicts and lists."""
        return {**dataclasses.asdict(self), "layers": [dataclasses.asdict(layer) for layer in self.layers]}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Plan:
        """The plan that `to_json` gave."""
        return Plan(**{**data, "layers": tuple(LayerPlan(**layer) for layer in data["layers"])})


def break_even_plan(
    model: nn.Module,
    masks: Mapping[str, Tensor],
    example: Tensor,
    *,
    threads: int = 1,
    repeats: int = 10,
    warmup: int = 3,
    margin: float = 1.1,
    whole_margin: float = 1.02,
    measure: Measure | None = None,
) -> Plan:
    """Measure which masked layers are faster sparse.

    Args:
        model: any mode; it does not change.
        masks: kept weights by parameter name, True = kept.
        example: a batch like those that the model will see (batch, ...).
        threads: torch's threads while it is measured.
        repeats: timed runs of each format, in turns, at least; of short ones up to 1,000 in a fifth of a second.
        warmup: runs before.
        margin: how many times faster than dense a layer must be to be sparse.
        whole_margin: the same for the whole model; while it is not, the layer that saves least goes back to dense.
        measure: (layer's name or `MODEL`, calls by format) -> median seconds; the clock if not given.

    Raises:
        ValueError: for a mask that fits no parameter, or a torch without MKL, whose sparse products on the CPU don't run.
    """
    check_masks(model.named_parameters(), masks)
    if not example.is_cuda and not torch.backends.mkl.is_available():
        raise ValueError("this torch has no MKL, without which sparse products on the CPU don't run; use runtime masked or compacted")
    timer = cuda_timer(example.device) if example.is_cuda else cpu_timer

    def by_clock(_: str, calls: Mapping[str, Call]) -> dict[str, float]:
        options: dict[str, Any] = {"threads": threads, "timer": timer}
        once = take_turns(calls, repeats=1, warmup=warmup, **options)
        # a short call is timed more often: a median of a few dozen microseconds takes hundreds of runs to settle
        affordable = _SECONDS / max(1e-9, sum(seconds[0] for seconds in once.values()))
        found = take_turns(calls, repeats=max(repeats, min(_MOST_REPEATS, int(affordable))), warmup=0, **options)
        return {name: statistics.median(seconds) for name, seconds in found.items()}

    planner = _Planner(measure=measure or by_clock, margin=margin, whole_margin=whole_margin, threads=threads)
    dense = copy.deepcopy(model)
    masks_.apply(dense, dict(masks))
    with evaluating(dense), torch.inference_mode():
        try:
            return planner.plan(dense, masks, example, contiguous=False)
        except RuntimeError as error:  # a model that calls .view on what a sparse layer lays out in columns
            if "view" not in str(error):
                raise
            return planner.plan(dense, masks, example, contiguous=True)


def apply(plan: Plan, model: nn.Module) -> nn.Module:
    """A copy of `model` with the layers that the plan has sparse; its pruned weights must be zero.

    Raises:
        ValueError: for a model without such a layer, or one whose layer has more weights than the plan saw.
    """
    made = copy.deepcopy(model)
    modules = dict(made.named_modules())
    for layer in plan.sparse_layers:
        if layer.name not in modules:
            raise unknown("layer of the model", layer.name, modules)
        dense = modules[layer.name]
        weight = dense.get_parameter("weight")
        left = int(weight.count_nonzero())
        if left > round(layer.density * weight.numel()):
            raise ValueError(f"{layer.name} has {left} weights left, more than the plan's density {layer.density:.3g}: mask it first")
        _replace(made, layer.name, _sparse(dense, layer.choice, contiguous=plan.contiguous))
    return made


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Planner:
    measure: Measure
    margin: float
    whole_margin: float
    threads: int

    def plan(self, dense: nn.Module, masks: Mapping[str, Tensor], example: Tensor, *, contiguous: bool) -> Plan:
        expected, inputs = _inputs(dense, masks, example)
        modules = dict(dense.named_modules())
        found: list[LayerPlan] = []
        for name, mask in masks.items():
            path = name.removesuffix(".weight")
            density = int(mask.sum()) / mask.numel()
            if density < 1:
                found.append(self._layer(path, density, modules.get(path), inputs.get(path), contiguous))
        return self._whole(dense, example, expected, found, contiguous)

    def _layer(self, name: str, density: float, layer: nn.Module | None, given: Tensor | None, contiguous: bool) -> LayerPlan:
        """The fastest format of one layer."""
        if layer is None or not _has_sparse_form(layer):
            return LayerPlan(name=name, density=density, reason=f"{type(layer).__name__} of this kind has no sparse form")
        if given is None:
            return LayerPlan(name=name, density=density, reason="the model uses the weight without calling the layer")
        if density > MOST_DENSE:
            return LayerPlan(name=name, density=density, reason=f"density above {MOST_DENSE} is not timed")
        expected = layer(given)
        made = {kind: _sparse(layer, kind, contiguous=contiguous) for kind in _formats(layer, given)}
        equal = {kind: one for kind, one in made.items() if difference(one(given), expected) <= _TOLERANCE[expected.dtype]}
        if not equal:
            return LayerPlan(name=name, density=density, reason="no sparse format gave the same numbers")
        calls = {kind: (lambda one=one: one(given)) for kind, one in {DENSE: layer, **equal}.items()}
        seconds = dict(self.measure(name, calls))
        best = min(equal, key=seconds.__getitem__)
        faster = seconds[DENSE] / seconds[best]
        if faster < self.margin:
            return LayerPlan(
                name=name, density=density, seconds=seconds, reason=f"{best} is {faster:.2f} times as fast, below {self.margin}"
            )
        return LayerPlan(name=name, density=density, seconds=seconds, choice=best, reason=f"{faster:.2f} times as fast as dense")

    def _whole(self, dense: nn.Module, example: Tensor, expected: Tensor, layers: list[LayerPlan], contiguous: bool) -> Plan:
        """Take layers back while the whole is not faster, or not equal."""
        sparse, plans = copy.deepcopy(dense).eval(), {layer.name: layer for layer in layers}
        originals = dict(dense.named_modules())
        for layer in layers:
            if layer.choice != DENSE:
                _replace(sparse, layer.name, _sparse(originals[layer.name], layer.choice, contiguous=contiguous))
        while True:
            chosen = [layer for layer in plans.values() if layer.choice != DENSE]
            apart = difference(sparse(example), expected) if chosen else 0.0
            calls = {DENSE: lambda: dense(example), "sparse": lambda: sparse(example)}
            seconds = self.measure(MODEL, calls if chosen else {DENSE: calls[DENSE]})
            fast = not chosen or seconds["sparse"] * self.whole_margin <= seconds[DENSE]
            if fast and apart <= _TOLERANCE[expected.dtype]:
                return Plan(
                    layers=tuple(plans.values()),
                    dense_seconds=seconds[DENSE],
                    sparse_seconds=seconds.get("sparse", seconds[DENSE]),
                    difference=apart,
                    batch=len(example),
                    threads=self.threads,
                    contiguous=contiguous,
                )
            least = min(chosen, key=lambda layer: layer.gain)
            why = "the whole model was not faster with it" if not fast else "the whole model was not equal with it"
            plans[least.name] = dataclasses.replace(least, choice=DENSE, reason=why)
            _replace(sparse, least.name, originals[least.name])


def difference(found: Tensor, expected: Tensor) -> float:
    """Largest absolute difference over the largest absolute expected value."""
    scale = float(expected.abs().max()) or 1.0
    return float((found - expected).abs().max()) / scale


def _inputs(model: nn.Module, masks: Mapping[str, Tensor], example: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """The model's output, and what each masked layer gets (at its first call)."""
    inputs: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[[nn.Module, tuple[Any, ...]], None]:
        def hook(_: nn.Module, given: tuple[Any, ...]) -> None:
            if given and name not in inputs:
                inputs[name] = given[0].clone()  # what comes after may change it in place

        return hook

    names = {name.removesuffix(".weight") for name in masks}
    hooks = [module.register_forward_pre_hook(keep(name)) for name, module in model.named_modules() if name in names]
    try:
        return model(example), inputs
    finally:
        for hook in hooks:
            hook.remove()


def _has_sparse_form(layer: nn.Module) -> bool:
    # the classes themselves: what derives from them may compute something else
    return type(layer) is nn.Linear or (type(layer) is nn.Conv2d and can_unfold(layer))


def _formats(layer: nn.Module, given: Tensor) -> list[str]:
    """The formats that fit a layer on this device."""
    weight = layer.get_parameter("weight")
    if given.is_cuda and weight.dtype in _HALF:
        return ["2:4"] if isinstance(layer, nn.Linear) and is_two_of_four(weight) else []
    if weight.dtype not in (torch.float32, torch.float64):
        return []
    return ["csr", *(f"bsr_{side}" for side in BLOCKS if _block_fill(weight.flatten(1), side) <= MOST_DENSE)]


def _block_fill(weight: Tensor, side: int) -> float:
    """Share of the square blocks that hold a weight; 1 where they don't divide the matrix."""
    rows, columns = weight.shape
    if rows % side or columns % side:
        return 1.0
    blocks = weight.view(rows // side, side, columns // side, side).ne(0).any(3).any(1)
    return int(blocks.sum()) / blocks.numel()


def _sparse(layer: nn.Module, choice: str, *, contiguous: bool) -> nn.Module:
    kind, _, side = choice.partition("_")
    return sparse_layer(layer, kind, block=int(side or 0), contiguous=contiguous).eval()


def _replace(model: nn.Module, name: str, layer: nn.Module) -> None:
    parent, _, attribute = name.rpartition(".")
    setattr(model.get_submodule(parent), attribute, layer)
