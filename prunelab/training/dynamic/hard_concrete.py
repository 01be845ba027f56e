"""L0 regularisation with hard-concrete gates: soft masks that become hard."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar

import torch
from torch import nn

from prunelab.basics.seeds import generator
from prunelab.pruning.masks import Masks
from prunelab.pruning.schedules import cubic_sparsity
from prunelab.training.dynamic.attached import attached, detach_all, register
from prunelab.training.dynamic.base import Goal, Moment, Reparametrized
from prunelab.training.dynamic.window import Window
from prunelab.training.objective import Penalty
from prunelab.training.spec import TrainSpec

TEMPERATURE, LOW, HIGH = 2 / 3, -0.1, 1.1  # beta, gamma and zeta of Louizos et al. 2018, section 4


class StochasticGate(nn.Module):
    """A parametrization: the weight times a hard-concrete gate; once hard, times a mask.

    Attributes:
        log_alpha: location of each gate's distribution.
        multiplier: of the constraint on the density, the same in all gates.
        wanted: density that the constraint asks for, likewise.
    """

    def __init__(self, log_alpha: torch.Tensor) -> None:
        super().__init__()
        self.log_alpha = nn.Parameter(log_alpha)
        self.mask: torch.Tensor
        self.hard: torch.Tensor
        self.multiplier: torch.Tensor
        self.wanted: torch.Tensor
        self.register_buffer("mask", torch.ones_like(log_alpha))
        self.register_buffer("hard", torch.tensor(False))
        self.register_buffer("multiplier", torch.tensor(0.0))
        self.register_buffer("wanted", torch.tensor(1.0))

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        """The weight in force."""
        if self.hard:
            return weight * self.mask
        if not self.training:
            return weight * self.expected()
        noise = torch.rand_like(self.log_alpha).clamp(1e-6, 1 - 1e-6)
        return weight * _stretched(torch.sigmoid((noise.logit() + self.log_alpha) / TEMPERATURE))

    def expected(self) -> torch.Tensor:
        """The gate at test time (eq. 13)."""
        return _stretched(torch.sigmoid(self.log_alpha))

    def open_probability(self) -> torch.Tensor:
        """Probability that a gate is not zero (eq. 12)."""
        return torch.sigmoid(self.log_alpha - TEMPERATURE * math.log(-LOW / HIGH))

    @torch.no_grad()
    def harden(self, weight: torch.Tensor) -> None:
        """From now on a mask; what gates scaled weights by goes into the weights."""
        weight *= self.expected()
        self.hard.fill_(True)


def _stretched(share: torch.Tensor) -> torch.Tensor:
    return (share * (HIGH - LOW) + LOW).clamp(0, 1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class HardConcrete(Window, Reparametrized):
    r"""Gates on weights are learned with their expected number penalised (Louizos et al. 2018).

    The expected density :math:`d = \frac{1}{N} \sum_i P(z_i \neq 0)` is held to the wanted one, which falls with the cubic
    schedule between `begin` and `end`, by the augmented Lagrangian of Wang et al. 2020 (section 3.3),

    .. math:: L + \lambda (d - d_t) + \tfrac{\rho}{2} (d - d_t)^2, \qquad \lambda \leftarrow \lambda + \rho (d - d_t)

    every `every` steps. At `end` exactly the asked number of units with the likeliest gates is kept, the gates become part of
    the weights, and training goes on with a hard mask.

    Attributes:
        strength: rho.
        initial: probability with which a gate is open at first, roughly.
        score_lr: learning rate of gates over that of weights.
    """

    every: str = "10it"
    strength: float = 10.0
    initial: float = 0.9
    score_lr: float = 20.0
    criterion_role: ClassVar[str] = "nothing"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.strength <= 0 or not 0 < self.initial < 1 or self.score_lr <= 0:
            raise ValueError(
                "schedule.dynamics needs strength > 0, 0 < initial < 1 and score_lr > 0, not "
                f"{self.strength}, {self.initial} and {self.score_lr}"
            )

    def steps(self, spec: TrainSpec) -> list[int]:
        """See `Dynamics`."""
        return self.ticks(spec).steps

    def attach(self, network: nn.Module, goal: Goal) -> None:
        """See `Reparametrized`."""
        for name, shape in goal.scope.shapes.items():
            noise = 0.01 * torch.randn(shape, generator=generator(goal.seed, "gates", name))
            register(network, name, StochasticGate(noise + math.log(self.initial / (1 - self.initial))))

    def update(self, moment: Moment) -> Masks:
        """See `Dynamics`."""
        goal, ticks, gates = moment.goal, self.ticks(moment.spec), attached(moment.network, StochasticGate)
        if moment.step == ticks.end:
            masks = goal.decide({name: gate.log_alpha.detach().cpu() for name, gate in gates.items()}, goal.density)
            parameters = dict(moment.network.named_parameters())
            for name, gate in gates.items():
                owner, _, attribute = name.rpartition(".")
                gate.harden(parameters[f"{owner}.parametrizations.{attribute}.original".removeprefix(".")].data)
            return masks
        final = 1.0 - goal.density
        wanted = 1.0 - cubic_sparsity(moment.step, initial=0.0, final=final, begin_step=ticks.begin, end_step=ticks.end)
        excess = float(expected_density(gates).detach()) - wanted
        for gate in gates.values():
            gate.multiplier += self.strength * excess
            gate.wanted.fill_(wanted)
        return moment.masks

    def hold(self, network: nn.Module, masks: Masks) -> None:
        """See `Reparametrized`."""
        for name, gate in attached(network, StochasticGate).items():
            gate.mask.copy_(masks[name])

    def detach(self, network: nn.Module, masks: Masks) -> None:
        """See `Reparametrized`."""
        detach_all(network, masks)

    def penalties(self, spec: TrainSpec, goal: Goal) -> tuple[Penalty, ...]:
        """See `Dynamics`."""
        return (self._constraint,)

    def learning_rate_factor(self, parameter: str) -> float:
        """See `Reparametrized`."""
        return self.score_lr if parameter.endswith(".log_alpha") else 1.0

    def _constraint(self, network: nn.Module) -> torch.Tensor:
        gates = attached(network, StochasticGate)
        first = next(iter(gates.values()))
        if first.hard:
            return torch.zeros((), device=first.mask.device)
        excess = expected_density(gates) - first.wanted
        return first.multiplier * excess + self.strength / 2 * excess.square()


def expected_density(gates: dict[str, StochasticGate]) -> torch.Tensor:
    """Expected fraction of gates that are not zero, a scalar."""
    return sum((gate.open_probability().sum() for gate in gates.values()), torch.zeros(())) / sum(
        gate.mask.numel() for gate in gates.values()
    )
