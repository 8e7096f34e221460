"""Tables as frozen data: one `Table` becomes HTML, CSV, LaTeX and Markdown without being computed twice."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from metrics.results import NOT_APPLICABLE
from metrics.rundir import MethodInfo
from metrics.statistics import point_estimate
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
    def groups(self) -> tuple[tuple[str, int], ...]:
        """Neighbouring columns of one group, as (title, number of columns)."""
        spans: list[tuple[str, int]] = []
        for column in self.columns:
            if spans and spans[-1][0] == column.group:
                spans[-1] = (column.group, spans[-1][1] + 1)
            else:
                spans.append((column.group, 1))
        return tuple(spans)


COMPETING: tuple[Role, ...] = ("method", "ablation")
EMPTY = Cell(None, "–")
MOST_PARTS = 32
"""Columns a breakdown may have and still be read; wider ones are left to `clip_values.parquet`."""


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
    return Table(f"main-{track}", f"Comparison, {track} reference image", caption, tuple(columns), rows)


def breakdown(run: Run, facts: MetricFacts, track: str, by: str) -> Table | None:
    """One metric per method for each emotion or identity (`by`); None when there is nothing, or too much, to split."""
    clips = run.clip_values
    table = clips[(clips["metric"] == facts.name) & (clips["track"] == track)]
    table = table[~table["reason"].fillna("").astype(str).str.startswith(NOT_APPLICABLE)]
    table = table.assign(value=pd.to_numeric(table["value"], errors="coerce"), part=table[by].astype(str))
    parts = sorted(set(table["part"]))
    if table["value"].notna().sum() == 0 or not 2 <= len(parts) <= MOST_PARTS:
        return None
    grouped = {(str(m), str(p)): group for (m, p), group in table.groupby(["method", "part"])["value"]}
    pooled = {key: point_estimate(group.dropna().to_numpy(), facts.pooling) for key, group in grouped.items()}
    digits = decimals(list(pooled.values()))
    parts_of = {k: _part_cell(pooled[k], int(group.count()), len(group), digits) for k, group in grouped.items()}
    rows = []
    for method in run.methods:
        cells = [parts_of.get((method.name, part), EMPTY) for part in parts]
        if any(c.value is not None for c in cells):
            rows.append(Row(method.name, method.title or method.name, role(method), tuple(cells)))
    signatures = tuple(sorted({str(s) for s in table["signature"].dropna()}))
    columns = tuple(Column(p, p, facts.arrow, signatures=signatures) for p in parts)
    what = f"{facts.pooling.capitalize()} over clips of {facts.title} {facts.arrow} by {by}, {track} reference image"
    caption = f"{what}. Under each number: clips scored / expected."
    return Table(
        f"{by}-{facts.name}-{track}", f"{facts.title} by {by}, {track} reference", caption, columns, tuple(rows)
    )


def _part_cell(pooled: float, scored: int, expected: int, digits: int) -> Cell:
    return Cell(finite(pooled), number(pooled, digits), n_scored=scored, n_expected=expected, digits=digits)


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
