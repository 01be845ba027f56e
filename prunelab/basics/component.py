"""A component: what a config names (`_target_` and its arguments), checked and built.

A component is data. It is part of a stage's key with every argument, defaults included, so a changed default never
reuses a stale result.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

from prunelab.basics.choices import nearest, unknown


@dataclasses.dataclass(frozen=True, kw_only=True)
class Component:
    """A callable by its dotted path, and keyword arguments for it.

    Attributes:
        name: what a person calls it (`lenet_300_100`), for records and plots; not part of its identity.
        target: dotted path of a class or function.
        arguments: its keyword arguments, complete with defaults.
        runtime: parameters known only when it is built; no part of its identity.
    """

    name: str = dataclasses.field(compare=False)
    target: str
    arguments: Mapping[str, Any]
    runtime: tuple[str, ...] = dataclasses.field(default=(), compare=False)

    def build(self, **runtime: Any) -> Any:
        """Call the target with the arguments and what is known only at run time (`num_classes`, ...)."""
        return resolve(self.target)(**self.arguments, **runtime)

    def identity(self) -> dict[str, Any]:
        """What makes two components the same: target and arguments."""
        return {"target": self.target, "arguments": dict(self.arguments)}

    def replace(self, **arguments: Any) -> Component:
        """A copy with some arguments changed, checked like a new one."""
        return component(self.name, self.target, {**self.arguments, **arguments}, runtime=self.runtime)


def resolve(target: str) -> Callable[..., Any]:
    """The class or function at a dotted path.

    Raises:
        ValueError: if the module or the name in it does not exist.
    """
    module_name, _, attribute = target.rpartition(".")
    if not module_name:
        raise ValueError(f"_target_ {target!r} must be a dotted path: package.module.name")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and not module_name.startswith(error.name):
            raise ValueError(f"_target_ {target!r} needs the package {error.name!r}: pip install {error.name}") from error
        raise ValueError(f"_target_ {target!r}: no module {module_name!r}") from error
    try:
        return getattr(module, attribute)
    except AttributeError:
        raise unknown(f"name in {module_name}", attribute, [n for n in vars(module) if not n.startswith("_")]) from None


def component(name: str, target: str, arguments: Mapping[str, Any], *, runtime: tuple[str, ...] = ()) -> Component:
    """Check `arguments` against the target's signature and fill in its defaults.

    Args:
        name: what a person calls it.
        target: dotted path of a class or function; its annotations are what arguments are checked against.
        arguments: keyword arguments from the config.
        runtime: parameters that are supplied when it is built, so neither asked for nor filled in here.

    Raises:
        ValueError: for an unknown target, an unknown or missing argument, or a value of the wrong type.
    """
    from pydantic import TypeAdapter, ValidationError

    callable_ = resolve(target)
    parameters = inspect.signature(callable_).parameters
    # of a dataclass the fields, which know the module they were written in; its __init__ knows the last class's alone
    hinted = callable_ if dataclasses.is_dataclass(callable_) or not inspect.isclass(callable_) else callable_.__init__
    hints = get_type_hints(hinted)
    open_ended = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    complete: dict[str, Any] = {}
    for key, value in arguments.items():
        if key not in parameters and not open_ended:
            hint = nearest(key, parameters)
            raise ValueError(
                f"{name} has no option {key!r}."
                + (f" Did you mean {hint!r}?" if hint else "")
                + f" Valid: {', '.join(k for k in parameters if k not in runtime)}."
            )
        try:
            complete[key] = TypeAdapter(hints[key]).validate_python(value) if key in hints else value
        except ValidationError as error:
            raise ValueError(f"{name}.{key} = {value!r}: {error.errors()[0]['msg']}") from None
    for key, parameter in parameters.items():
        named = parameter.kind in (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        if not named or key in complete or key in runtime:
            continue
        if parameter.default is inspect.Parameter.empty:
            raise ValueError(f"{name} needs the option {key!r}")
        complete[key] = parameter.default
    return Component(name=name, target=target, arguments=dict(sorted(complete.items())), runtime=runtime)
