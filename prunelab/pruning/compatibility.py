"""What combines with what, and why the rest is refused."""

from __future__ import annotations

from prunelab.pruning.allocations.base import Allocation
from prunelab.pruning.allocations.layer_rates import LayerRates
from prunelab.pruning.criteria.base import Criterion
from prunelab.pruning.granularities.base import Granularity

SINGLE_WEIGHTS = ("weight", "n:m")


def refusal(criterion: Criterion, allocation: Allocation, granularity: Granularity) -> str | None:
    """Why the three do not go together, in a sentence; None if they do."""
    kinds = criterion.granularities
    if kinds and granularity.kind not in kinds:
        return f"this criterion scores units of {' or '.join(kinds)} only, not of {granularity.kind}"
    if isinstance(allocation, LayerRates) and granularity.kind == "layer":
        return "layer_rates removes a share of each tensor, and a layer is removed whole; use pruning/allocation=global"
    return None


def check(criterion: Criterion, allocation: Allocation, granularity: Granularity, densities: tuple[float, ...]) -> None:
    """Check a method and the densities asked of it.

    Raises:
        ValueError: why it can't be, and what can.
    """
    reason = refusal(criterion, allocation, granularity)
    if reason:
        raise ValueError(reason)
    highest, limit = max(densities, default=0.0), granularity.max_density
    if highest > limit + 1e-9:
        raise ValueError(
            f"pruning/granularity {granularity.kind} leaves at most {limit:g} of the weights, and a level asks for {highest:g}; "
            f"start the sparsities at {1 - limit:g}, like sparsity=list 'sparsity.values=[{1 - limit:g}]'"
        )
