"""Draw every parameter of a network from a seed, never from the global random state."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TypeGuard

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

from prunelab.basics.choices import choose
from prunelab.basics.seeds import derive_seed, generator

INITS = (
    "default",
    "kaiming_normal",
    "kaiming_uniform",
    "xavier_normal",
    "xavier_uniform",
    "orthogonal",
    "pretrained",
)

TABLE_STD = 0.02
_TABLE = re.compile(r"pos(ition)?(_|$)|token|latent")
_NORMS = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)
_PRETRAINED = "_prunelab_pretrained"


def initialize(module: nn.Module, init: str, seed: int) -> None:
    """Draw all parameters of a freshly built `module` anew, in place.

    Linear, convolution and attention projection weights follow `init`, with zero biases:

    - kaiming_normal: N(0, 2 / fan_in); kaiming_uniform: the same variance (He et al. 2015);
    - xavier_normal: N(0, 2 / (fan_in + fan_out)); xavier_uniform: the same variance (Glorot & Bengio 2010);
    - orthogonal: orthonormal rows or columns of the weight as a matrix (Saxe et al. 2014);
    - default: torch's own, weight and bias uniform within +-1 / sqrt(fan_in);
    - pretrained: leave the weights a model was built with, which `mark_pretrained` must have named as such.

    Norm layers get weight 1, bias 0 and fresh running statistics; embeddings, positions and tokens N(0, 0.02^2).
    A module with other parameters is reset by its own `reset_parameters` (or the network's `_init_weights`) under a
    seed, and a parameter that holds one constant since construction (layer scale) keeps it. Each parameter has its own
    random stream, named by the parameter, so that adding a layer does not change the others.

    Args:
        module: on the CPU, where bits do not depend on the accelerator.
        init: one of `INITS`.
        seed: any integer; 0 is a seed.

    Raises:
        ValueError: for an unknown `init`, a parameter that nobody knows how to initialise, parameters that are not on
            the CPU, or if pretrained weights are asked for but not there, or there and about to be lost.
    """
    choose("init", init, INITS)
    if is_pretrained(module) != (init == "pretrained"):
        raise ValueError(
            f"init = {init!r} would overwrite the pretrained weights; use init=pretrained"
            if is_pretrained(module)
            else "init = 'pretrained' needs a model with pretrained weights (weights=DEFAULT); this one has none"
        )
    if init == "pretrained":
        return
    elsewhere = {str(parameter.device) for parameter in module.parameters()} - {"cpu"}
    if elsewhere:
        raise ValueError(f"initialize before moving the network: parameters are on {', '.join(sorted(elsewhere))}")
    done: set[int] = set()
    with torch.no_grad():
        # Parents come first: what a parent's own reset does to its children is drawn again by the children.
        for name, part in module.named_modules():
            _initialize_part(module, part, f"{name}." if name else "", init, seed, done)


def mark_pretrained(module: nn.Module) -> nn.Module:
    """Say that the weights of `module` come from pretraining, so that `initialize` must not draw them anew."""
    setattr(module, _PRETRAINED, True)
    return module


def is_pretrained(module: nn.Module) -> bool:
    """Whether `module` was built with pretrained weights."""
    return bool(getattr(module, _PRETRAINED, False))


def is_table(name: str) -> bool:
    """Whether a parameter of this name is added to activations as it is: a position or relative-bias table, a token."""
    return _TABLE.search(name.rpartition(".")[2]) is not None


def _initialize_part(root: nn.Module, part: nn.Module, prefix: str, init: str, seed: int, done: set[int]) -> None:
    own = {name: p for name, p in part.named_parameters(recurse=False) if id(p) not in done}  # tied ones are drawn once
    done.update(map(id, own.values()))
    unknown = {name: p for name, p in own.items() if not _known(part, name)}
    if unknown:
        _own_reset(root, part, unknown, prefix, derive_seed(seed, "init", prefix))
    if isinstance(part, _NormBase):
        part.reset_running_stats()
    for name, parameter in own.items():
        if name not in unknown:
            _draw(part, name, parameter, init, generator(seed, "init", prefix + name))


def _known(part: nn.Module, name: str) -> bool:
    if isinstance(part, (nn.Linear, _ConvNd, *_NORMS)):
        return name in ("weight", "bias")
    if isinstance(part, nn.Embedding):
        return name == "weight"
    if isinstance(part, nn.MultiheadAttention):
        return True
    return is_table(name)


def _draw(part: nn.Module, name: str, parameter: Tensor, init: str, rng: torch.Generator) -> None:
    if isinstance(part, (nn.Linear, _ConvNd)):
        if name == "weight":
            _draw_weight(parameter, init, rng)
        elif init == "default":
            bound = 1 / math.sqrt(_fan_in(part.weight))
            parameter.uniform_(-bound, bound, generator=rng)
        else:
            parameter.zero_()
    elif isinstance(part, _NORMS):
        parameter.fill_(1.0 if name == "weight" else 0.0)
    elif isinstance(part, nn.MultiheadAttention):
        _draw_attention(name, parameter, init, rng)
    else:
        parameter.normal_(0.0, TABLE_STD, generator=rng)
        if isinstance(part, nn.Embedding) and part.padding_idx is not None:
            parameter[part.padding_idx].zero_()


def _draw_attention(name: str, parameter: Tensor, init: str, rng: torch.Generator) -> None:
    if name in ("bias_k", "bias_v"):
        nn.init.xavier_normal_(parameter, generator=rng)
    elif name == "in_proj_bias":
        parameter.zero_()
    elif init == "default":
        nn.init.xavier_uniform_(parameter, generator=rng)
    else:
        # The packed weight is three layers; as one matrix its fan_out would be three times too large.
        for projection in parameter.chunk(3) if name == "in_proj_weight" else (parameter,):
            _draw_weight(projection, init, rng)


def _draw_weight(weight: Tensor, init: str, rng: torch.Generator) -> None:
    match init:
        case "default":
            nn.init.kaiming_uniform_(weight, a=math.sqrt(5), generator=rng)
        case "kaiming_normal":
            nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=rng)
        case "kaiming_uniform":
            nn.init.kaiming_uniform_(weight, nonlinearity="relu", generator=rng)
        case "xavier_normal":
            nn.init.xavier_normal_(weight, generator=rng)
        case "xavier_uniform":
            nn.init.xavier_uniform_(weight, generator=rng)
        case "orthogonal":
            # float64, so that how LAPACK orders its sums seldom reaches the float32 result
            matrix = torch.empty(weight.shape, dtype=torch.float64)
            weight.copy_(nn.init.orthogonal_(matrix, generator=rng))
        case _:
            raise AssertionError(init)


def _fan_in(weight: Tensor) -> int:
    return weight[0].numel()


def _own_reset(root: nn.Module, part: nn.Module, unknown: dict[str, nn.Parameter], prefix: str, seed: int) -> None:
    """Let `part` initialise what only it understands; constants that it leaves alone stay as constructed.

    Each parameter is filled with NaN first, so that one which the reset skips is noticed.
    """
    built = {name: parameter.clone() for name, parameter in unknown.items()}
    reset = _reset_of(root, part)
    if reset is not None:
        for parameter in unknown.values():
            parameter.fill_(math.nan)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            reset()
    for name, parameter in unknown.items():
        if reset is not None and not parameter.isnan().any():
            continue
        if name.endswith("bias"):
            parameter.zero_()
        elif bool((built[name] == built[name].flatten()[0]).all()):
            parameter.copy_(built[name])
        else:
            raise ValueError(
                f"no rule initialises the parameter {prefix + name!r} of a {type(part).__name__}; "
                f"give that class a reset_parameters() method"
            )


def _reset_of(root: nn.Module, part: nn.Module) -> Callable[[], object] | None:
    for method in ("reset_parameters", "_reset_parameters"):
        own = getattr(part, method, None)
        if _is_callable(own):
            return own
    whole = getattr(root, "_init_weights", None)
    return (lambda: whole(part)) if _is_callable(whole) else None


def _is_callable(found: object) -> TypeGuard[Callable[..., object]]:
    return callable(found) and not isinstance(found, nn.Module)
