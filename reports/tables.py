"""Tables as frozen data: one `Table` becomes HTML, CSV, LaTeX and Markdown without being computed twice."""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from metrics.rundir import MethodInfo
from reports.differences import Difference, paired
from reports.facts import MetricFacts, decimals, number
from reports.source import Role, Run, role


@dataclass(frozen=True)
class Cell:
    """One number of a table. `value` is None when nothing was measured; `display` is what is printed."""

    value: float | None
    display: str
    ci: tuple[float, float] | None = None
    n_scored: int | None = None
    n_expected: int | None = None
    tied_with_best: bool = False
    href: str | None = None
    best: bool = False
    digits: int = 3
    signature: str = ""
    note: str = ""

    @property
    def interval(self) -> str:
        """The 95 % interval as printed under the number."""
        return f"[{number(self.ci[0], self.digits)}, {number(self.ci[1], self.digits)}]" if self.ci else ""

    @property
    def count(self) -> str:
        """Scored over expected clips as printed under the number."""
        if self.n_scored is None:
            return ""
        return f"{self.n_scored}/{self.n_expected if self.n_expected is not None else '?'}"

    @property
    def incomplete(self) -> bool:
        """Whether some expected clip has no score."""
        return self.n_scored is not None and self.n_expected is not None and self.n_scored < self.n_expected


@dataclass(frozen=True)
class Column:
    """A head of a table: title, sign of direction, unit, group above it, signatures of its numbers."""

    key: str
    title: str
    arrow: str = ""
    unit: str = ""
    group: str = ""
    help: str = ""
    signatures: tuple[str, ...] = ()
    lower_first: bool = False


@dataclass(frozen=True)
class Row:
    """A line of a table: a method and its cells, one per column."""

    key: str
    title: str
    role: Role
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """A table with its caption; `groups` are (title, span) over the columns."""

    key: str
    title: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    @property
    def head(self) -> str:
        """What the rows are, for the head of the first column."""
        return "Method"

    @property
    def track(self) -> str:
        """The track of the table's numbers; empty when it is of none."""
        return ""

    @property
    def metric(self) -> str:
        """The metric of all numbers; empty when each column is a metric of its own."""
        return ""

    @property
    def secondary(self) -> tuple[str, ...]:
        """Columns that are folded away at first."""
        return ()

    def select(self, columns: Collection[str] | None = None, rows: Collection[str] | None = None) -> Table:
        """The same table with only these columns and rows (by key; None: all), in its own order."""
        kept = [i for i, c in enumerate(self.columns) if columns is None or c.key in columns]
        lines = tuple(
            replace(r, cells=tuple(r.cells[i] for i in kept)) for r in self.rows if rows is None or r.key in rows
        )
        return replace(self, columns=tuple(self.columns[i] for i in kept), rows=lines)

    @property
    def groups(self) -> tuple[tuple[str, int], ...]:
        """Neighbouring columns of one group, as (title, number of columns)."""
        spans: list[tuple[str, int]] = []
        for column in self.columns:
            if spans and spans[-1][0] == column.group:
                spans[-1] = (column.group, spans[-1][1] + 1)
            else:
                spans.append((column.group, 1))
        return tuple(spans)


@dataclass(frozen=True)
class RunTable(Table):
    """A table of one run's numbers: it knows its track, and its metric where all numbers are of one."""

    of_track: str = ""
    of_metric: str = ""
    first: str = "Method"
    folded: tuple[str, ...] = ()

    @property
    def head(self) -> str:
        """What the rows are."""
        return self.first

    @property
    def track(self) -> str:
        """The track of the table's numbers."""
        return self.of_track

    @property
    def metric(self) -> str:
        """The metric of all numbers, or nothing."""
        return self.of_metric

    @property
    def secondary(self) -> tuple[str, ...]:
        """Columns that are folded away at first."""
        return self.folded


COMPETING: tuple[Role, ...] = ("method", "ablation")
EMPTY = Cell(None, "–")
MOST_PARTS = 32
"""Columns a breakdown may have and still be read; wider ones are left to `clip_values.parquet`."""
PAPER = (
    "psnr", "ssim", "fid", "csim", "m_lmd", "f_lmd", "lse_c", "lse_d", "emotion_accuracy", "reference_leakage",
    "neutral_probability", "intensity_pcc", "intensity_ccc", "saturation_index",
)  # fmt: skip
"""Columns of the main comparison that are open at first; the others are one click away."""


def main_table(run: Run, facts: dict[str, MetricFacts], track: str) -> Table | None:
    """Methods x metrics of one track, as `values.parquet` has them; None when the track has no value at all."""
    values = run.values[run.values["track"] == track]
    metrics = [m for m in facts.values() if m.name in set(values["metric"])]
    if not metrics:
        return None
    columns = [_column(values, m) for m in metrics]
    cells = {m.name: _ranked(run, m, track, _cells(values, m, run.methods)) for m in metrics}
    rows = tuple(
        Row(method.name, method.title or method.name, role(method), tuple(cells[m.name][method.name] for m in metrics))
        for method in run.methods
    )
    caption = (
        f"Reference image: {track}. Under each number: 95 % interval and clips scored / expected. Bold: best of the "
        "methods and ablations (ceiling and floors do not compete). “=”: cannot be told apart from the best, for the "
        "paired interval of their difference includes 0 or there is none. A red count: the number lacks clips that its "
        "neighbours have."
    )
    extra = tuple(m.name for m in metrics if m.name not in PAPER)
    folded = extra if len(metrics) - len(extra) >= 3 else ()
    title = f"Comparison, {track} reference image"
    return RunTable(f"main-{track}", title, caption, tuple(columns), rows, of_track=track, folded=folded)


def _column(values: pd.DataFrame, metric: MetricFacts) -> Column:
    signatures = values.loc[values["metric"] == metric.name, "signature"].dropna().astype(str)
    return Column(
        metric.name,
        metric.title,
        metric.arrow,
        metric.unit,
        metric.group,
        metric.help,
        tuple(sorted(set(signatures))),
        lower_first=metric.higher_is_better is False,
    )


def _cells(values: pd.DataFrame, metric: MetricFacts, methods: tuple[MethodInfo, ...]) -> dict[str, Cell]:
    rows = values[values["metric"] == metric.name].drop_duplicates("method", keep="last")
    digits = decimals([float(v) for v in pd.to_numeric(rows["value"], errors="coerce").dropna()])
    found = {str(row["method"]): _cell(row, digits) for row in rows.to_dict("records")}
    return {m.name: found.get(m.name, EMPTY) for m in methods}


def _cell(row: dict[Hashable, Any], digits: int) -> Cell:
    value, low, high = (finite(row[c]) for c in ("value", "ci_low", "ci_high"))
    scored, expected = finite(row["n_scored"]), finite(row["n_expected"])
    return Cell(
        value,
        number(value, digits),
        (low, high) if low is not None and high is not None and value is not None else None,
        int(scored) if scored is not None else None,
        int(expected) if expected is not None else None,
        digits=digits,
        signature=str(row["signature"] or ""),
        note=str(row["note"] or ""),
    )


def finite(value: object) -> float | None:
    """A finite float, or None for anything else (None, nan, inf, text)."""
    try:
        number_ = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number_ if math.isfinite(number_) else None


def _ranked(run: Run, metric: MetricFacts, track: str, cells: dict[str, Cell]) -> dict[str, Cell]:
    """Mark the best competing cell and those not separated from it. Numbers of unlike signatures are not ranked."""
    competing = {name: cells[name] for name in run.named(*COMPETING) if cells[name].value is not None}
    if not metric.ranked or len(competing) < 2 or len({c.signature for c in competing.values()}) > 1:
        return cells
    best = min(competing, key=lambda name: metric.loss(competing[name].value or 0.0))
    marked = dict(cells)
    marked[best] = replace(cells[best], best=True)
    for name in competing:
        if name != best and _tied(run, metric, track, best, name, cells):
            marked[name] = replace(cells[name], tied_with_best=True)
    return marked


def _tied(run: Run, metric: MetricFacts, track: str, best: str, other: str, cells: dict[str, Cell]) -> bool:
    difference: Difference | None = paired(run, metric, track, best, other)
    if difference is not None:
        return not difference.separated
    a, b = cells[best].ci, cells[other].ci
    # Without values per clip (FID) only the two intervals can speak; without intervals nothing is separated.
    return a is None or b is None or (a[0] <= b[1] and b[0] <= a[1])
