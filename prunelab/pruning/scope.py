"""The scope: the tensors that may be pruned."""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Mapping

import torch
from torch import nn

from prunelab.basics.choices import choose, nearest
from prunelab.pruning.structure import Structure

PRUNABLE = {
    "linear": (nn.Linear,),
    "conv": (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scope:
    """Tensors that may be pruned, in the network's order.

    Attributes:
        shapes: parameter name -> shape.
        first: name of the prunable weight nearest the input in the network as a whole.
        output: name of the weight of the output layer in the network as a whole.
        structure: attention heads and residual branches, of which those with every weight in scope can be units.
        groups: parameter name -> groups of a grouped convolution; 1 of what is not named.
    """

    shapes: Mapping[str, tuple[int, ...]]
    first: str
    output: str
    structure: Structure = dataclasses.field(default_factory=Structure)
    groups: Mapping[str, int] = dataclasses.field(default_factory=dict)

    @property
    def sizes(self) -> dict[str, int]:
        """Number of weights of each tensor."""
        return {name: int(torch.Size(shape).numel()) for name, shape in self.shapes.items()}

    @property
    def total(self) -> int:
        """Number of weights of all tensors."""
        return sum(self.sizes.values())

    def weights(self, model: nn.Module) -> dict[str, torch.Tensor]:
        """The parameters of `model` that are in scope (the live tensors, detached)."""
        parameters = dict(model.named_parameters())
        return {name: parameters[name].detach() for name in self.shapes}

    def resolve(self, word: str) -> str:
        """The parameter that `word` means: a parameter's name, `first` or `output`."""
        names = {"first": self.first, "output": self.output}
        return names.get(word) or choose("tensor in scope", word, [*self.shapes, *names])


def scope_of(
    model: nn.Module,
    *,
    include: tuple[str, ...] = ("conv", "linear"),
    exclude: tuple[str, ...] = (),
    structure: Structure | None = None,
) -> Scope:
    """The weights of `model` that may be pruned, found by the type of their module, never by a word in their name.

    Biases, normalisation scales and embeddings are never in scope; a tied weight is in scope once.

    Args:
        model: any module.
        include: kinds of layers, out of `conv` and `linear`.
        exclude: glob patterns on parameter names, or `first` / `output`; each must match something.
        structure: what of the model can be removed whole.

    Raises:
        ValueError: for an unknown kind, a pattern that matches nothing, or a model with nothing to prune.
    """
    types = tuple(t for kind in include for t in PRUNABLE[choose("kind of layer", kind, PRUNABLE)])
    owned = {name for name, _ in model.named_parameters()}
    modules = {f"{prefix}.weight" if prefix else "weight": module for prefix, module in model.named_modules() if isinstance(module, types)}
    found = {name: tuple(module.get_parameter("weight").shape) for name, module in modules.items() if name in owned}
    if not found:
        raise ValueError(f"{type(model).__name__} has no {' or '.join(include)} layer, so nothing to prune")
    names = list(found)
    first, output = names[0], names[-1]
    for pattern in exclude:
        word = {"first": first, "output": output}.get(pattern, pattern)
        matched = [name for name in names if fnmatch.fnmatchcase(name, word)]
        if not matched:
            hint = nearest(pattern, [*names, "first", "output"])
            raise ValueError(f"exclude {pattern!r} matches no prunable tensor" + (f"; did you mean {hint!r}?" if hint else ""))
        for name in matched:
            found.pop(name, None)
    if not found:
        raise ValueError(f"exclude {list(exclude)} leaves nothing to prune")
    groups = {name: int(getattr(modules[name], "groups", 1)) for name in found}
    return Scope(shapes=found, first=first, output=output, structure=structure or Structure(), groups=groups)
