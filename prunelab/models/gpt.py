"""A small GPT (Radford et al. 2018) that classifies texts by their last token."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from prunelab.models.attention import EncoderBlock
from prunelab.models.shapes import positive_classes, scaled


class Gpt(nn.Module):
    """Token and position embeddings, causal pre-norm blocks, a linear layer on the last token that is no padding.

    Padding stands behind the text, so no token of the text sees it.

    Attributes:
        num_tokens: size of the vocabulary.
        padding: the token that fills texts.
    """

    def __init__(self, *, vocabulary: int, positions: int, dim: int, blocks: list[EncoderBlock], num_classes: int, padding: int) -> None:
        super().__init__()
        self.num_tokens, self.padding = vocabulary, padding
        self.token_embedding = nn.Embedding(vocabulary, dim)
        self.position_embedding = nn.Parameter(torch.zeros(1, positions, dim))
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.LayerNorm(dim)
        self.output = nn.Linear(dim, num_classes)

    def forward(self, ids: Tensor) -> Tensor:
        """(batch, tokens) int64 -> (batch, num_classes)."""
        hidden = self.token_embedding(ids) + self.position_embedding[:, : ids.shape[1]]
        hidden = self.norm(self.blocks(hidden))
        last = ((ids != self.padding).sum(1) - 1).clamp_min(0)
        return self.output(hidden.gather(1, last[:, None, None].expand(-1, 1, hidden.shape[2]))[:, 0])


def gpt(
    *,
    input_shape: tuple[int, ...],
    num_classes: int,
    width: float = 1.0,
    vocabulary: int = 30_522,
    dim: int = 64,
    depth: int = 2,
    heads: int = 4,
    mlp_ratio: float = 4.0,
    dropout: float = 0.1,
    padding: int = 0,
) -> Gpt:
    """A GPT for classification, with random weights.

    Args:
        input_shape: (tokens,).
        num_classes: number of logits.
        width: multiplies the size of each head, and with it `dim`; the number of heads stays.
        vocabulary: tokens that have an embedding; as many as the data set's tokenizer has, or more.
        dim: width of a token, a multiple of `heads`.
        depth: blocks.
        heads: attention heads in each block.
        mlp_ratio: hidden width of a block's perceptron in units of `dim`.
        dropout: probability of dropping an activation at the end of each residual branch.
        padding: the tokenizer's padding token.

    Raises:
        ValueError: if sizes do not fit, or the inputs are no texts.
    """
    if len(input_shape) != 1 or input_shape[0] < 1:
        raise ValueError(f"the GPT takes texts (tokens,), not inputs of shape {tuple(input_shape)}")
    if min(heads, depth, vocabulary) < 1 or mlp_ratio <= 0 or dim % heads:
        raise ValueError(f"dim = {dim} must be a multiple of heads = {heads}; depth, vocabulary and mlp_ratio must be above 0")
    if not 0 <= padding < vocabulary:
        raise ValueError(f"padding = {padding} must be a token, from 0 to {vocabulary - 1}")
    dim = heads * scaled(dim // heads, width)
    return Gpt(
        vocabulary=vocabulary,
        positions=input_shape[0],
        dim=dim,
        blocks=[EncoderBlock(dim, heads, scaled(dim, mlp_ratio), dropout, causal=True) for _ in range(depth)],
        num_classes=positive_classes(num_classes),
        padding=padding,
    )
