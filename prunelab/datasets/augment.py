"""Augmentation of a whole batch at once."""

from __future__ import annotations

import dataclasses

import torch
import torch.nn.functional as F


@dataclasses.dataclass(frozen=True, kw_only=True)
class Augment:
    """Random shift (zero padding) and horizontal flip, a pure function of (batch, generator).

    Attributes:
        shift: largest shift in pixels, each way and direction: pad, then crop at random (He et al. 2016, section 4.2).
        flip: mirror left and right with probability one half.
    """

    shift: int = 0
    flip: bool = False

    def __call__(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Augment images of shape (batch, channels, height, width)."""
        count, channels, height, width = batch.shape
        if self.flip:
            mirrored = torch.rand(count, generator=generator).lt(0.5).to(batch.device)
            batch = torch.where(mirrored[:, None, None, None], batch.flip(3), batch)
        if self.shift:
            down, right = torch.randint(0, 2 * self.shift + 1, (2, count), generator=generator).to(batch.device)
            padded = F.pad(batch, (self.shift,) * 4)
            rows = (down[:, None] + torch.arange(height, device=batch.device))[:, None, :, None]
            columns = (right[:, None] + torch.arange(width, device=batch.device))[:, None, None, :]
            example = torch.arange(count, device=batch.device)[:, None, None, None]
            channel = torch.arange(channels, device=batch.device)[None, :, None, None]
            batch = padded[example, channel, rows, columns]
        return batch
