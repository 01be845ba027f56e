"""Head importance against gates that are really there, one example at a time."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from prunelab.models.structure import scope_with_structure
from prunelab.models.vit import vit
from prunelab.pruning.criteria.head_importance import HeadImportance
from prunelab.pruning.granularities.head import Head
from tests.pruning.toys import pruned, scores_of, seeded

HEADS = 4


@pytest.fixture(scope="module")
def model():
    made = seeded(lambda: vit(input_shape=(1, 8, 8), num_classes=3, dim=16, depth=3, heads=HEADS))
    with torch.no_grad():
        for block in made.blocks:
            block.attention.output.weight *= 5
    return made


@pytest.fixture(scope="module")
def batches():
    stream = torch.Generator().manual_seed(1)
    return [(torch.rand(n, 1, 8, 8, dtype=torch.float64, generator=stream), torch.randint(0, 3, (n,), generator=stream)) for n in (5, 2)]


@pytest.fixture(scope="module")
def gate_gradients(model, batches):
    """dL(x)/d gate, shape (examples, blocks, heads)."""
    gradients = []
    for image, target in zip(*(torch.cat(parts) for parts in zip(*batches, strict=True)), strict=True):
        gates = torch.ones(len(model.blocks), HEADS, dtype=torch.float64, requires_grad=True)

        def gated(module, inputs, index, gates=gates):
            return (inputs[0] * gates[index].repeat_interleave(inputs[0].shape[-1] // HEADS),)

        handles = [
            block.attention.output.register_forward_pre_hook(lambda module, inputs, index=index: gated(module, inputs, index))
            for index, block in enumerate(model.blocks)
        ]
        gradients.append(torch.autograd.grad(nn.functional.cross_entropy(model(image[None]), target[None]), gates)[0])
        for handle in handles:
            handle.remove()
    return torch.stack(gradients)


def _of_heads(scores, index):
    """The score of each head of a block, by its columns of the output projection; and that its rows have the same."""
    columns = scores[f"blocks.{index}.attention.output.weight"].unflatten(1, (HEADS, -1))
    assert bool((columns == columns[:1, :, :1]).all())
    for layer in ("query", "key", "value"):
        rows = scores[f"blocks.{index}.attention.{layer}.weight"].unflatten(0, (HEADS, -1))
        assert bool((rows == columns[0, :, 0, None, None]).all())
    return columns[0, :, 0]


def test_is_the_mean_of_absolute_gradients_of_each_example(model, batches, gate_gradients):
    scores = scores_of(HeadImportance(normalize=False), model, batches, scope=scope_with_structure(model))
    for index in range(len(model.blocks)):
        found = _of_heads(scores, index)
        assert torch.allclose(found, gate_gradients[:, index].abs().mean(0))
        cancelled = gate_gradients[:, index].mean(0).abs()
        assert bool((found > cancelled).any())
    orders = [of(gate_gradients).flatten().argsort().tolist() for of in (lambda g: g.abs().mean(0), lambda g: g.mean(0).abs())]
    assert orders[0] != orders[1]


def test_each_layer_is_divided_by_its_own_l2_norm(model, batches, gate_gradients):
    scores = scores_of(HeadImportance(), model, batches, scope=scope_with_structure(model))
    for index in range(len(model.blocks)):
        wanted = gate_gradients[:, index].abs().mean(0)
        assert torch.allclose(_of_heads(scores, index), wanted / wanted.square().sum().sqrt())


def test_the_least_important_head_goes_whole(model, batches, gate_gradients):
    scope = scope_with_structure(model)
    importance = gate_gradients.abs().mean(0)
    block, head = divmod(int((importance / importance.norm(dim=1, keepdim=True)).argmin()), HEADS)
    made = pruned(HeadImportance(), model, 1 - 1 / (3 * HEADS), batches, scope=scope, granularity=Head()).masks
    for name, mask in made.items():
        gone = torch.zeros_like(mask)
        if name == f"blocks.{block}.attention.output.weight":
            gone[:, head * 4 : head * 4 + 4] = True
        elif name.startswith(f"blocks.{block}.attention."):
            gone[head * 4 : head * 4 + 4] = True
        assert torch.equal(~mask, gone)


def test_blocks_out_of_scope_are_not_scored(model, batches):
    scope = scope_with_structure(model)
    part = dataclasses.replace(scope, shapes={name: shape for name, shape in scope.shapes.items() if "blocks.1" not in name})
    found = scores_of(HeadImportance(), model, batches, scope=part)
    whole = scores_of(HeadImportance(), model, batches, scope=scope)
    assert not any("blocks.1" in name for name in found)
    assert all(torch.allclose(score, whole[name]) for name, score in found.items())
