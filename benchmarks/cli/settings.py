"""Settings of ``eap-bench.toml`` in the current folder: defaults for options (flags go before them)."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from eap.errors import ConfigError

FILE = "eap-bench.toml"


def load_settings(commands: Collection[str]) -> dict[str, Any]:
    """Tables named after commands, e.g. ``[run]`` with ``workers = 2``; empty when there is no such file."""
    path = Path(FILE)
    if not path.is_file():
        return {}
    import tomllib

    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{FILE}: {error}", fix="correct the file or move it away") from error
    for name, table in settings.items():
        if name not in commands or not isinstance(table, dict):
            raise ConfigError(f"{FILE}: no command named '{name}'", fix=f"use tables named {', '.join(commands)}")
    return {name: {key.replace("-", "_"): value for key, value in table.items()} for name, table in settings.items()}
