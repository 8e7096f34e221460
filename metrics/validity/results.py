"""validity.json: what was tried, and every field of the matrix."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from eap.errors import DataError
from eap.files import write_json

LEAST_TAU = 0.9
"""A metric follows a damage when Kendall's tau is at least this."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Cell(_Record):
    """One metric under one damage, grade 0 first."""

    metric: str
    damage: str
    declared: bool
    """Whether the metric's record says that it must follow this damage."""
    tau: float
    grades: tuple[float, ...]
    values: tuple[float, ...]
    changes: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    """95 % interval of the change from grade 0, identities being the sample."""
    seen: float | None
    """Smallest grade from which on the interval excludes 0."""
    effect: float
    """Change at the strongest grade as a share of the metric's largest; above 0: worse."""
    n: int

    @property
    def holds(self) -> bool:
        """Whether the metric follows the damage step by step and sees its strongest grade."""
        return self.tau >= LEAST_TAU and self.seen is not None


class DamageInfo(_Record):
    """A row of the matrix."""

    name: str
    title: str
    unit: str
    kind: str
    grades: tuple[float, ...]
    words: str


class MetricInfo(_Record):
    """A column of the matrix."""

    name: str
    title: str
    unit: str
    group: str
    higher_is_better: bool | None
    target: float | None
    sees: tuple[str, ...]
    signature: str


class Validity(_Record):
    """The whole of a validation."""

    format: Literal[1] = 1
    world: Literal["embedded"] = "embedded"
    evaluators: dict[str, str]
    commit: str = ""
    command: str = ""
    date: str = ""
    seconds: float = 0.0
    clip_seconds: float
    size: int
    seed: int
    identities: tuple[str, ...]
    clips: tuple[str, ...]
    damages: tuple[DamageInfo, ...]
    metrics: tuple[MetricInfo, ...]
    cells: tuple[Cell, ...]
    untested: tuple[str, ...] = ()
    """Metrics without a field here, each with the reason."""

    def cell(self, metric: str, damage: str) -> Cell | None:
        """The field of that metric and damage, if there is one."""
        return next((c for c in self.cells if (c.metric, c.damage) == (metric, damage)), None)

    @property
    def declared(self) -> tuple[Cell, ...]:
        """The fields that were declared beforehand."""
        return tuple(cell for cell in self.cells if cell.declared)

    @property
    def failed(self) -> tuple[Cell, ...]:
        """Declared fields in which the metric does not follow."""
        return tuple(cell for cell in self.declared if not cell.holds)


def save_validity(path: Path, found: Validity) -> None:
    """Write validity.json, whole or not at all."""
    write_json(path, found.model_dump(mode="json"))


def load_validity(path: Path | str) -> Validity:
    """Read validity.json (or the folder that holds it). Raises DataError when it is missing, damaged or of another
    format."""
    path = Path(path)
    path = path / "validity.json" if path.is_dir() else path
    try:
        return Validity.model_validate_json(path.read_bytes())
    except OSError as error:
        fix = "give the folder that 'eap-bench validate' wrote"
        raise DataError(f"{path}: {error.strerror or error}", fix=fix) from error
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]["msg"]
        raise DataError(f"{path}: not a validation ({detail})", fix="run 'eap-bench validate' again") from None
