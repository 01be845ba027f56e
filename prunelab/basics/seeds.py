"""Independent random streams from one seed.

A stream is named by its purpose ("init", "order", 3, ...). Streams of different purposes or seeds share nothing: the seed
is hashed with its purpose, never added to a counter (`seed + epoch` would give neighbouring seeds the same data orders).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def derive_seed(seed: int, *purpose: str | int) -> int:
    """A 63-bit seed for `purpose`, a pure function of its arguments."""
    text = "\x1f".join([str(int(seed)), *map(str, purpose)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *purpose: str | int) -> torch.Generator:
    """A CPU generator seeded for `purpose`."""
    import torch

    return torch.Generator().manual_seed(derive_seed(seed, *purpose))
