"""Reports: one HTML page per run or comparison of runs, made from the run directories alone.

import reports
reports.build("runs/mead")                      # -> runs/mead/report/index.html
report = reports.read("runs/mead")              # the same as objects: tables, plots, checks, findings
reports.to_latex(report.tables["main-neutral"])
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reports.content import Report as Report
    from reports.content import read as read
    from reports.exports import to_csv as to_csv
    from reports.exports import to_latex as to_latex
    from reports.exports import to_markdown as to_markdown
    from reports.figures import save_plot as save_plot
    from reports.tables import Cell as Cell
    from reports.tables import Table as Table
    from reports.writing import Wanted as Wanted
    from reports.writing import build as build
    from reports.writing import to_pdf as to_pdf
    from reports.writing import write_files as write_files

_HOMES = {
    "build": "reports.writing", "Wanted": "reports.writing", "to_pdf": "reports.writing",
    "write_files": "reports.writing",
    "Report": "reports.content", "read": "reports.content", "to_csv": "reports.exports",
    "to_latex": "reports.exports", "to_markdown": "reports.exports", "save_plot": "reports.figures",
    "Cell": "reports.tables", "Table": "reports.tables",
}  # fmt: skip
__all__ = [
    "Cell", "Report", "Table", "Wanted", "build", "read", "save_plot", "to_csv", "to_latex", "to_markdown", "to_pdf",
    "write_files",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import lazily: `import reports` stays free of matplotlib, pandas and jinja2."""
    if name not in _HOMES:
        raise AttributeError(f"module 'reports' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
