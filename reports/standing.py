"""Figures of values with intervals: which methods can be told apart, and what the people of a study answered."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reports.differences import groups
from reports.facts import MetricFacts
from reports.figures import table_csv
from reports.plot_style import FAINT, HEAT, INK, WIDE, Plot, Stroke, finish, new_figure, short, style
from reports.source import Run, role
from reports.tables import COMPETING, Table, finite

TOLD = (
    ("emotion_accuracy", True), ("reference_leakage", True), ("lse_d", False), ("intensity_pcc", False),
    ("saturation_index", False), ("csim", False),
)  # fmt: skip
"""Metrics of the figure, and whether on the track of emotional reference images."""
MOST_PANELS = 9
LONGEST_NAME = 34
"""Letters of a row's name on one line; a pair of methods (`A − B`) takes two."""
MINUS = " − "


@dataclass(frozen=True)
class Mark:
    """A method's value with its interval (None: not known) and the number of its tie group, best first."""

    key: str
    value: float | None
    low: float | None
    high: float | None
    group: int | None = None


@dataclass(frozen=True)
class Panel:
    """One metric or question; marks in the order of the figure's rows."""

    title: str
    marks: tuple[Mark, ...]
    goal: float | None = None
    """The ideal value, where there is one."""
    scale: tuple[float, float] | None = None
    """The ends of the scale that people answered on: bars begin at its foot."""


def ties(run: Run, facts: dict[str, MetricFacts], strokes: dict[str, Stroke]) -> Plot | None:
    """Every method's value, interval and tie group for the metrics of the paper's two ideas, lips and identity."""
    calm = "neutral" if "neutral" in run.tracks else (run.tracks[0] if run.tracks else "")
    moved = "emotional" if "emotional" in run.tracks else calm
    chosen = [(facts[name], moved if emotional else calm) for name, emotional in TOLD if name in facts]
    panels = [_told(run, metric, track) for metric, track in chosen if metric.ranked]
    panels = [panel for panel in panels if sum(m.value is not None for m in panel.marks) > 1]
    if not panels:
        return None
    rows = [(m.name, run.label(m.name), strokes[m.name].marker) for m in run.methods]
    caption = (
        "Each method’s value with its 95 % interval over identities. The number at the right is its tie group: methods "
        "of one group cannot be told apart from the best of it by the paired interval of their difference, which may "
        "be narrower than these; ceiling and floors are in none. Dashed: the ideal value."
    )
    with style("ties"):
        figure = _draw(panels, rows, bars=False)
        head = ["metric", "method", "value", "low", "high", "tie_group"]
        csv = table_csv(head, _lines(panels))
        return finish(figure, "ties", "Which methods can be told apart", caption, csv)


def _told(run: Run, metric: MetricFacts, track: str) -> Panel:
    names = run.named(*COMPETING)
    place = {m: i for i, group in enumerate(groups(run, metric, track, names), start=1) for m in group}
    rows = run.values[(run.values["metric"] == metric.name) & (run.values["track"] == track)]
    known = {str(r["method"]): r for r in rows.to_dict("records")}
    marks = []
    for method in run.methods:
        row = known.get(method.name, {})
        value, low, high = (finite(row.get(c)) for c in ("value", "ci_low", "ci_high"))
        group = place.get(method.name) if role(method) in COMPETING else None
        marks.append(Mark(method.name, value, low, high, group))
    return Panel(f"{metric.title} {metric.arrow}".strip() + f", {track}", tuple(marks), metric.target)


def answers(tables: Sequence[Table], strokes: dict[str, Stroke]) -> tuple[Plot, ...]:
    """Bars with intervals for every table of a user study that has any; rows keep their order."""
    found = []
    for number, table in enumerate(tables, start=1):
        shown = [i for i in range(len(table.columns)) if any(r.cells[i].ci for r in table.rows)][:MOST_PANELS]
        if not shown or len(table.rows) < 2:
            continue
        panels = [
            Panel(
                _head(table, i), tuple(_mark(row.key, row.cells[i]) for row in table.rows),
                scale=_scale(table.columns[i].unit),
            )
            for i in shown
        ]  # fmt: skip
        rows = [(r.key, r.title, strokes[r.key].marker if r.key in strokes else HEAT) for r in table.rows]
        key = f"study-{number}"
        with style(key):
            csv = table_csv(["column", "row", "value", "low", "high", "tie_group"], _lines(panels))
            figure = _draw(panels, rows, bars=True)
            found.append(finish(figure, key, table.title, _lines_are(table.caption), csv))
    return tuple(found)


def _lines_are(caption: str) -> str:
    return f"Lines: {caption if caption.startswith('95 % intervals') else '95 % intervals. ' + caption}"


def _head(table: Table, column: int) -> str:
    about = table.columns[column]
    same = sum(c.title == about.title for c in table.columns) > 1
    name = f"{about.group}: {about.title}".replace("_", " ") if same and about.group else about.title
    return f"{name} {about.arrow}".strip() + (f" ({about.unit})" if about.unit else "")


def _scale(unit: str) -> tuple[float, float] | None:
    """The ends of a rating scale (`1–5`), where a unit is one."""
    found = re.fullmatch(r"(\d+)–(\d+)", unit)
    return (float(found[1]), float(found[2])) if found else None


def _mark(key: str, cell: Any) -> Mark:
    low, high = cell.ci or (None, None)
    return Mark(key, cell.value, low, high)


def _lines(panels: Sequence[Panel]) -> list[list[object]]:
    nothing = math.nan
    return [
        [p.title, m.key, *(nothing if v is None else v for v in (m.value, m.low, m.high)), m.group or ""]
        for p in panels
        for m in p.marks
        if m.value is not None
    ]


def _draw(panels: Sequence[Panel], rows: Sequence[tuple[str, str, str]], *, bars: bool) -> Any:
    columns = min(3, len(panels))
    lines = math.ceil(len(panels) / columns)
    names = [_named(title) for _, title, _ in rows]
    tall = 0.25 if any("\n" in name for name in names) else 0.165
    figure, axes = new_figure(WIDE, 0.1 + lines * (0.42 + tall * len(rows)), lines, columns, sharey=True)
    for i, axis in enumerate(axes.flat):
        if i >= len(panels):
            axis.set_visible(False)
            continue
        _panel(axis, panels[i], rows, bars=bars)
        axis.set_yticks(range(len(rows)), names, linespacing=1.15)
        axis.tick_params(axis="y", length=0, labelleft=i % columns == 0, labelsize=7)
    return figure


def _named(title: str, most: int = LONGEST_NAME) -> str:
    """A row's name cut in its middle, for of several runs the end tells them apart; a long pair on two lines."""
    first, minus, second = title.partition(MINUS)
    if minus and len(title) > most:
        return f"{_named(first)}\n{MINUS.lstrip()}{_named(second, most - 2)}"
    return title if len(title) <= most else f"{title[: most - 13]}…{title[-12:]}"


def _panel(axis: Any, panel: Panel, rows: Sequence[tuple[str, str, str]], *, bars: bool) -> None:
    import seaborn as sns
    from matplotlib.ticker import MaxNLocator

    place = {key: (y, colour) for y, (key, _, colour) in enumerate(rows)}
    shown = [(m, *place[m.key]) for m in panel.marks if m.value is not None]
    if bars:
        sns.barplot(
            x=[m.value for m, _, _ in shown], y=[y for _, y, _ in shown], hue=[m.key for m, _, _ in shown], orient="h",
            palette={m.key: colour for m, _, colour in shown}, order=range(len(rows)), saturation=1, alpha=0.8,
            width=0.68, errorbar=None, dodge=False, linewidth=0, legend=False, ax=axis,
        )  # fmt: skip
    for mark, y, colour in shown:
        if mark.low is not None and mark.high is not None:
            axis.plot([mark.low, mark.high], [y, y], color=INK if bars else colour, linewidth=0.9 if bars else 1.6)
        if not bars:
            sns.scatterplot(x=[mark.value], y=[y], color=colour, s=20, linewidth=0, legend=False, ax=axis, zorder=3)
        if mark.group is not None:
            across = axis.get_yaxis_transform()
            axis.text(1.0, y, str(mark.group), transform=across, ha="right", va="center", fontsize=7, color=INK)
    if panel.goal is not None:
        axis.axvline(panel.goal, color=INK, linewidth=0.8, linestyle=(0, (3, 2)), zorder=0)
    elif bars:
        axis.axvline(0, color=FAINT, linewidth=0.8, zorder=0)
    low, high = axis.get_xlim()
    if any(mark.group is not None for mark, _, _ in shown):
        axis.set_xlim(low, high + 0.1 * (high - low))
    axis.set_ylim(len(rows) - 0.4, -0.6)
    if panel.scale:
        axis.set_xlim(panel.scale)
    axis.xaxis.set_major_locator(MaxNLocator(4, integer=panel.scale is not None))
    axis.set(xlabel="", ylabel="")
    axis.set_title(short(panel.title, 34), loc="left", fontsize=7.5)
