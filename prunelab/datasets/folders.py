"""ImageNet and Tiny ImageNet: folders of photographs, read by worker processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from PIL import Image
from torch.utils.data import Dataset
from torchvision.transforms.v2 import functional as T

from prunelab.datasets.splits import FolderSplit, Splits, stratified

_MEAN, _STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
_SUFFIXES = {".jpg", ".jpeg", ".png"}
Example = tuple[Path, int]


class _Images(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """`images[index]` is centre-cropped; `images[(index, seed)]` is cropped and mirrored by that seed."""

    def __init__(self, examples: Sequence[Example], size: int) -> None:
        self.examples, self.size = list(examples), size

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, key: int | tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
        index, seed = key if isinstance(key, tuple) else (key, None)
        path, label = self.examples[index]
        try:
            with Image.open(path) as file:
                image = T.pil_to_tensor(file.convert("RGB"))
        except OSError as error:
            raise ValueError(f"{path} is damaged ({error}); replace the file or delete it") from error
        image = self._centre(image) if seed is None else self._random(image, seed)
        return T.normalize(T.to_dtype(image, torch.float32, scale=True), _MEAN, _STD), torch.tensor(label)

    def _centre(self, image: torch.Tensor) -> torch.Tensor:
        larger = self.size if min(image.shape[1:]) <= self.size else round(self.size * 256 / 224)
        return T.center_crop(T.resize(image, [larger], antialias=True), [self.size, self.size])

    def _random(self, image: torch.Tensor, seed: int) -> torch.Tensor:
        """Random resized crop (8 to 100 % of the area, ratio 3/4 to 4/3; Szegedy et al. 2015) and mirror."""
        stream = torch.Generator().manual_seed(seed)
        area, ratio, top, left, mirror = torch.rand(5, generator=stream).tolist()
        height, width = image.shape[1:]
        wanted, aspect = height * width * (0.08 + 0.92 * area), (3 / 4) * (16 / 9) ** ratio
        h, w = min(height, round((wanted / aspect) ** 0.5)), min(width, round((wanted * aspect) ** 0.5))
        image = T.resized_crop(
            image,
            int(top * (height - h + 1)),
            int(left * (width - w + 1)),
            max(h, 1),
            max(w, 1),
            [self.size] * 2,
            antialias=True,
        )
        return T.horizontal_flip(image) if mirror < 0.5 else image


def imagenet(
    *, root: str = "data/imagenet", validation: int = 50_000, split_seed: int = 0, max_train: int | None = None, size: int = 224
) -> Splits:
    """ImageNet's 1,000 classes (Russakovsky et al. 2015): train/CLASS/*.JPEG and val/CLASS/*.JPEG; val is the test split."""
    return _folders(Path(root), _by_class, validation, split_seed, max_train, size)


def tiny_imagenet(
    *,
    root: str = "data/tiny-imagenet-200",
    validation: int = 10_000,
    split_seed: int = 0,
    max_train: int | None = None,
    size: int = 64,
) -> Splits:
    """Tiny ImageNet's 200 classes (Le & Yang 2015), as it is unpacked: train/CLASS/images, val/images and val_annotations.txt.

    val is the test split.
    """
    return _folders(Path(root), _annotated, validation, split_seed, max_train, size)


def _folders(
    root: Path,
    read_test: Callable[[Path, list[str]], list[Example]],
    validation: int,
    split_seed: int,
    max_train: int | None,
    size: int,
) -> Splits:
    train_folder = _folder(root / "train")
    classes = sorted(path.name for path in train_folder.iterdir() if path.is_dir())
    examples = [(file, label) for label, name in enumerate(classes) for file in _images(train_folder / name)]
    if not examples:
        raise FileNotFoundError(f"{train_folder} holds no pictures; unpack the data set there, one folder a class")
    held_out, train = stratified(torch.tensor([label for _, label in examples]), (validation,), split_seed)
    if max_train is not None:
        train = train[:max_train]
    parts = [[examples[i] for i in train.tolist()], [examples[i] for i in held_out.tolist()], read_test(root, classes)]
    splits = [FolderSplit(dataset=_Images(part, size)) for part in parts]
    return Splits(train=splits[0], validation=splits[1], test=splits[2], num_classes=len(classes), input_shape=(3, size, size))


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise FileNotFoundError(f"{path} is no folder; unpack the data set there, or say where it is with dataset.root=FOLDER")
    return path


def _images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)


def _by_class(root: Path, classes: list[str]) -> list[Example]:
    folder = _folder(root / "val")
    return [(file, label) for label, name in enumerate(classes) for file in _images(_folder(folder / name))]


def _annotated(root: Path, classes: list[str]) -> list[Example]:
    listing = root / "val" / "val_annotations.txt"
    if not listing.is_file():
        raise FileNotFoundError(f"{listing} is missing; unpack the data set again")
    labels = {name: label for label, name in enumerate(classes)}
    rows = [line.split("\t") for line in listing.read_text().splitlines() if line]
    return [(root / "val" / "images" / row[0], labels[row[1]]) for row in rows]
