"""A transformer block whose heads and neurons are plain Linear layers."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class Attention(nn.Module):
    """Multi-head self-attention: softmax(q k' / sqrt(head_dim)) v for each head, joined by a linear layer.

    Head h owns rows [h * head_dim, (h + 1) * head_dim) of `query`, `key` and `value`, and the same columns of `output`,
    so a network with fewer heads is one with smaller layers and a smaller `num_heads`; the residual width stays.

    Attributes:
        causal: whether a token sees only itself and those before it.
    """

    def __init__(self, dim: int, num_heads: int, head_dim: int, *, causal: bool = False) -> None:
        super().__init__()
        self.causal = causal
        self.num_heads = num_heads
        self.head_dim = head_dim
        self.query = nn.Linear(dim, num_heads * head_dim)
        self.key = nn.Linear(dim, num_heads * head_dim)
        self.value = nn.Linear(dim, num_heads * head_dim)
        self.output = nn.Linear(num_heads * head_dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, tokens, dim) -> (batch, tokens, dim)."""
        query, key, value = (self._heads(layer(x)) for layer in (self.query, self.key, self.value))
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=self.causal)
        return self.output(mixed.transpose(1, 2).flatten(2))

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.num_heads, self.head_dim)).transpose(1, 2)


class EncoderBlock(nn.Module):
    """x = x + attention(LN(x)); x = x + fc2(gelu(fc1(LN(x))))."""

    def __init__(self, dim: int, num_heads: int, hidden: int, dropout: float, *, causal: bool = False) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.attention = Attention(dim, num_heads, dim // num_heads, causal=causal)
        self.norm2 = nn.LayerNorm(dim)
        self.fc1 = nn.Linear(dim, hidden)
        self.gelu = nn.GELU()
        self.fc2 = nn.Linear(hidden, dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, tokens, dim) -> (batch, tokens, dim)."""
        x = x + self.dropout(self.attention(self.norm1(x)))
        return x + self.dropout(self.fc2(self.gelu(self.fc1(self.norm2(x)))))
