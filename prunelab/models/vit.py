"""A small vision transformer (Dosovitskiy et al. 2021)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from prunelab.models.attention import EncoderBlock
from prunelab.models.shapes import image_shape, positive_classes, scaled


class VisionTransformer(nn.Module):
    """Patches, a class token, learned positions, pre-norm encoder blocks, a linear layer on the class token."""

    def __init__(self, *, channels: int, patches: int, patch_size: int, dim: int, blocks: list[EncoderBlock], num_classes: int) -> None:
        super().__init__()
        self.patch_embedding = nn.Conv2d(channels, dim, patch_size, stride=patch_size)
        self.class_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.position_embedding = nn.Parameter(torch.zeros(1, patches + 1, dim))
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.LayerNorm(dim)
        self.output = nn.Linear(dim, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) -> (batch, num_classes)."""
        tokens = self.patch_embedding(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.class_token.expand(tokens.shape[0], -1, -1), tokens], dim=1) + self.position_embedding
        return self.output(self.norm(self.blocks(tokens))[:, 0])


def vit(
    *,
    input_shape: tuple[int, ...],
    num_classes: int,
    width: float = 1.0,
    patch_size: int = 4,
    dim: int = 64,
    depth: int = 4,
    heads: int = 4,
    mlp_ratio: float = 2.0,
    dropout: float = 0.0,
) -> VisionTransformer:
    """A pre-norm ViT for small images.

    Args:
        input_shape: (channels, height, width), both sides multiples of `patch_size`.
        num_classes: number of logits.
        width: multiplies the size of each head, and with it `dim`; the number of heads stays.
        patch_size: pixels a side of a patch.
        dim: width of a token, a multiple of `heads`.
        depth: encoder blocks.
        heads: attention heads in each block.
        mlp_ratio: hidden width of a block's perceptron in units of `dim`.
        dropout: probability of dropping an activation at the end of each residual branch.

    Raises:
        ValueError: if heads do not divide `dim`, or patches do not tile the image.
    """
    if min(heads, depth, patch_size) < 1 or mlp_ratio <= 0:
        raise ValueError(f"heads = {heads}, depth = {depth}, patch_size = {patch_size}, mlp_ratio = {mlp_ratio} must be > 0")
    if dim % heads:
        raise ValueError(f"dim = {dim} must be a multiple of heads = {heads}")
    channels, height, breadth = image_shape("the ViT", input_shape, smallest=patch_size)
    if height % patch_size or breadth % patch_size:
        fitting = [size for size in range(1, min(height, breadth) + 1) if height % size == 0 and breadth % size == 0]
        raise ValueError(f"patch_size = {patch_size} does not tile {height}x{breadth} images. Valid: {fitting}")
    dim = heads * scaled(dim // heads, width)
    hidden = scaled(dim, mlp_ratio)
    return VisionTransformer(
        channels=channels,
        patches=(height // patch_size) * (breadth // patch_size),
        patch_size=patch_size,
        dim=dim,
        blocks=[EncoderBlock(dim, heads, hidden, dropout) for _ in range(depth)],
        num_classes=positive_classes(num_classes),
    )
