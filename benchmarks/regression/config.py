"""What the gate was told: floors, informational metrics, waivers (``[check]`` of eap-bench.toml; defaults beside this).

[check]
informational = ["fid"]              # shown, never failing
strict = false                       # true: inconclusive comparisons fail too
[check.floors.psnr]
absolute = 0.1                       # a change must exceed both
relative = 0.01
[[check.waivers]]
metric = "lse_c"
method = "eap"                       # left out: every method; the same for track
reason = "new voice encoder, retrained next week"
expires = 2026-12-31
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from benchmarks.regression.verdict import Waiver
from eap.errors import ConfigError

SETTINGS = "eap-bench.toml"
DEFAULT_FLOORS = Path(__file__).parent / "floors.toml"

# Options of `eap-bench check` that may stand in the same table as defaults.
_OPTIONS = {"run", "baseline", "suite", "out", "workers", "methods", "metrics", "write", "github", "as_json"}


Model = TypeVar("Model", bound=BaseModel)


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Floor(_Table):
    """A change must exceed both: ``absolute`` in the metric's unit, ``relative`` as a share of the baseline's value."""

    absolute: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    relative: float | None = Field(default=None, ge=0, allow_inf_nan=False)

    def size(self, baseline: float) -> float:
        """The larger of the two, in the metric's unit."""
        share = (self.relative or 0.0) * abs(baseline)
        return max(self.absolute or 0.0, share if share == share else 0.0)


class _WaiverTable(_Table):
    metric: str
    method: str | None = None
    track: str | None = None
    reason: str = Field(min_length=1)
    expires: date


class _CheckTable(_Table):
    floors: dict[str, Floor] = Field(default_factory=dict)
    informational: tuple[str, ...] = ()
    waivers: tuple[_WaiverTable, ...] = ()
    strict: bool = False
    confidence: float = Field(default=0.95, gt=0.5, lt=1)


@dataclass(frozen=True)
class GateConfig:
    """The gate's settings, with the project's floors under the user's."""

    floors: Mapping[str, Floor] = field(default_factory=dict)
    informational: tuple[str, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    strict: bool = False
    confidence: float = 0.95

    def floor(self, metric: str) -> Floor:
        """The user's floor, each half of it that is not given filled in from the defaults."""
        defaults = default_floors()
        base, mine = defaults.get(metric) or defaults["default"], self.floors.get(metric)
        if mine is None:
            return base
        return Floor(
            absolute=base.absolute if mine.absolute is None else mine.absolute,
            relative=base.relative if mine.relative is None else mine.relative,
        )


def load_config(folder: Path | None = None) -> GateConfig:
    """The ``[check]`` table of eap-bench.toml in ``folder`` (default: the current one).

    Raises ConfigError naming the key: unknown key, waiver without reason or expiry, negative floor.
    """
    path = (folder or Path()) / SETTINGS
    if not path.is_file():
        return GateConfig()
    raw = _read(path).get("check", {})
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: 'check' is not a table", fix="write [check]")
    table = {key.replace("-", "_"): value for key, value in raw.items()}
    mine = _validated(_CheckTable, {key: value for key, value in table.items() if key not in _OPTIONS}, path, "check")
    _known_metrics([*mine.floors, *mine.informational, *(waiver.metric for waiver in mine.waivers)], path)
    waivers = tuple(Waiver(w.metric, w.method, w.track, w.reason, w.expires) for w in mine.waivers)
    return GateConfig(mine.floors, mine.informational, waivers, mine.strict, mine.confidence)


@cache
def default_floors() -> dict[str, Floor]:
    """The project's floors by metric, and ``default`` for every other one."""
    return read_floors(DEFAULT_FLOORS)


def read_floors(path: Path) -> dict[str, Floor]:
    """A file of floors as ``eap-bench noise --write`` makes it. Raises ConfigError naming the key."""
    found = {name: _validated(Floor, table, path, name) for name, table in _read(path).items()}
    if "default" not in found:
        raise ConfigError(f"{path}: no [default]", fix="add a table [default] with 'absolute' and 'relative'")
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}", fix="correct the file") from error


def _validated(kind: type[Model], raw: object, path: Path, where: str) -> Model:
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join([where, *(str(part) for part in first["loc"])])
        raise ConfigError(f"{path}: {name}: {first['msg']}", fix="see docs/regression-gate.md") from None


def _known_metrics(names: list[str], path: Path) -> None:
    """A floor or waiver for a misspelt metric would never be used, and nobody would see it."""
    from metrics.registry import get_metric

    for name in names:
        try:
            get_metric(name)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error.message}", fix=error.fix) from None
