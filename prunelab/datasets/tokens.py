"""Texts -> token ids -> splits."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from prunelab.basics.checkpoints import EXTRA, MINILM, checkpoint_folder
from prunelab.datasets.splits import Split, Splits, stratified

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@functools.cache
def tokenizer_of(name: str) -> PreTrainedTokenizerBase:
    """The tokenizer of a checkpoint; with a padding token, as batches need one.

    Raises:
        ValueError: if there is none by this name, or the library is missing.
    """
    try:
        from transformers import AutoTokenizer
    except ImportError as error:
        raise ValueError(f"texts need the package transformers; {EXTRA}") from error
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(checkpoint_folder(name))
    except OSError as error:
        raise ValueError(f"no tokenizer {name!r}: neither {MINILM}, nor a folder, nor on the hub ({str(error).splitlines()[0]})") from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def token_splits(
    *,
    texts: Sequence[str],
    labels: Sequence[int],
    tokenizer: str,
    max_length: int,
    validation: int,
    test: int | tuple[Sequence[str], Sequence[int]],
    split_seed: int,
    max_train: int | None,
) -> Splits:
    """Splits of texts, tokenised once; validation (and test, where it is a number) drawn by seed, classes in equal proportion.

    Validation and test are sorted by length, so that their batches carry little padding.

    Args:
        texts: one an example.
        labels: class indices.
        tokenizer: of which checkpoint.
        max_length: texts are cut to so many tokens.
        validation: examples set aside for validation.
        test: examples set aside for test, or the official test split.
        split_seed: of the draws.
        max_train: train on at most so many.

    Raises:
        ValueError: for a `max_length` or `max_train` below 1, or if nothing is left to train on.
    """
    if max_length < 3 or (max_train is not None and max_train < 1):
        raise ValueError(f"max_length = {max_length} must be at least 3, and max_train = {max_train} at least 1 or null for all")
    encoder = tokenizer_of(tokenizer)
    official = None if isinstance(test, int) else test
    encoded = _encode(encoder, [*texts, *(official[0] if official else ())], max_length)
    targets = torch.tensor([*labels, *(official[1] if official else ())], dtype=torch.int64)
    own = targets[: len(texts)]
    held_out = (validation,) if official else (validation, int(test))  # pyright: ignore[reportArgumentType]
    *aside, train = stratified(own, held_out, split_seed)
    if official:
        aside.append(torch.arange(len(texts), len(targets)))
    padding = int(encoder.pad_token_id)  # pyright: ignore[reportArgumentType]

    def part(index: torch.Tensor, *, by_length: bool = False) -> Split:
        split = Split(inputs=encoded[index], targets=targets[index], padding=padding)
        if not by_length:
            return split
        order = torch.argsort((split.inputs != padding).sum(1), stable=True)
        return Split(inputs=split.inputs[order], targets=split.targets[order], padding=padding)

    return Splits(
        train=part(train[:max_train]),
        validation=part(aside[0], by_length=True),
        test=part(aside[1], by_length=True),
        num_classes=int(targets.max()) + 1,
        input_shape=(encoded.shape[1],),
        num_tokens=len(encoder),
    )


def _encode(encoder: PreTrainedTokenizerBase, texts: Sequence[str], max_length: int) -> torch.Tensor:
    """Token ids (texts, longest), filled up with the padding token."""
    ids = encoder(list(texts), truncation=True, max_length=max_length, padding="longest", return_tensors="pt")["input_ids"]
    assert isinstance(ids, torch.Tensor)
    return ids
