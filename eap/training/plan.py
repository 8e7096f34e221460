"""Plans: all phases of a training on data of one's own, in one TOML file. Shipped: ``configs/paper-256.toml``.

A plan is sizes, scale, teachers and a recipe per phase; the phases run through the same `Trainer` as the bundle's.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from eap.errors import ConfigError
from eap.model import ModelConfig
from eap.perception.official.files import TEACHERS, refuse_accomplices
from eap.training.parallel import Scale
from eap.training.recipes import Recipe, build_recipe

CONFIGS = Path(__file__).parent / "configs"
PUBLISHED, BUNDLED = "published", "bundled"


@dataclass(frozen=True)
class TrainingPlan:
    """See the module. ``judges``: evaluators that will measure the model; ``exclude``: identities never trained on."""

    name: str
    phases: tuple[Recipe, ...]
    title: str = ""
    model: ModelConfig = field(default_factory=ModelConfig)
    d_channels: tuple[int, int, int, int] | None = None
    scale: Scale = field(default_factory=Scale)
    teachers: str = PUBLISHED
    judges: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    log_every: int = 20
    checkpoint_every: int = 100

    def __post_init__(self) -> None:
        if self.teachers not in (PUBLISHED, BUNDLED):
            raise ConfigError(f"plan {self.name}: teachers {self.teachers!r}", fix=f"use {PUBLISHED} or {BUNDLED}")
        if self.log_every < 1 or self.checkpoint_every < 1:
            raise ConfigError(f"plan {self.name}: log_every and checkpoint_every must be at least 1")
        known: set[str] = set()
        for phase in self.phases:
            if phase.init and phase.init not in known:
                raise ConfigError(
                    f"plan {self.name}: phase {phase.name} starts from {phase.init!r}, which does not come before it",
                    fix=f"phases before it: {', '.join(sorted(known)) or 'none'}",
                )
            known.add(phase.name)
        if not self.phases:
            raise ConfigError(f"plan {self.name}: has no phases", fix="add [phases.NAME] tables")
        if self.teachers == PUBLISHED:
            refuse_accomplices(tuple(TEACHERS), self.judges)

    def phase(self, name: str) -> Recipe:
        """The recipe of that name. Raises ConfigError naming those there are."""
        for phase in self.phases:
            if phase.name == name:
                return phase
        names = ", ".join(phase.name for phase in self.phases)
        raise ConfigError(f"plan {self.name}: no phase {name!r}", fix=f"use one of {names}")


def is_plan(name_or_path: str) -> bool:
    """Whether it is a shipped plan, or the path of a TOML file."""
    return (CONFIGS / f"{name_or_path}.toml").is_file() or Path(name_or_path).suffix == ".toml"


def load_plan(name_or_path: str | Path, settings: Sequence[str] = ()) -> TrainingPlan:
    """Read a plan by name or path; ``settings`` like ``model.size=128`` or ``phases.eap.steps=500`` replace values.

    Unknown names, wrong types and plans that contradict themselves are ConfigErrors that name the place.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = CONFIGS / f"{name_or_path}.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = ", ".join(sorted(p.stem for p in CONFIGS.glob("*.toml")))
        raise ConfigError(f"{name_or_path}: no such plan", fix=f"use one of {known}, or a path to a .toml") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    for setting in settings:
        _set(table, setting)
    return _plan(table, path)


def _set(table: dict[str, Any], setting: str) -> None:
    """Apply ``a.b.c=VALUE``; the value is TOML, or a plain word."""
    place, equals, text = setting.partition("=")
    names = place.strip().split(".")
    if not equals or not all(names):
        raise ConfigError(f"--set {setting}: not NAME=VALUE", fix="for example --set phases.eap.steps=500")
    try:
        value = tomllib.loads(f"x = {text.strip()}")["x"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    for name in names[:-1]:
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            raise ConfigError(f"--set {setting}: {name!r} is a value, not a table")
    table[names[-1]] = value


_PLAIN = {"title": str, "teachers": str, "log_every": int, "checkpoint_every": int}
_LISTS = ("judges", "exclude")
_TABLES = ("model", "discriminator", "scale", "phases")


def _plan(table: dict[str, Any], path: Path) -> TrainingPlan:
    unknown = set(table) - {*_PLAIN, *_LISTS, *_TABLES}
    if unknown:
        known = ", ".join((*_PLAIN, *_LISTS, *_TABLES))
        raise ConfigError(f"{path}: unknown setting {sorted(unknown)[0]!r}", fix=f"known: {known}")
    given: dict[str, Any] = {}
    for name, kind in _PLAIN.items():
        if name in table:
            if type(table[name]) is not kind:
                raise ConfigError(f"{path}: {name} is {table[name]!r}, expected {kind.__name__}")
            given[name] = table[name]
    for name in _LISTS:
        if name in table:
            given[name] = _names(table[name], f"{path}: {name}")
    phases = [
        build_recipe({"name": name, **_table(values, f"{path} [phases.{name}]")}, f"{path} [phases.{name}]")
        for name, values in _table(table.get("phases", {}), f"{path} [phases]").items()
    ]
    if "discriminator" in table:
        given["d_channels"] = _four(_table(table["discriminator"], f"{path} [discriminator]"), path)
    return TrainingPlan(
        name=path.stem,
        phases=tuple(phases),
        model=ModelConfig.from_dict(_typed(table.get("model", {}), ModelConfig(), f"{path} [model]")),
        scale=Scale(**_typed(table.get("scale", {}), Scale(), f"{path} [scale]")),
        **given,
    )


def _typed(values: object, example: object, where: str) -> dict[str, Any]:
    """A table whose names and types are those of a dataclass."""
    found = _table(values, where)
    for name, value in found.items():
        default = getattr(example, name, None)
        if default is None:
            raise ConfigError(f"{where}: unknown setting {name!r}", fix=f"known: {', '.join(vars(example))}")
        fits = isinstance(value, list) and all(type(v) is int for v in value) and len(value) == len(default) \
            if isinstance(default, tuple) else type(value) is type(default)  # fmt: skip
        if not fits:
            raise ConfigError(f"{where}: {name} is {value!r}, expected something like {default!r}")
    return found


def _table(values: object, where: str) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise ConfigError(f"{where} is {values!r}, expected a table")
    return values


def _names(values: object, where: str) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
        raise ConfigError(f"{where} is {values!r}, expected a list of names")
    return tuple(values)


def _four(values: dict[str, Any], path: Path) -> tuple[int, int, int, int]:
    channels = values.get("channels")
    if set(values) != {"channels"} or not isinstance(channels, list) or len(channels) != 4:
        raise ConfigError(f"{path} [discriminator]: expected channels = [four numbers]")
    first, second, third, fourth = (int(c) for c in channels)
    return first, second, third, fourth


def shortened(plan: TrainingPlan, steps: int) -> TrainingPlan:
    """The same plan with so many steps a phase, half of them the voice's alone: a trial of machine and data."""
    phases = tuple(
        replace(
            phase, steps=steps, voice_steps=min(phase.voice_steps, steps // 2), finish=replace(phase.finish, steps=0)
        )
        for phase in plan.phases
    )
    return replace(plan, phases=phases)
