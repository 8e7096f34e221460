"""Published numbers, shown as what they are: reported by others, of other clips, by other code; never ranked."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("reported.toml")
WARNING = (
    "Reported elsewhere, of other clips, by other crops and code: compare with no row above, nor with one another."
)


@dataclass(frozen=True)
class Reported:
    """One method's numbers as their authors published them."""

    method: str
    source: str
    how: str
    """On what and with what they were measured, as far as that is stated."""
    values: dict[str, str]
    """Our name of the metric that is meant -> the number as printed."""


def reported_rows(metrics: Sequence[str], file: Path = FILE) -> list[Reported]:
    """The rows that say something of one of these metrics, cut to them."""
    rows = [Reported(**row) for row in tomllib.loads(file.read_text(encoding="utf-8"))["row"]]
    cut = [
        Reported(row.method, row.source, row.how, {name: row.values[name] for name in metrics if name in row.values})
        for row in rows
    ]
    return [row for row in cut if row.values]


def reported_text(metrics: Sequence[str], titles: Sequence[str], kind: str = "text") -> str:
    """A table of its own under a warning, in the columns of the measured one; `kind`: text or markdown."""
    rows = reported_rows(metrics)
    if not rows:
        return "Nothing was reported of these metrics.\n"
    head = ["Reported", *titles]
    lines = [[row.method, *(row.values.get(name, "-") for name in metrics)] for row in rows]
    notes = [f"{row.method}: {row.source}; {row.how}" for row in rows]
    if kind == "markdown":
        table = [f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *lines)]
        return "\n".join([WARNING, "", *table, "", *(f"- {note}" for note in notes), ""])
    widths = [max(len(line[i]) for line in (head, *lines)) for i in range(len(head))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
             for line in (head, ["-" * width for width in widths], *lines)]  # fmt: skip
    return "\n".join([WARNING, "", *table, "", *notes, ""])


def reported_json(metrics: Sequence[str]) -> dict[str, Any]:
    """As plain JSON data, with the warning."""
    return {"warning": WARNING, "rows": [vars(row) for row in reported_rows(metrics)]}
