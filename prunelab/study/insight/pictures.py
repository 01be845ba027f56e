"""Test examples for people: pixels as PNG, tokens as text."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import torch

from prunelab.datasets.splits import Split
from prunelab.study.insight.networks import Networks
from prunelab.study.rebuild import dataset_of
from prunelab.training.batches import examples

_SMALLEST, _LARGEST = 64, 160  # pixels of a side: browsers enlarge less sharply, and photographs would make a page of megabytes


class Pictures:
    """The test examples of a data set.

    Attributes:
        lack: why there is nothing to see, as a sentence; "" if there is.
    """

    def __init__(self, networks: Networks, row: dict[Any, Any]) -> None:
        """Load the data set of a record's network.

        Raises:
            ValueError: if it can't be had.
        """
        self._dataset = dataset_of(networks.store, row["stage_key"], row["dataset"])
        self._splits = networks.workshop.splits(self._dataset)
        shape = self._splits.input_shape
        self._is_image = not self._splits.num_tokens and len(shape) == 3 and shape[0] in (1, 3)
        self._tokenizer = str(self._dataset.arguments.get("tokenizer") or "") if self._splits.num_tokens else ""
        self.lack = ""
        if not self._is_image and not self._tokenizer:
            what = "texts of an unknown tokenizer" if self._splits.num_tokens else f"of shape {shape}, neither images nor texts"
            self.lack = f"Examples of {row['dataset']} are {what}: their numbers in the test set stand for them."

    def picture(self, index: int) -> str:
        """The image of a test example as a PNG data URI; "" if it is none.

        Normalised values are stretched back to black and white, a channel at a time, by the extremes that the test split has (in files:
        the image's own).
        """
        if not self._is_image:
            return ""
        from PIL import Image

        pixels = self._example(index)
        low, high = self._extremes(pixels)
        scaled = ((pixels - low) / (high - low).clamp_min(1e-12) * 255).round().clamp(0, 255).byte().numpy()
        array = scaled[0] if len(scaled) == 1 else np.moveaxis(scaled, 0, 2)
        image = Image.fromarray(array)
        factor = max(1, -(-_SMALLEST // min(image.size)))
        image = image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
        image.thumbnail((_LARGEST, _LARGEST))
        file = io.BytesIO()
        image.save(file, "PNG", optimize=True)
        return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"

    def words(self, index: int) -> str:
        """The text of a test example; "" if it is none."""
        if not self._tokenizer:
            return ""
        from prunelab.datasets.tokens import tokenizer_of

        return str(tokenizer_of(self._tokenizer).decode(self._example(index).tolist(), skip_special_tokens=True))

    def _example(self, index: int) -> torch.Tensor:
        return examples(self._splits.test, torch.tensor([index]))[0][0]

    def _extremes(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        test = self._splits.test
        whole = test.inputs if isinstance(test, Split) else pixels[None]
        return whole.amin(dim=(0, 2, 3))[:, None, None], whole.amax(dim=(0, 2, 3))[:, None, None]
