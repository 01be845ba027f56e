"""Every data set that needs no download: shapes, classes, disjoint splits, seeds."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from prunelab.datasets.augment import Augment
from prunelab.datasets.splits import stratified
from tests.conftest import configured, names

SHAPES = {"mnist5k": ((1, 28, 28), 3500, 500, 1000), "digits": ((1, 8, 8), 1197, 200, 400), "mnist1d": ((40,), 3600, 400, 1000)}
TEXTS = {"movie_snippets", "text_file", "hub_text"}  # tests/datasets/test_texts.py
DOWNLOADED = {"mnist", "fashion_mnist", "cifar10", "cifar100", "svhn", "imagenet", "tiny_imagenet"}


def test_every_data_set_is_known_here():
    assert set(names("dataset")) == SHAPES.keys() | DOWNLOADED | TEXTS


@pytest.mark.parametrize("name", SHAPES)
def test_splits(name):
    configured("dataset", name).build()  # what imports draw for themselves is not ours
    states = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()  # noqa: NPY002
    splits = configured("dataset", name).build()
    assert random.getstate() == states[0]
    assert np.random.get_state()[1].tolist() == states[1]  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), states[2])
    shape, *sizes = SHAPES[name]
    assert [len(splits.train), len(splits.validation), len(splits.test)] == sizes
    assert splits.input_shape == shape == tuple(splits.train.inputs.shape[1:])
    assert splits.num_classes == 10
    for split in (splits.train, splits.validation, splits.test):
        assert split.inputs.dtype == torch.float32
        assert sorted(split.targets.unique().tolist()) == list(range(10))
    rows = [{tuple(row) for row in split.inputs.flatten(1).tolist()} for split in (splits.train, splits.validation, splits.test)]
    assert len(rows[0] & rows[1]) + len(rows[0] & rows[2]) + len(rows[1] & rows[2]) <= (5 if name == "digits" else 0)
    assert abs(float(splits.train.inputs.mean())) < 1e-3
    again, other = configured("dataset", name).build(), configured("dataset", name).replace(split_seed=1).build()
    assert torch.equal(again.train.inputs, splits.train.inputs)
    assert not torch.equal(other.validation.inputs, splits.validation.inputs)


def test_stratified_sets_are_disjoint_whole_and_balanced():
    targets = torch.arange(100).repeat_interleave(7) % 10
    parts = stratified(targets, (100, 200), 0)
    assert torch.cat(parts).sort().values.tolist() == list(range(700))
    assert targets[parts[0]].bincount().tolist() == [10] * 10
    with pytest.raises(ValueError, match="set 700 of 700"):
        stratified(targets, (700,), 0)


@pytest.mark.parametrize("name", sorted(DOWNLOADED))
def test_a_missing_file_is_one_sentence_with_the_mend(name, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"dataset\.") as caught:
        configured("dataset", name).replace(root=str(tmp_path / "nowhere")).build()
    assert str(tmp_path) in str(caught.value)


def test_augmentation_is_a_function_of_the_generator():
    batch, augment = torch.rand(8, 3, 10, 10), Augment(shift=2, flip=True)
    one, again, other = (augment(batch, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert one.shape == batch.shape
    still = Augment()(batch, torch.Generator())
    assert torch.equal(still, batch)


def test_a_shift_moves_pixels_whole():
    batch = torch.zeros(64, 1, 9, 9)
    batch[:, 0, 4, 4] = 1.0
    moved = Augment(shift=3)(batch, torch.Generator().manual_seed(0))
    assert moved.sum(dim=(1, 2, 3)).tolist() == [1.0] * 64
    places = moved.flatten(1).argmax(1)
    assert (places // 9).unique().tolist() == [1, 2, 3, 4, 5, 6, 7] == (places % 9).unique().tolist()


def test_a_damaged_cache_is_made_again():
    from prunelab.datasets.cache import cache_dir, cached

    calls = []

    def make():
        calls.append(1)
        return {"x": np.arange(3)}

    cached("damaged-test", make)
    path = cache_dir() / "damaged-test.npz"
    path.write_bytes(path.read_bytes()[:-40])
    assert cached("damaged-test", make)["x"].tolist() == [0, 1, 2]
    assert cached("damaged-test", make)["x"].tolist() == [0, 1, 2]
    assert len(calls) == 2
