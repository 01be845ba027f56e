"""What stages of one process share: data sets loaded once, hardware, and who watches."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import torch
from torch import nn

from prunelab.basics.canonical import canonical_json
from prunelab.basics.component import Component
from prunelab.datasets.splits import Splits
from prunelab.models.build import build_model
from prunelab.pruning.masks import pass_by_empty_layers
from prunelab.store.store import Store
from prunelab.training.spec import Hardware


@dataclasses.dataclass(kw_only=True)
class Workshop:
    """Shared by the stages of one process.

    Attributes:
        store: where artifacts are.
        hardware: what training runs on.
        on_evaluation: told (step, metrics) of the training that runs.
        on_progress: told (step) of the training that runs.
        interrupted: asked whether the training that runs is to stop.
        snapshots: key of a training -> steps at which its beginning is a stage that the plan wants too.
        loaded: data sets, by their canonical description; workshops may share them.
    """

    store: Store
    hardware: Hardware
    on_evaluation: Callable[[int, dict[str, float]], None] | None = None
    on_progress: Callable[[int], None] | None = None
    interrupted: Callable[[], bool] | None = None
    snapshots: dict[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)
    loaded: dict[str, Splits] = dataclasses.field(default_factory=dict)

    def splits(self, dataset: Component) -> Splits:
        """The data set, loaded once."""
        name = canonical_json(dataset.identity())
        if name not in self.loaded:
            self.loaded[name] = dataset.build()
        return self.loaded[name]

    def model(self, model: Component, dataset: Component) -> nn.Module:
        """A new network that fits the data set; its weights are still to be loaded.

        Raises:
            ValueError: if the model cannot take the data set's shape, or has no embedding for some of its tokens.
        """
        splits = self.splits(dataset)
        network = build_model(model, input_shape=splits.input_shape, num_classes=splits.num_classes)
        known = getattr(network, "num_tokens", 0)
        if splits.num_tokens > known:
            what = f"embeddings for {known:,} tokens" if known else "no embedding of tokens"
            raise ValueError(
                f"{dataset.name} has {splits.num_tokens:,} tokens and {model.name} has {what}; choose a model for texts (minilm, gpt_tiny) "
                "or the tokenizer of the model's checkpoint (dataset.tokenizer)"
            )
        return network

    def network(self, model: Component, dataset: Component, state: Mapping[str, torch.Tensor]) -> nn.Module:
        """The network that `state` is of."""
        network = self.model(model, dataset)
        network.load_state_dict(dict(state))
        pass_by_empty_layers(network)
        return network
