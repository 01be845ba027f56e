"""Joules that the processor counts itself (RAPL), where the platform lets them be read."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")
_MICRO = 1e-6


@dataclasses.dataclass(kw_only=True)
class Energy:
    """What a block of code took.

    Attributes:
        joules: of all processor packages and their memory, everything else on the machine included; None where
            nothing counts, and until the block has ended.
    """

    joules: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Counter:
    """A zone's counter, in microjoules, that starts again at 0 after `most`."""

    path: Path
    most: int

    def read(self) -> int:
        return int(self.path.read_text())


@contextlib.contextmanager
def energy_of_block(root: Path = POWERCAP) -> Iterator[Energy]:
    """Count the joules from here to the end of the block.

    A counter that wrapped around once is handled; a block of hours at full power may wrap it twice, which can't be seen.
    The counters are refreshed about every millisecond: a block should be much longer.
    """
    spent, counters = Energy(), _counters(root)
    before = [counter.read() for counter in counters]
    yield spent
    if counters:
        differences = [counter.read() - start for counter, start in zip(counters, before, strict=True)]
        unwrapped = [delta if delta >= 0 else delta + counter.most for delta, counter in zip(differences, counters, strict=True)]
        spent.joules = _MICRO * sum(unwrapped)


def counts_energy(root: Path = POWERCAP) -> bool:
    """Whether the platform counts, and lets this user read it."""
    return bool(_counters(root))


def _counters(root: Path) -> list[_Counter]:
    """Packages and their memory. Cores are within their package, and `psys` is the whole platform: neither is added.

    The folders of powercap are flat: intel-rapl:0 is a package, intel-rapl:0:1 a part of it.
    """
    found = []
    for zone in sorted(root.glob("*rapl*:*")) if root.is_dir() else []:
        try:
            name = (zone / "name").read_text().strip()
            counter = _Counter(path=zone / "energy_uj", most=int((zone / "max_energy_range_uj").read_text()))
            counter.read()
        except (OSError, ValueError):  # no counter, or only for root
            continue
        if name.startswith(("package", "dram")) and "mmio" not in zone.name:  # the MMIO zones count the same packages again
            found.append(counter)
    return found
