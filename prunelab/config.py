"""The typed configuration, and Hydra's result -> `Study`. The only module that knows OmegaConf."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, get_type_hints

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from prunelab.basics.component import Component, component, resolve
from prunelab.records.writer import check_study_name
from prunelab.study.study import MODEL_RUNTIME, Calibration, Hold, MeasureSpec, ScheduleSpec, SparsitySpec, Study
from prunelab.training.spec import Hardware, OptimizerSpec, TrainerSpec


def conf_dir() -> Path:
    """The folder of configs: the packaged one, or the checkout's."""
    package = Path(__file__).parent
    packaged = package / "conf"
    return packaged if packaged.is_dir() else package.parent / "conf"


# options of a schema that a spec does not have: components of their own
_COMPONENTS = {ScheduleSpec: ("dynamics",)}


def _schema(spec: type) -> type:
    """A mutable twin of a frozen dataclass: OmegaConf makes the nodes of frozen ones read-only."""
    hints = get_type_hints(spec)
    fields = []
    for field in dataclasses.fields(spec):
        if field.default_factory is not dataclasses.MISSING:
            default = dataclasses.field(default_factory=field.default_factory)
        else:
            default = dataclasses.field(default=field.default)
        fields.append((field.name, hints[field.name], default))
    fields += [(name, Any, dataclasses.field(default=None)) for name in _COMPONENTS.get(spec, ())]
    return dataclasses.make_dataclass(f"{spec.__name__}Schema", fields)


@dataclasses.dataclass
class PruningConfig:
    """What is pruned, by what: `_target_` components, checked against their signatures."""

    criterion: Any = dataclasses.field(default_factory=dict)
    allocation: Any = dataclasses.field(default_factory=dict)
    granularity: Any = dataclasses.field(default_factory=dict)
    exclude: list[str] = dataclasses.field(default_factory=list)
    rounds: int | None = None
    calibration: Any = dataclasses.field(default_factory=_schema(Calibration))


_SPECS = {
    "hold": Hold,
    "sparsity": SparsitySpec,
    "schedule": ScheduleSpec,
    "optimizer": OptimizerSpec,
    "trainer": TrainerSpec,
    "measure": MeasureSpec,
    "hardware": Hardware,
}
Config = dataclasses.make_dataclass(
    "Config",
    [
        ("name", str, dataclasses.field(default="study")),
        ("description", str, dataclasses.field(default="")),
        ("seeds", list[int], dataclasses.field(default_factory=lambda: [0])),
        ("home", str, dataclasses.field(default="runs")),
        ("model", Any, dataclasses.field(default_factory=dict)),
        ("dataset", Any, dataclasses.field(default_factory=dict)),
        ("source", Any, dataclasses.field(default=None)),
        ("pruning", PruningConfig, dataclasses.field(default_factory=PruningConfig)),
        ("tracking", Any, dataclasses.field(default_factory=dict)),
        *((name, schema := _schema(spec), dataclasses.field(default_factory=schema)) for name, spec in _SPECS.items()),
    ],
)


def register_schema() -> None:
    """Make the schema known to Hydra as `schema`, the first entry of conf/config.yaml's defaults."""
    ConfigStore.instance().store(name="schema", node=Config)


def to_study(config: DictConfig, choices: dict[str, str], overrides: str = "") -> Study:
    """The study that a composed config describes.

    Args:
        config: what Hydra composed.
        choices: config group -> chosen file, for the names of components.
        overrides: the command line of the job, for telling variants apart.

    Raises:
        ValueError: naming the option, what was given and what is valid.
    """
    plain: Any = OmegaConf.to_container(config, resolve=True)
    dynamics = _dynamics(plain["schedule"], choices, overrides)
    specs = {name: spec(**plain[name]) for name, spec in _SPECS.items()}
    init = plain["model"].pop("init", "default")
    plain["pruning"]["allocation"] = _measured(plain["pruning"]["allocation"], Path(plain["home"]) / "records")
    pruning = {part: _named(plain["pruning"], part, choices, f"pruning/{part}") for part in ("criterion", "allocation", "granularity")}
    return Study(
        name=check_study_name(plain["name"]),
        seeds=tuple(plain["seeds"]),
        model=_named(plain, "model", choices, "model", runtime=MODEL_RUNTIME),
        init=init,
        dataset=_named(plain, "dataset", choices, "dataset"),
        **pruning,
        calibration=Calibration(**plain["pruning"]["calibration"]),
        rounds=_rounds(plain["pruning"]["rounds"], pruning["criterion"]),
        exclude=tuple(plain["pruning"]["exclude"]),
        dynamics=dynamics,
        source=_named(plain, "source", choices, "dataset@source") if plain["source"] else None,
        **specs,
        overrides=overrides,
    )


def _dynamics(schedule: dict[str, Any], choices: dict[str, str], overrides: str) -> Component | None:
    """The method that prunes while training, taken out of the schedule."""
    arguments = schedule.pop("dynamics")
    if arguments is None:
        return None
    found = _named({"dynamics": arguments}, "dynamics", {"dynamics": choices.get("schedule", "dynamics")}, "dynamics")
    if resolve(found.target).criterion_role == "nothing" and "pruning/criterion=" in overrides:  # pyright: ignore
        raise ValueError(f"schedule {found.name} learns its scores and uses no criterion; leave pruning/criterion out")
    return found


def _measured(allocation: dict[str, Any], records: Path) -> dict[str, Any]:
    """Where an allocation names a `record`, the densities of that record's network instead."""
    if "record" not in allocation:
        return allocation
    if allocation["record"] == "???":
        raise ValueError("as_measured needs pruning.allocation.record=KEY: the stage_key (or its first digits) of the run to copy")
    from prunelab.records.lookup import layer_density_of  # loads pandas, which composing alone does without

    rest = {name: value for name, value in allocation.items() if name != "record"}
    return {**rest, "densities": layer_density_of(records, str(allocation["record"]))}


def _rounds(asked: int | None, criterion: Component) -> int:
    return getattr(resolve(criterion.target), "default_rounds", 1) if asked is None else asked


def tracker_of(config: DictConfig, choices: dict[str, str]) -> Component:
    """The tracker that a composed config names."""
    plain: Any = OmegaConf.to_container(config, resolve=True)
    return _named(plain, "tracking", choices, "tracking", runtime=("directory",))


def _named(plain: dict[str, Any], part: str, choices: dict[str, str], group: str, runtime: tuple[str, ...] = ()) -> Component:
    arguments = dict(plain[part])
    if "_target_" not in arguments:
        raise ValueError(f"{group} names no _target_; choose one with {group}=NAME (`prunelab list {part}` shows them)")
    return component(choices.get(group, part), arguments.pop("_target_"), arguments, runtime=runtime)
