"""Reading the TOML files of suites and methods into pydantic models, with one-line errors."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from eap.errors import ConfigError


class Strict(BaseModel):
    """A frozen model that refuses unknown keys, so that a misspelt setting cannot pass unnoticed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Model = TypeVar("Model", bound=Strict)


def read_toml(path: Path, kind: type[Model]) -> Model:
    """Parse one TOML file; ``ConfigError`` names the file, the key and what is wrong."""
    try:
        with open(path, "rb") as stream:
            raw = tomllib.load(stream)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", fix="give the path of a TOML file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}", fix="correct the file") from error
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ConfigError(f"{path}: {where}: {first['msg']}", fix="correct the file") from error


def find_config(name: str, folder: Path, kind: type[Model], word: str) -> Model:
    """A bundled configuration by its name, or any ``.toml`` file by its path."""
    if name.endswith(".toml"):
        return read_toml(Path(name), kind)
    path = folder / f"{name}.toml"
    known = sorted(entry.stem for entry in folder.glob("*.toml"))
    if name not in known:
        raise ConfigError(f"no {word} named '{name}'", fix=f"choose one of {', '.join(known)}, or give a .toml file")
    return read_toml(path, kind)
