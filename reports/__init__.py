"""Reports: one HTML page per run, made from the run directory alone.

import reports
reports.build("runs/mead")          # -> runs/mead/report/index.html
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reports.build import build as build
    from reports.tables import Cell as Cell
    from reports.tables import Table as Table

__all__ = ["Cell", "Table", "build"]

_HOMES = {"build": "reports.build", "Cell": "reports.tables", "Table": "reports.tables"}


def __getattr__(name: str) -> Any:
    """Import lazily: `import reports` stays free of matplotlib, pandas and jinja2."""
    if name not in _HOMES:
        raise AttributeError(f"module 'reports' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
