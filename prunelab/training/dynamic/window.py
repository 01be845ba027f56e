"""The stretch of training in which masks change."""

from __future__ import annotations

import dataclasses

from prunelab.basics.step import parse_step, resolve_step
from prunelab.training.spec import TrainSpec


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ticks:
    """The steps of a window: `begin`, every so many after it, and `end`."""

    begin: int
    end: int
    every: int

    @property
    def steps(self) -> list[int]:
        """Increasing; the last is `end`."""
        return [*range(self.begin, self.end, self.every), self.end]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Window:
    """From `begin` to `end`, every so many steps; each is written as a step: '500', '500it', '2ep', '10%'.

    Attributes:
        begin: of the first change.
        end: of the last change; it must come before the last step of training.
        every: interval.
    """

    begin: str = "0"
    end: str = "75%"
    every: str = "50it"

    def __post_init__(self) -> None:
        for name in ("begin", "end", "every"):
            amount, _ = parse_step(getattr(self, name))
            if name != "begin" and amount <= 0:
                raise ValueError(f"schedule.dynamics.{name} = {getattr(self, name)!r} must be more than 0")

    def ticks(self, spec: TrainSpec) -> Ticks:
        """The window in optimizer steps of a training.

        Raises:
            ValueError: if it does not lie within the training, is empty, or shorter than the interval.
        """
        begin, end = max(spec.resolve(self.begin), spec.start_step), spec.resolve(self.end)
        if not begin < end < spec.end_step:
            raise ValueError(
                f"schedule.dynamics changes masks from {self.begin!r} (step {begin}) to {self.end!r} (step {end}), which must lie in this "
                f"order between step {spec.start_step} and the last step of training ({spec.end_step - 1})"
            )
        amount, unit = parse_step(self.every)
        every = round(amount / 100 * spec.total_steps) if unit == "%" else resolve_step(self.every, steps_per_epoch=spec.steps_per_epoch)
        if every > end - begin:
            raise ValueError(
                f"schedule.dynamics.every = {self.every!r} ({every} steps) is longer than the {end - begin} steps in which masks change; "
                "choose a shorter interval or train longer"
            )
        return Ticks(begin=begin, end=end, every=max(every, 1))
