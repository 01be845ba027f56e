"""A pruning rate of its own for each layer, as the lottery-ticket paper uses for LeNet."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import ClassVar

import torch

from prunelab.pruning.allocations.base import Scores, available, keep_counts
from prunelab.pruning.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class LayerRates:
    """Each level removes `rate` of what a layer has left, and another rate where `rates` says so.

    Frankle & Carbin 2019 (Figure 2) prune LeNet's hidden layers by 20 % a level and its output layer by 10 %. The asked
    density d is that of the layers with the common rate: it means n = log d / log(1 - rate) levels, and a layer with rate r
    keeps round(size (1 - r)^n) weights. So the density of the whole network is a little above d, and `exact_total` is false.

    Attributes:
        rate: fraction removed a level, in (0, 1).
        rates: other rates, by parameter name or the words `first` and `output`.
    """

    rate: float = 0.2
    rates: Mapping[str, float] = dataclasses.field(default_factory=lambda: {"output": 0.1})
    exact_total: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for name, rate in {"rate": self.rate, **self.rates}.items():
            if not 0 <= rate < 1 or (name == "rate" and rate == 0):
                raise ValueError(f"layer rate {name} = {rate} must be in (0, 1)")

    def __call__(self, scores: Scores, scope: Scope, density: float) -> dict[str, torch.Tensor]:
        """See `Allocation`."""
        levels = math.log(density) / math.log(1 - self.rate)
        own = {scope.resolve(word): rate for word, rate in self.rates.items()}
        left = available(scores)
        counts = {name: min(left[name], round(score.numel() * (1 - own.get(name, self.rate)) ** levels)) for name, score in scores.items()}
        return keep_counts(scores, counts)
