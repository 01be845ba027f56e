"""What density when: pure functions."""

from __future__ import annotations


def geometric(rate: float, levels: int) -> tuple[float, ...]:
    """Densities (1 - rate)^n of levels 1 to `levels`: each removes `rate` of what is left (Frankle & Carbin 2019).

    Raises:
        ValueError: if `rate` is not in [0, 1) or `levels` is negative.
    """
    if not 0 <= rate < 1:
        raise ValueError(f"rate {rate} must be in [0, 1): the fraction of the weights left that each level removes")
    if levels < 0:
        raise ValueError(f"levels {levels} must not be negative")
    return tuple((1.0 - rate) ** level for level in range(1, levels + 1))


def cubic_sparsity(step: int, *, initial: float, final: float, begin_step: int, end_step: int) -> float:
    """Sparsity of gradual magnitude pruning, s_f + (s_i - s_f)(1 - (t - t_0) / (n dt))^3 (Zhu & Gupta 2017, eq. 1).

    `initial` before `begin_step`, `final` from `end_step` on.

    Raises:
        ValueError: if `end_step` is not after `begin_step`.
    """
    if end_step <= begin_step:
        raise ValueError(f"end_step {end_step} must be after begin_step {begin_step}")
    progress = min(max((step - begin_step) / (end_step - begin_step), 0.0), 1.0)
    return final + (initial - final) * (1.0 - progress) ** 3
