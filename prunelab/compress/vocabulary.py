"""Rows of the token embedding that a task never reads."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor, nn

from prunelab.compress.compact import Compacted
from prunelab.compress.shapes import differences
from prunelab.metrics.masks import evaluating
from prunelab.models.task_embedding import TaskEmbedding


def with_task_vocabulary(compacted: Compacted, dense: nn.Module, *, used: Tensor, unknown: int, example: Tensor) -> Compacted:
    """The same network with embeddings of the `used` tokens alone; every other token reads as the unknown one.

    Texts of used tokens give the same logits, bit for bit, which is checked on `example`. Others don't: a word that the task's
    training texts do not have had an embedding from pretraining, and has none any more.

    Args:
        compacted: changed in place.
        dense: the network before compaction, for what differs from it.
        used: token ids, in any order and as often as they occur.
        unknown: the tokenizer's token for what it does not know.
        example: token ids (batch, tokens), of used tokens.

    Raises:
        ValueError: for a network without an embedding of tokens, tokens that it has no embedding for, or an example of others.
    """
    model = compacted.model
    total = int(getattr(model, "num_tokens", 0))
    found = [path for path, module in model.named_modules() if isinstance(module, nn.Embedding) and module.num_embeddings == total]
    if not total or not found:
        raise ValueError(f"{type(model).__name__} has no embedding of tokens, so no rows that its task does not use")
    rows = torch.cat([used.flatten().cpu(), torch.tensor([unknown, int(getattr(model, "padding", unknown))])]).unique()
    if not 0 <= int(rows[0]) <= int(rows[-1]) < total:
        raise ValueError(f"tokens from {int(rows[0])} to {int(rows[-1])} are not all among the {total:,} of the network")
    if not bool(torch.isin(example.cpu(), rows).all()):
        raise ValueError("the example has tokens that are not among the used ones")
    with evaluating(model), torch.no_grad():
        before = model(example)
        for path in found:
            model.set_submodule(path, _restricted(model.get_submodule(path), rows, unknown))
        after = model(example)
    if not torch.equal(before, after):
        raise ValueError("the network with fewer embeddings is not equal on texts of the used tokens")
    return dataclasses.replace(compacted, shapes=differences(dense, model))


def _restricted(whole: nn.Module, rows: Tensor, unknown: int) -> TaskEmbedding:
    weight = whole.get_parameter("weight")
    made = TaskEmbedding(len(weight), len(rows), weight.shape[1]).to(weight.device, weight.dtype).train(whole.training)
    made.weight.copy_(weight[rows.to(weight.device)])
    made.row_of.fill_(int(torch.searchsorted(rows, unknown)))
    made.row_of[rows.to(weight.device)] = torch.arange(len(rows), device=weight.device)
    made.weight.requires_grad_(weight.requires_grad)
    return made
