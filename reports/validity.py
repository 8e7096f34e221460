"""The validity page: which metric sees which damage, as a heat map, a table of verdicts and curves. Opens from disk."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eap.errors import DataError
from eap.files import atomic_write
from metrics.validity.damages import family
from metrics.validity.results import LEAST_TAU, Cell, DamageInfo, MetricInfo, Validity, load_validity
from reports.facts import GROUPS, number
from reports.figures import table_csv
from reports.plot_style import FAINT, HEAT, INK, WIDE, Plot, finish, heat, new_figure, short, style

BETTER = "#020302"
"""Marker of the palette's second colour: a damage that a metric takes for an improvement."""
MOST_TALK = 12
FEW_IDENTITIES = 5
"""Below this an interval says more about the number of people than about the metric."""
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Verdict:
    """A line of the table of declared damages."""

    metric: str
    damage: str
    words: str
    tau: str
    seen: str
    course: str
    status: str
    mark: str


@dataclass(frozen=True)
class Talk:
    """A sentence on what moves a metric although it was not declared."""

    sentence: str
    share: str


def build_validity(source: Path | str, out: Path | str | None = None) -> Path:
    """Write the page of a validation (a folder with validity.json, or the file); returns its path.

    `out` is a folder or an `.html` file, by default `index.html` beside validity.json. Raises DataError when there is
    no validation or the page cannot be written.
    """
    found = load_validity(source)
    base = Path(source)
    target = (base if base.is_dir() else base.parent) if out is None else Path(out)
    page = target if target.suffix == ".html" else target / "index.html"
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(page, "w") as stream:
            stream.write(render_validity(found))
    except OSError as error:
        fix = "give a folder that can be written"
        raise DataError(f"{page}: cannot write the page ({error.strerror or error})", fix=fix) from error
    return page


def render_validity(found: Validity) -> str:
    """The whole page as HTML; the same validation gives the same bytes."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    from reports.page import inline_json

    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    declared, failed = found.declared, found.failed
    drawn = [plot for plot in (heat_map(found), curves(found)) if plot is not None]
    context: dict[str, Any] = {
        "found": found,
        "held": len(declared) - len(failed),
        "declared": len(declared),
        "least_tau": f"{LEAST_TAU:g}",
        "heat": drawn[0],
        "curves": drawn[1] if len(drawn) > 1 else None,
        "few": len(found.identities) < FEW_IDENTITIES,
        "plots_json": inline_json({plot.key: plot.csv for plot in drawn}),
        "page_js": Markup((HERE / "static" / "page.js").read_text("utf-8")),
        "verdicts": verdicts(found),
        "talk": cross_talk(found),
        "provenance": _provenance(found),
        "css": Markup((HERE / "static" / "page.css").read_text("utf-8")),
    }
    return environment.get_template("validity.html").render(context)


def _ordered(found: Validity) -> list[MetricInfo]:
    place = {group: i for i, group in enumerate(GROUPS)}
    return sorted(found.metrics, key=lambda metric: place.get(metric.group, len(place)))


def verdicts(found: Validity) -> list[Verdict]:
    """Every declared field, those that fail first."""
    damages = {damage.name: damage for damage in found.damages}
    metrics = {metric.name: metric for metric in found.metrics}
    rows = []
    for cell in sorted(found.declared, key=lambda cell: (cell.holds, cell.metric, cell.damage)):
        damage = damages[cell.damage]
        status, mark = ("pass", "✓ holds") if cell.holds else ("fail", "✕ not monotone")
        if cell.seen is None:
            status, mark = "fail", "✕ not seen"
        seen = f"{cell.seen:g} ({damage.unit})" if cell.seen is not None else "none of them"
        if cell.seen == cell.grades[1]:
            seen += ", the weakest"
        course = " → ".join(number(cell.values[i]) for i in (0, len(cell.values) // 2, -1))
        rows.append(
            Verdict(
                metrics[cell.metric].title, damage.title, damage.words, number(cell.tau, 2), seen, course, status, mark
            )
        )
    return rows


def cross_talk(found: Validity) -> list[Talk]:
    """Of each metric the strongest effect of a damage that is no relative of those it declares; the loudest metrics."""
    titles = {damage.name: damage.title for damage in found.damages}
    metrics = {metric.name: metric.title for metric in found.metrics}
    kin = {metric.name: {family(name) for name in metric.sees} for metric in found.metrics}
    loud = [cell for cell in found.cells if cell.seen is not None and family(cell.damage) not in kin[cell.metric]]
    loud.sort(key=lambda cell: (-abs(cell.effect), cell.metric, cell.damage))
    strongest: dict[str, Cell] = {}
    for cell in loud:
        strongest.setdefault(cell.metric, cell)
    return [
        Talk(
            f"{titles[cell.damage]} {'spoils' if cell.effect > 0 else 'flatters'} {metrics[cell.metric]}: "
            f"{number(cell.values[0])} → {number(cell.values[-1])}",
            f"{abs(cell.effect):.0%}",
        )
        for cell in list(strongest.values())[:MOST_TALK]
    ]


def heat_map(found: Validity) -> Plot:
    """Metrics down, damages across: the change at the strongest grade as a share of the metric's largest."""
    from matplotlib.patches import Rectangle

    metrics, damages = _ordered(found), list(found.damages)
    shares = np.full((len(metrics), len(damages)), np.nan)
    for i, metric in enumerate(metrics):
        for j, damage in enumerate(damages):
            if (cell := found.cell(metric.name, damage.name)) is not None:
                shares[i, j] = cell.effect
    with style("validity"):
        figure, axes = new_figure(min(WIDE, 2.0 + 0.42 * len(damages)), 1.1 + 0.185 * len(metrics))
        axis = axes[0, 0]
        heat(axis, shares, (BETTER, -1.0))
        for i, metric in enumerate(metrics):
            for j, damage in enumerate(damages):
                _field(axis, i, j, found.cell(metric.name, damage.name), Rectangle)
        axis.set_xticks(np.arange(len(damages)) + 0.5, [d.title for d in damages], rotation=45, ha="left")
        axis.xaxis.tick_top()
        axis.set_yticks(np.arange(len(metrics)) + 0.5, [m.title for m in metrics], rotation=0)
        axis.tick_params(length=0, pad=2, labelsize=7)
        for label in axis.get_xticklabels():
            label.set_rotation_mode("anchor")
        for spine in axis.spines.values():
            spine.set_visible(False)
        _group_lines(axis, metrics, len(damages))
        caption = (
            "Change of each metric (rows) under the strongest grade of each damage (columns), as a share of its "
            "largest change anywhere. Blue: worse, orange: the metric takes the damage for an improvement. Framed: "
            "declared beforehand (solid: follows step by step and is seen; dotted: not). A number, in percent, stands "
            "where the change is seen with 95 % confidence. "
            f"Embedded world, {len(found.clips)} clips of {len(found.identities)} people."
        )
        csv = table_csv(_HEAD, (_line(cell) for cell in found.cells))
        return finish(figure, "validity", "Which metric sees which damage", caption, csv)


_HEAD = (
    "metric", "damage", "declared", "holds", "tau", "smallest_seen", "effect", "grade", "value", "change", "low",
    "high",
)  # fmt: skip


def _line(cell: Cell) -> list[object]:
    """A field at its strongest grade."""
    seen = math.nan if cell.seen is None else cell.seen
    last = [float(x[-1]) for x in (cell.grades, cell.values, cell.changes, cell.lows, cell.highs)]
    return [cell.metric, cell.damage, int(cell.declared), int(cell.holds), cell.tau, seen, cell.effect, *last]


def _field(axis: Any, row: int, column: int, cell: Cell | None, patch: Any) -> None:
    if cell is None:
        axis.plot(column + 0.5, row + 0.5, marker="_", color=FAINT, markersize=3, markeredgewidth=0.6)
        return
    if cell.seen is not None:
        text = f"{abs(cell.effect) * 100:.0f}"
        axis.text(column + 0.5, row + 0.53, text, ha="center", va="center", fontsize=6, color=INK)
    if cell.declared:
        # Dots need more width to be seen on a field that is full of blue.
        line, width, edge = ("solid", 0.9, INK) if cell.holds else ((0, (1.2, 0.8)), 1.7, BETTER)
        axis.add_patch(
            patch((column + 0.05, row + 0.07), 0.9, 0.86, fill=False, edgecolor=edge, linewidth=width, linestyle=line)
        )


def _group_lines(axis: Any, metrics: list[MetricInfo], width: int) -> None:
    for i in range(1, len(metrics)):
        if metrics[i].group != metrics[i - 1].group:
            axis.plot([0, width], [i, i], color=FAINT, linewidth=0.9, clip_on=False)


def curves(found: Validity) -> Plot | None:
    """Every metric along the first damage that it declares, with the interval of the change."""
    shown = [cell for metric in _ordered(found) if (cell := _first_declared(found, metric)) is not None]
    if not shown:
        return None
    damages = {damage.name: damage for damage in found.damages}
    titles = {metric.name: metric.title for metric in found.metrics}
    columns = 4
    rows = math.ceil(len(shown) / columns)
    with style("curves"):
        figure, axes = new_figure(WIDE, 1.5 * rows, rows, columns)
        for axis, cell in zip(axes.flat, shown, strict=False):
            _curve(axis, cell)
            axis.set_title(short(titles[cell.metric], 24), loc="left", fontsize=7.5)
            axis.set_xlabel(f"{damages[cell.damage].title}\n({damages[cell.damage].unit})", fontsize=6.5)
        for axis in list(axes.flat)[len(shown) :]:
            axis.set_visible(False)
        caption = (
            "Each metric along the damage it is declared to see, from the undamaged clip (0) to the strongest grade; "
            "band: 95 % interval of the paired change, identities being the sample, cut where it is far wider than the "
            "curve."
        )
        csv = table_csv(
            ["metric", "damage", "grade", "value", "change", "low", "high"],
            [[c.metric, c.damage, *map(float, line)] for c in shown
             for line in zip(c.grades, c.values, c.changes, c.lows, c.highs, strict=True)],
        )  # fmt: skip
        return finish(figure, "curves", "Dose and response", caption, csv)


def _curve(axis: Any, cell: Cell) -> None:
    import seaborn as sns

    start, values = cell.values[0], np.array(cell.values)
    x = np.arange(len(cell.grades))
    low, high = start + np.array(cell.lows), start + np.array(cell.highs)
    # A pooled median's change is not the change of the median: the band stands around the curve itself.
    shift = values - (start + np.array(cell.changes))
    axis.fill_between(x, low + shift, high + shift, color=HEAT, alpha=0.22, linewidth=0)
    sns.lineplot(x=x, y=values, ax=axis, color=HEAT, linewidth=1.2, marker="o", markersize=2.8, markeredgewidth=0)
    axis.axhline(start, color=FAINT, linewidth=0.8)
    room = 0.75 * (float(np.ptp(values)) or abs(start) or 1.0)
    ends = [float(values.min()) - room, float(values.max()) + room]
    bottom, top = axis.get_ylim()
    axis.set_ylim(max(bottom, ends[0]), min(top, ends[1]))
    axis.set_xticks(x, [f"{grade:.2g}" for grade in cell.grades], fontsize=5.5)
    axis.tick_params(axis="y", labelsize=6.5)
    axis.set_ylabel("")


def _first_declared(found: Validity, metric: MetricInfo) -> Cell | None:
    return next((cell for name in metric.sees if (cell := found.cell(metric.name, name)) is not None), None)


def _provenance(found: Validity) -> list[tuple[str, str]]:
    def grades(damage: DamageInfo) -> str:
        return ", ".join(f"{grade:g}" for grade in damage.grades)

    return [
        ("Command", found.command or "not recorded"),
        ("Commit", found.commit or "not recorded"),
        ("Date", found.date or "not recorded"),
        ("Clips", f"{len(found.clips)} of {found.clip_seconds:g} s at {found.size} px, {len(found.identities)} people"),
        ("Seconds", f"{found.seconds:g}"),
        *((f"Evaluator {name}", sha) for name, sha in sorted(found.evaluators.items())),
        *((f"Grades of {d.title.lower()} ({d.unit})", grades(d)) for d in found.damages),
    ]
