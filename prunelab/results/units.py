"""How numbers of a record are written for people: accuracies in percent, differences of them in points."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable

MINUS = "\N{MINUS SIGN}"
THIN = "\N{NARROW NO-BREAK SPACE}"
NONE = "\N{EN DASH}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Unit:
    """What a column counts in, and how it is shown.

    Attributes:
        name: the unit of the stored number, as written to JSON.
        scale: stored number times this is the shown one.
        of_value: what follows a shown value.
        of_difference: what follows a shown difference of two values.
        digits: decimals of a shown number.
    """

    name: str
    scale: float = 1.0
    of_value: str = ""
    of_difference: str = ""
    digits: int = 2

    def number(self, value: float | None, *, signed: bool = False) -> str:
        """`value` in shown units, without its unit; a dash if there is none."""
        if value is None or math.isnan(value):
            return NONE
        text = f"{value * self.scale:{'+' if signed else ''},.{self.digits}f}"
        if text[0] in "+-" and not text.strip("+-0."):
            text = text[1:]
        return text.replace("-", MINUS)

    def numbers(self, values: Iterable[float]) -> list[str]:
        """Each of many values as `number` writes it."""
        zero = f"{-0.0:,.{self.digits}f}"
        texts = [f"{value * self.scale:,.{self.digits}f}" for value in values]
        return [
            text if "0" <= text[0] <= "9" else NONE if text == "nan" else zero[1:] if text == zero else text.replace("-", MINUS)
            for text in texts
        ]

    def value(self, value: float | None) -> str:
        """`value` with its unit."""
        return self.number(value) + (f"{THIN}{self.of_value}" if self.of_value else "")

    def difference(self, value: float | None) -> str:
        """A difference, signed, with its unit."""
        return self.number(value, signed=True) + (f" {self.of_difference}" if self.of_difference else "")

    def interval(self, low: float | None, high: float | None, *, signed: bool = False) -> str:
        """An interval as `[low, high]`, a dash for an end that is not known, or words if neither is."""
        if all(end is None or math.isnan(end) for end in (low, high)):
            return "no interval"
        return f"[{self.number(low, signed=signed)}, {self.number(high, signed=signed)}]"


FRACTION = Unit(name="fraction", scale=100, of_value="%", of_difference="points", digits=1)
STEPS = Unit(name="steps", of_value="steps", of_difference="steps", digits=0)
SECONDS = Unit(name="seconds", of_value="s", of_difference="s", digits=3)
BYTES = Unit(name="bytes", of_value="bytes", of_difference="bytes", digits=0)
COUNT = Unit(name="count", digits=0)
RATIO = Unit(name="ratio", of_value="\N{MULTIPLICATION SIGN}", digits=1)
TIMES = Unit(name="times", of_value="\N{MULTIPLICATION SIGN}", digits=2)
NUMBER = Unit(name="number", digits=3)

_NAMED = {
    "early_stop_step": STEPS, "total_steps": STEPS, "rewind_step": STEPS,
    "compression_ratio": RATIO, "theoretical_speedup": RATIO, "measured_speedup": TIMES,
    "sparsity": FRACTION, "sparsity_requested": FRACTION, "effective_sparsity": FRACTION, "barrier": FRACTION,
    "multiply_adds": COUNT, "parameters": COUNT, "weights_left": COUNT, "collapsed_layers": COUNT,
}  # fmt: skip
_SUFFIXED = {"_top1": FRACTION, "_top5": FRACTION, "_f1": FRACTION, "_ece": FRACTION, "_seconds": SECONDS, "_bytes": BYTES}
BY_NAME = {unit.name: unit for unit in (FRACTION, STEPS, SECONDS, BYTES, COUNT, RATIO, TIMES, NUMBER)}


def unit_of(column: str) -> Unit:
    """The unit of a record's column."""
    if column in _NAMED:
        return _NAMED[column]
    return next((unit for suffix, unit in _SUFFIXED.items() if column.endswith(suffix)), NUMBER)


def percent(fraction: float) -> str:
    """A fraction of the weights in percent, three significant digits: `13.4 %`."""
    return f"{significant(100 * fraction)}{THIN}%"


def significant(value: float, digits: int = 3) -> str:
    """`value` with `digits` significant digits and neither exponent nor trailing zeros."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else NONE
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
