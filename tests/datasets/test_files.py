"""The data sets that people download, on small files in the real on-disk formats."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import scipy.io
import torch
from PIL import Image

from prunelab.datasets.splits import FolderSplit
from prunelab.training.batches import FolderBatches, Order, split_batches
from tests.conftest import configured

RNG = np.random.default_rng(0)


def _idx(path, array):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(int(n).to_bytes(4, "big") for n in array.shape)
    path.write_bytes(header + array.astype(np.uint8).tobytes())


def _mnist(root, folder):
    raw = root / folder / "raw"
    raw.mkdir(parents=True)
    for part, count in (("train", 60), ("t10k", 20)):
        _idx(raw / f"{part}-images-idx3-ubyte", RNG.integers(0, 256, (count, 28, 28)))
        _idx(raw / f"{part}-labels-idx1-ubyte", np.arange(count) % 10)


def _cifar(root, *, classes):
    folder = root / ("cifar-10-batches-py" if classes == 10 else "cifar-100-python")
    folder.mkdir(parents=True)
    label = "labels" if classes == 10 else "fine_labels"
    names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"] if classes == 10 else ["train", "test"]
    for name in names:
        count = 40 if classes == 10 else 200
        batch = {"data": RNG.integers(0, 256, (count, 3072), dtype=np.uint8), label: [i % classes for i in range(count)]}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))
    meta, key = ("batches.meta", "label_names") if classes == 10 else ("meta", "fine_label_names")
    (folder / meta).write_bytes(pickle.dumps({key: [str(i) for i in range(classes)]}, protocol=2))


def _svhn(root):
    for name, count in (("train", 60), ("test", 20)):
        pixels = RNG.integers(0, 256, (32, 32, 3, count), dtype=np.uint8)
        scipy.io.savemat(root / f"{name}_32x32.mat", {"X": pixels, "y": (np.arange(count) % 10 + 1)[:, None]})


WRITERS = {
    "mnist": (lambda root: _mnist(root, "MNIST"), (1, 28, 28), 10, 20),
    "fashion_mnist": (lambda root: _mnist(root, "FashionMNIST"), (1, 28, 28), 10, 20),
    "cifar10": (lambda root: _cifar(root, classes=10), (3, 32, 32), 10, 40),
    "cifar100": (lambda root: _cifar(root, classes=100), (3, 32, 32), 100, 200),
    "svhn": (_svhn, (3, 32, 32), 10, 20),
}


@pytest.fixture
def unchecked(monkeypatch):
    """torchvision knows the checksums of the real files; ours are small."""
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)
    monkeypatch.setattr("torchvision.datasets.svhn.check_integrity", lambda *_: True)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("name", WRITERS)
def test_real_formats(name, tmp_path):
    write, shape, classes, tests = WRITERS[name]
    write(tmp_path)
    splits = configured("dataset", name).replace(root=str(tmp_path), validation=10).build()
    assert (splits.input_shape, splits.num_classes) == (shape, classes)
    assert (len(splits.validation), len(splits.test)) == (10, tests)
    assert abs(float(splits.train.inputs.mean())) < 1e-2
    assert abs(float(splits.train.inputs.std()) - 1) < 1e-2
    assert (splits.augment is not None) == name.startswith("cifar")


@pytest.mark.usefixtures("unchecked")
def test_a_damaged_file_is_one_sentence(tmp_path):
    _cifar(tmp_path, classes=10)
    path = tmp_path / "cifar-10-batches-py" / "data_batch_3"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(FileNotFoundError, match=r"dataset\.download=true"):
        configured("dataset", "cifar10").replace(root=str(tmp_path)).build()


def _jpeg(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(RNG.integers(0, 256, (80, 70, 3), dtype=np.uint8)).save(path)


@pytest.fixture(params=["imagenet", "tiny_imagenet"])
def folders(request, tmp_path):
    for name in ("n01", "n02", "n03"):
        for i in range(8):
            _jpeg(tmp_path / "train" / name / ("images" if request.param == "tiny_imagenet" else ".") / f"{i}.JPEG")
    if request.param == "tiny_imagenet":
        rows = []
        for i in range(6):
            _jpeg(tmp_path / "val" / "images" / f"val_{i}.JPEG")
            rows.append(f"val_{i}.JPEG\tn0{i % 3 + 1}\t0\t0\t9\t9")
        (tmp_path / "val" / "val_annotations.txt").write_text("\n".join(rows))
    else:
        for i in range(6):
            _jpeg(tmp_path / "val" / f"n0{i % 3 + 1}" / f"{i}.JPEG")
    return configured("dataset", request.param).replace(root=str(tmp_path), validation=6, size=32).build()


def test_folders(folders):
    assert (folders.num_classes, folders.input_shape) == (3, (3, 32, 32))
    assert [len(folders.train), len(folders.validation), len(folders.test)] == [18, 6, 6]
    held_out = {path for path, _ in folders.validation.dataset.examples}
    assert not held_out & {path for path, _ in folders.train.dataset.examples}
    (inputs, targets), *_ = split_batches(folders.test, 6)
    assert inputs.shape == (6, 3, 32, 32)
    assert sorted(targets.tolist()) == [0, 0, 1, 1, 2, 2]


def test_folder_batches_are_a_function_of_the_step(folders):
    def batches(steps, workers=0):
        order = Order(num_examples=18, batch_size=4, seed=3)
        made = FolderBatches(folders.train, order, torch.device("cpu"), slice(0, 4), steps=steps, workers=workers)
        return [made(step) for step in steps]

    before = torch.get_rng_state()
    whole, rest = batches(range(6)), batches(range(3, 6))
    assert torch.equal(before, torch.get_rng_state())
    for (one, labels), (other, again) in zip(whole[3:], rest, strict=True):
        assert torch.equal(one, other)
        assert torch.equal(labels, again)
    index = 5
    crops = [folders.train.dataset[(index, seed)][0] for seed in (0, 0, 1)]
    assert torch.equal(crops[0], crops[1])
    assert not torch.equal(crops[0], crops[2])


def test_a_damaged_picture_is_named(folders):
    split = folders.test
    assert isinstance(split, FolderSplit)
    path, _ = split.dataset.examples[2]
    path.write_bytes(b"no picture")
    with pytest.raises(ValueError, match=path.name):
        split.dataset[2]
