"""A leaderboard: rows of several runs in one table, or an error that says which numbers are not alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eap.errors import ConfigError, DataError
from reports.compare import merge
from reports.exports import to_csv, to_latex, to_markdown
from reports.facts import MetricFacts, collect
from reports.source import Run, load
from reports.tables import PAPER, Cell, Row, Table, main_table


@dataclass(frozen=True)
class Leaderboard:
    """The table, and the signature of each column."""

    table: Table
    track: str

    def text(self, kind: str = "text") -> str:
        """As `text` (aligned columns), `csv`, `latex` or `markdown`."""
        written = {"csv": to_csv, "latex": to_latex, "markdown": to_markdown}.get(kind, _plain)
        return written(self.table)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        columns = self.table.columns
        return {
            "track": self.track,
            "signatures": {c.key: c.signatures[0] for c in columns if c.signatures},
            "rows": [
                {
                    "method": row.key,
                    "title": row.title,
                    "role": row.role,
                    "values": {c.key: _cell(cell) for c, cell in zip(columns, row.cells, strict=True)},
                }
                for row in self.table.rows
            ],
        }


def leaderboard(
    folders: Sequence[Path], metrics: Sequence[str] = (), track: str | None = None, sort: str | None = None
) -> Leaderboard:
    """Rows of all runs on one track, best first by `sort`; ceiling and floors last.

    Raises DataError when a metric carries more than one signature, naming both; ConfigError for a metric or track that
    no run has.
    """
    runs = [load(folder) for folder in folders]
    run = runs[0] if len(runs) == 1 else merge(runs)
    chosen = track or (run.tracks[0] if run.tracks else "")
    if chosen not in run.tracks:
        raise ConfigError(f"no run has a track '{chosen}'", fix=f"choose one of {', '.join(run.tracks) or 'none'}")
    facts = collect(run.values, run.info.metrics)
    measured = set(run.values.loc[run.values["track"] == chosen, "metric"])
    for name in (*metrics, *([sort] if sort else [])):
        if name not in measured:
            known = ", ".join(sorted(measured)) or "none"
            raise ConfigError(f"no run measured '{name}' on track '{chosen}'", fix=f"choose from {known}")
    names = list(metrics) or [n for n in facts if n in measured and n in PAPER] or sorted(measured)
    names += [sort] if sort and sort not in names else []
    _refuse_unlike(run, names, chosen)
    full = main_table(run, facts, chosen)
    if full is None:
        raise DataError(f"{folders[0]}: no value on track '{chosen}'", fix="give runs that finished")
    table = _ordered(full, names, facts.get(sort) if sort else None)
    return Leaderboard(table, chosen)


def _refuse_unlike(run: Run, names: Sequence[str], track: str) -> None:
    rows = run.values[run.values["metric"].isin(list(names)) & (run.values["track"] == track)]
    for metric, signatures in rows.groupby("metric")["signature"]:
        kinds = sorted({str(s) for s in signatures})
        if len(kinds) > 1:
            raise DataError(
                f"{metric} was measured in {len(kinds)} ways: {' and '.join(kinds)}",
                fix="such numbers are not comparable: leave the metric out with --metric, or measure the runs alike",
            )


def _ordered(table: Table, names: Sequence[str], sort: MetricFacts | None) -> Table:
    places = [next(i for i, c in enumerate(table.columns) if c.key == name) for name in names]
    rows = [replace(r, cells=tuple(r.cells[i] for i in places)) for r in table.rows]
    if sort is not None:
        at = list(names).index(sort.name)

        def place(row: Row) -> tuple[int, float]:
            value = row.cells[at].value
            competes = row.role in ("method", "ablation")
            return (0 if competes else 1, float("inf") if value is None else sort.loss(value))

        rows.sort(key=place)
    return replace(table, columns=tuple(table.columns[i] for i in places), rows=tuple(rows))


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "value": cell.value, "ci": cell.ci, "n_scored": cell.n_scored, "n_expected": cell.n_expected,
        "best": cell.best, "tied_with_best": cell.tied_with_best,
    }  # fmt: skip


def _plain(table: Table) -> str:
    """Aligned columns; `*` marks the best, `=` what is not separated from it."""
    heads = [table.head, *(f"{c.title} {c.arrow}".strip() for c in table.columns)]
    lines = [heads]
    for row in table.rows:
        marks = ["*" if c.best else "=" if c.tied_with_best else " " for c in row.cells]
        cells = [f"{c.display}{mark} {c.interval} {c.count}".rstrip() for c, mark in zip(row.cells, marks, strict=True)]
        lines.append([row.title, *cells])
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    text.insert(1, "  ".join("-" * width for width in widths))
    signatures = sorted({s for c in table.columns for s in c.signatures})
    notes = ["* best  = not separated from the best  [95 % interval]  clips scored/expected", *signatures]
    return "\n".join([*text, "", *notes, ""])
