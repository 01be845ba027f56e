"""What a benchmark finds."""

from __future__ import annotations

import dataclasses
import operator
import statistics

RELATIONS = {">=": operator.ge, "<=": operator.le, "<": operator.lt}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """One number with its aim (">= 1.0", "<= 2" or "< 0.5"); an empty one if there is nothing to reach."""

    name: str
    value: float
    unit: str
    aim: str
    runs: int

    holds: bool | None = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        holds = None
        if self.aim:
            relation, limit = self.aim.split()
            holds = RELATIONS[relation](self.value, float(limit))
        object.__setattr__(self, "holds", holds)


def median(name: str, values: list[float], *, unit: str, aim: str = "") -> Result:
    return Result(name=name, value=statistics.median(values), unit=unit, aim=aim, runs=len(values))
