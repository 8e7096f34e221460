"""The table a run prints: methods down, metrics across, one block per reference track, figures with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

from metrics.results import ResultTable, Signature, Value

if TYPE_CHECKING:
    from rich.table import Table

    from metrics.rundir import RunFiles, RunInfo

PAPER_ORDER = (
    "psnr", "ssim", "fid", "m_lmd", "f_lmd", "lse_c", "lse_d", "av_offset", "emotion_accuracy", "intensity_pcc",
    "intensity_ccc", "saturation_index", "reference_leakage",
)  # fmt: skip


def read_table(files: RunFiles) -> ResultTable:
    """The values of a finished run, from its ``values.parquet``."""
    rows: list[dict[str, Any]] = files.read_table("values").to_dict("records")  # type: ignore[assignment]
    values = []
    for row in rows:
        best = row["higher_is_better"]
        target = row["target"]
        row["signature"] = Signature.parse(row["signature"])
        row["higher_is_better"] = bool(best) if isinstance(best, bool) or best in (0, 1) else None
        row["target"] = None if target is None or math.isnan(target) else float(target)
        values.append(Value(**row))
    return ResultTable(tuple(values))


def ordered(names: Sequence[str]) -> list[str]:
    """Metric names in the paper's order, others after them by name."""
    known = [name for name in PAPER_ORDER if name in names]
    return known + sorted(name for name in names if name not in PAPER_ORDER)


def paper_tables(info: RunInfo, table: ResultTable, *, per_table: int = 7) -> list[Table]:
    """Rich tables, at most ``per_table`` metrics wide so that they fit a terminal."""
    from rich.table import Table

    found = {(value.metric, value.method, value.track): value for value in table.values}
    names = ordered(list(dict.fromkeys(value.metric for value in table.values)))
    tables = []
    for track in info.tracks:
        mine = [name for name in names if any(key[0] == name and key[2] == track for key in found)]
        for start in range(0, len(mine), per_table):
            part = mine[start : start + per_table]
            shown = Table(title=f"{info.suite}: {track} reference image", title_justify="left", show_lines=True)
            shown.add_column("method", max_width=26)
            for name in part:
                first = next(value for (metric, _, _), value in found.items() if metric == name)
                shown.add_column(fill(f"{_title(name)}{_arrow(first)}", 16), justify="right", no_wrap=True)
            for method in info.methods:
                cells = [format_value(found.get((name, method.name, track))) for name in part]
                shown.add_row(method.title, *cells)
            tables.append(shown)
    return tables


def format_value(value: Value | None) -> str:
    """Three lines: the figure, its interval ``[11.90, 12.80]``, clips scored and expected ``64/64``."""
    if value is None:
        return "-"
    scored = f"{value.n_scored}/{value.n_expected}"
    if not math.isfinite(value.value):
        # An infinite PSNR is a real result (identical frames); nan is none.
        return f"{'inf' if value.value == math.inf else 'no value'}\n\n{scored}"
    size = max(abs(value.value), *(abs(end) for end in (value.ci_low, value.ci_high) if math.isfinite(end)), 0.0)
    digits = 1 if size >= 100 else 2 if size >= 10 else 4 if 0 < size < 0.1 else 3
    interval = ""
    if math.isfinite(value.ci_low) and math.isfinite(value.ci_high):
        interval = f"[{_number(value.ci_low, digits)}, {_number(value.ci_high, digits)}]"
    return f"{_number(value.value, digits)}\n{interval}\n{scored}"


def _number(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text


def _title(name: str) -> str:
    from eap.errors import ConfigError
    from metrics.registry import get_metric

    try:
        return get_metric(name).spec.title
    except ConfigError:
        return name


def _arrow(value: Value) -> str:
    if value.higher_is_better is None:
        return "" if value.target is None else f" -> {value.target:g}"
    return " ↑" if value.higher_is_better else " ↓"
