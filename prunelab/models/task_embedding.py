"""An embedding of the tokens that a task uses."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class TaskEmbedding(nn.Module):
    """Takes the ids of the whole vocabulary, and has rows for some; all others read the row of the unknown token.

    Args:
        num_tokens: size of the whole vocabulary.
        num_rows: tokens that have a row.
        size: width of a row.
    """

    def __init__(self, num_tokens: int, num_rows: int, size: int) -> None:
        super().__init__()
        self.num_tokens, self.num_rows, self.size = num_tokens, num_rows, size
        self.weight = nn.Parameter(torch.zeros(num_rows, size))
        self.register_buffer("row_of", torch.zeros(num_tokens, dtype=torch.int64))
        self.row_of: Tensor

    def forward(self, ids: Tensor) -> Tensor:
        """(batch, tokens) int64 -> (batch, tokens, size)."""
        return F.embedding(self.row_of[ids], self.weight)
