"""Text classifiers of the BERT family (BERT, RoBERTa, DistilBERT, ELECTRA), by Hugging Face's transformers."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch import Tensor, nn

from prunelab.basics.checkpoints import MINILM, checkpoint_folder
from prunelab.basics.choices import choose
from prunelab.models.initialization import mark_pretrained
from prunelab.models.published import refuse_width
from prunelab.models.shapes import positive_classes, scaled

Family = Literal["bert", "roberta", "electra", "distilbert"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class LayerParts:
    """Where the linear layers of an encoder layer are, as paths below it.

    Attributes:
        heads: where the attribute that counts heads is, and its name.
    """

    query: str
    key: str
    value: str
    output: str
    up: str
    down: str
    heads: tuple[str, str]


_BERT = LayerParts(
    query="attention.self.query",
    key="attention.self.key",
    value="attention.self.value",
    output="attention.output.dense",
    up="intermediate.dense",
    down="output.dense",
    heads=("attention.self", "num_attention_heads"),
)
_DISTILBERT = LayerParts(
    query="attention.q_lin",
    key="attention.k_lin",
    value="attention.v_lin",
    output="attention.out_lin",
    up="ffn.lin1",
    down="ffn.lin2",
    heads=("attention", "n_heads"),
)
_FAMILIES = {
    "bert": ("bert.encoder.layer", _BERT),
    "roberta": ("roberta.encoder.layer", _BERT),
    "electra": ("electra.encoder.layer", _BERT),
    "distilbert": ("distilbert.transformer.layer", _DISTILBERT),
}


class DroppableLayer(nn.Module):
    """An encoder layer that the signal passes by when it has no weights left, and at random while training (LayerDrop).

    Post-norm layers have no branch around the whole of them: a layer of zeros still normalises. To leave a layer out is what
    Sajjad et al. 2023 and Fan et al. 2020 do.

    Attributes:
        layer: as the library has it.
        parts: where its linear layers are.
        layer_drop: probability of being passed by in a training step (Fan et al. 2020, section 3).
        passed_by: whether it is left out.
    """

    def __init__(self, layer: nn.Module, parts: LayerParts, layer_drop: float) -> None:
        super().__init__()
        self.layer, self.parts, self.layer_drop, self.passed_by = layer, parts, layer_drop, False

    @property
    def num_heads(self) -> int:
        """Heads it was built with."""
        path, name = self.parts.heads
        return int(getattr(self.layer.get_submodule(path), name))

    def forward(self, hidden_states: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """(batch, tokens, width) -> the same."""
        if self.passed_by or (self.training and self.layer_drop and float(torch.rand(())) < self.layer_drop):
            return hidden_states
        return self.layer(hidden_states, *args, **kwargs)

    def pass_by_if_empty(self) -> None:
        """See `Passable`."""
        self.passed_by = not any(bool(module.weight.any()) for module in self.modules() if isinstance(module, nn.Linear))


class TextClassifier(nn.Module):
    """Token ids -> logits; what is padding is read off the ids.

    Attributes:
        network: the library's sequence classifier.
        num_tokens: size of the vocabulary.
        padding: the token that attention leaves out.
    """

    def __init__(self, network: Any, parts: tuple[str, LayerParts], layer_drop: float) -> None:
        super().__init__()
        self.network, self.num_tokens, self.padding = network, int(network.config.vocab_size), int(network.config.pad_token_id)
        layers = network.get_submodule(parts[0])
        for index, layer in enumerate(layers):
            layers[index] = DroppableLayer(layer, parts[1], layer_drop)

    def forward(self, ids: Tensor) -> Tensor:
        """(batch, tokens) int64 -> (batch, num_classes)."""
        kept = (ids != self.padding)[:, None, None, :]  # for every head and token the same; the library takes a mask of four axes as it is
        return self.network(input_ids=ids, attention_mask=kept).logits


def transformer(
    *,
    input_shape: tuple[int, ...],
    num_classes: int,
    width: float = 1.0,
    family: Family = "bert",
    hidden: int = 128,
    layers: int = 2,
    heads: int = 4,
    ffn: int = 512,
    vocabulary: int = 30_522,
    positions: int = 512,
    dropout: float = 0.1,
    layer_drop: float = 0.0,
) -> TextClassifier:
    """An architecture of the BERT family with random weights.

    Args:
        input_shape: (tokens,).
        num_classes: number of logits.
        width: multiplies the size of each head, and with it `hidden` and `ffn`.
        family: bert (Devlin et al. 2019), roberta (Liu et al. 2019), electra (Clark et al. 2020), distilbert (Sanh et al. 2019).
        hidden: width of a token, a multiple of `heads`.
        layers: encoder layers.
        heads: attention heads a layer.
        ffn: neurons of a layer's feed-forward block.
        vocabulary: tokens that have an embedding; as many as the data set's tokenizer has, or more.
        positions: longest text.
        dropout: of embeddings, attention and each residual branch.
        layer_drop: probability that a training step leaves a layer out.

    Raises:
        ValueError: if sizes do not fit, or texts are longer than `positions`.
    """
    from transformers import AutoConfig

    choose("family", family, _FAMILIES)
    if min(hidden, layers, heads, ffn, vocabulary) < 1 or hidden % heads:
        raise ValueError(f"hidden = {hidden} must be a multiple of heads = {heads}, and layers, ffn and vocabulary at least 1")
    hidden, ffn = heads * scaled(hidden // heads, width), scaled(ffn, width)
    offset = 2 if family == "roberta" else 0  # its positions count from the padding token on
    if family == "distilbert":
        sizes = {"dim": hidden, "n_layers": layers, "n_heads": heads, "hidden_dim": ffn, "attention_dropout": dropout}
        sizes |= {"dropout": dropout, "seq_classif_dropout": dropout}
    else:
        sizes = {"hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads, "intermediate_size": ffn}
        sizes |= {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
        sizes |= {"embedding_size": hidden} if family == "electra" else {}
    config = AutoConfig.for_model(
        family, vocab_size=vocabulary, max_position_embeddings=positions + offset, num_labels=positive_classes(num_classes), **sizes
    )
    with _quiet() as automatic:
        return _classifier(automatic.from_config(config), family, input_shape, positions, layer_drop)


def pretrained_transformer(
    *,
    input_shape: tuple[int, ...],
    num_classes: int,
    width: float = 1.0,
    checkpoint: str = MINILM,
    dropout: float | None = None,
    layer_drop: float = 0.0,
    keep_layers: list[int] | None = None,
) -> TextClassifier:
    """A pretrained network of the BERT family with a new classifier; its last layer is zero, so all classes start alike.

    Args:
        input_shape: (tokens,).
        num_classes: number of logits.
        width: only 1.0; a checkpoint has one width.
        checkpoint: minilm (Wang et al. 2020; six layers, shipped in a Python package), a folder, or a name on the hub.
        dropout: of every dropout layer; None leaves the checkpoint's.
        layer_drop: probability that a training step leaves a layer out (Fan et al. 2020).
        keep_layers: layers to keep, counted from 0, before anything is trained; None keeps all.

    Raises:
        ValueError: for a checkpoint that is not there or of another family, layers it does not have, or texts that are too long.
    """
    from transformers import AutoConfig

    refuse_width(checkpoint, width)
    folder = checkpoint_folder(checkpoint)
    try:
        config: Any = AutoConfig.from_pretrained(folder)
        family = choose("family of transformers", str(config.model_type), _FAMILIES)
        with _quiet() as automatic:
            network = automatic.from_pretrained(folder, num_labels=positive_classes(num_classes), dtype=torch.float32)
    except OSError as error:
        raise ValueError(
            f"no checkpoint {checkpoint!r}: neither {MINILM}, a folder, nor on the hub ({str(error).splitlines()[0]})"
        ) from error
    model = _classifier(network, family, input_shape, int(config.max_position_embeddings), layer_drop)
    if keep_layers is not None:
        _keep(model.network.get_submodule(_FAMILIES[family][0]), keep_layers)
    with torch.no_grad():
        for parameter in _last_linear(model).parameters():
            parameter.zero_()
    for module in model.modules() if dropout is not None else ():
        if isinstance(module, nn.Dropout):
            module.p = dropout  # pyright: ignore[reportAttributeAccessIssue]
    return mark_pretrained(model)  # pyright: ignore[reportReturnType]


def _classifier(network: Any, family: str, input_shape: tuple[int, ...], positions: int, layer_drop: float) -> TextClassifier:
    if len(input_shape) != 1 or not 1 <= input_shape[0] <= positions:
        raise ValueError(
            f"this network takes texts of up to {positions} tokens, not inputs of shape {tuple(input_shape)}; see dataset.max_length"
        )
    if not 0 <= layer_drop < 1:
        raise ValueError(f"layer_drop = {layer_drop} must be in [0, 1)")
    return TextClassifier(network, _FAMILIES[family], layer_drop)


def _keep(layers: nn.ModuleList, kept: list[int]) -> None:
    if not kept or sorted(set(kept)) != kept or not 0 <= kept[0] <= kept[-1] < len(layers):
        raise ValueError(f"keep_layers = {kept} must be layers from 0 to {len(layers) - 1}, in order, each once")
    for index in reversed(range(len(layers))):
        if index not in kept:
            del layers[index]


def _last_linear(model: nn.Module) -> nn.Linear:
    return [module for module in model.modules() if isinstance(module, nn.Linear)][-1]


@contextlib.contextmanager
def _quiet() -> Iterator[Any]:
    """The library's constructor of classifiers, without its progress bars and its report on new weights."""
    from transformers import AutoModelForSequenceClassification
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield AutoModelForSequenceClassification
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
