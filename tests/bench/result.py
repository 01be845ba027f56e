"""What a benchmark finds."""

from __future__ import annotations

import dataclasses
import statistics


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """One number with its aim (">= 1.0" or "< 0.5")."""

    name: str
    value: float
    unit: str
    aim: str
    runs: int

    holds: bool = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        relation, limit = self.aim.split()
        holds = self.value >= float(limit) if relation == ">=" else self.value < float(limit)
        object.__setattr__(self, "holds", holds)


def median(name: str, values: list[float], *, unit: str, aim: str) -> Result:
    return Result(name=name, value=statistics.median(values), unit=unit, aim=aim, runs=len(values))
