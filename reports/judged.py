"""Figures of judged emotions: what is taken for what, and what is left of the reference image's emotion."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from eap.constants import EMOTIONS
from metrics.statistics import cluster_bootstrap
from reports.differences import scored
from reports.figures import table_csv
from reports.plot_style import INK, WIDE, Plot, Stroke, finish, heat, legend, new_figure, short, style
from reports.source import Run, role
from reports.tables import COMPETING, finite

SHORT = {"disgusted": "disgust", "surprised": "surprise"}
BARS = 0.84
"""Share of an emotion's room that its bars take."""


def confusions(run: Run, track: str) -> Plot | None:
    """Judged against true emotion: the ground truth and every method and ablation, rows summing to 1."""
    table = run.confusion[run.confusion["track"] == track]
    shown = [m for m in run.methods if role(m) in ("ceiling", *COMPETING) and (table["method"] == m.name).any()]
    if not shown:
        return None
    seen = {str(e) for e in (*table["emotion"].dropna(), *table["judged"].dropna())}
    names = [e for e in EMOTIONS if e in seen] + sorted(seen - set(EMOTIONS))
    with style("confusion"):
        columns = min(3, len(shown))
        rows = math.ceil(len(shown) / columns)
        figure, axes = new_figure(WIDE, 0.2 + 2.45 * rows, rows, columns, sharex=True, sharey=True)
        for axis, method in zip(axes.flat, shown, strict=False):
            _confusion_axis(axis, table[table["method"] == method.name], names, run.label(method.name))
        for i, axis in enumerate(axes.flat):
            axis.set_visible(i < len(shown))
            axis.tick_params(labelbottom=i + columns >= len(shown))
            axis.set(ylabel="voice" if i % columns == 0 else "", xlabel="judged" if i + columns >= len(shown) else "")
        caption = (
            f"Share of clips of each voice's emotion (rows) judged as each emotion (columns), {track} reference image. "
            "Framed: judged as the voice."
        )
        counted = [
            [str(r.method), track, str(r.emotion), str(r.judged), int(finite(r.count) or 0)]
            for r in table.itertuples(index=False)
        ]
        csv = table_csv(["method", "track", "emotion", "judged", "clips"], counted)
        return finish(figure, "confusion", "Emotion confusion", caption, csv)


def _confusion_axis(axis: Any, table: pd.DataFrame, names: list[str], title: str) -> None:
    from matplotlib.patches import Rectangle

    counts = (
        table.assign(count=pd.to_numeric(table["count"], errors="coerce").fillna(0))
        .pivot_table(index="emotion", columns="judged", values="count", aggfunc="sum")
        .reindex(index=names, columns=names)
        .fillna(0.0)
        .to_numpy(np.float64)
    )
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    heat(axis, np.where(shares > 0, shares, np.nan))
    for y, x in np.argwhere(shares >= 0.095):
        text = f"{shares[y, x]:.1f}".removeprefix("0")
        axis.text(x + 0.5, y + 0.5, text, ha="center", va="center", fontsize=7, color=INK)
    for i in range(len(names)):
        axis.add_patch(Rectangle((i + 0.06, i + 0.06), 0.88, 0.88, fill=False, edgecolor=INK, linewidth=0.6))
    labels = [short(SHORT.get(n, n), 14) for n in names]
    axis.set(xlim=(0, len(names)), ylim=(len(names), 0), aspect="equal")
    axis.set_xticks(np.arange(len(names)) + 0.5, labels, rotation=45, ha="right", rotation_mode="anchor")
    axis.set_yticks(np.arange(len(names)) + 0.5, labels, rotation=0)
    for spine in axis.spines.values():
        spine.set_visible(True)
    right = float(np.trace(counts) / counts.sum()) if counts.sum() else float("nan")
    axis.set_title(f"{short(title, 32)}\n{right:.0%} right", loc="left", fontsize=7.5)


def leakage(run: Run, track: str, strokes: dict[str, Stroke]) -> Plot | None:
    """Leakage of the reference image's emotion into the result, by that emotion (by the voice's if it is unknown)."""
    table = scored(run, "reference_leakage", track)
    shown = [m.name for m in run.methods if (table["method"] == m.name).any()]
    if not shown:
        return None
    journal = run.journal
    keys = zip(table["method"].astype(str), table["clip"].astype(str), strict=True)
    rows = [journal.get((method, track, clip)) for method, clip in keys]
    sources = [row.reference_emotion if row else None for row in rows]
    known = any(sources)
    table = table.assign(group=pd.Series(sources, table.index, dtype=object) if known else table["emotion"].astype(str))
    table = table.dropna(subset=["group"])
    groups = [e for e in EMOTIONS if e in set(table["group"])] + sorted(set(table["group"]) - set(EMOTIONS))
    bars = [[m, g, *_mean(table, m, g)] for m in shown for g in groups]
    with style("leakage"):
        figure, axes = new_figure(WIDE, 2.0 + 0.15 * math.ceil(len(shown) / 3))
        _bars(axes[0, 0], run, bars, shown, groups, strokes)
        legend(figure, [axes[0, 0]])
        by = (
            "the reference image's emotion" if known else "the voice's emotion (the run did not record the reference's)"
        )
        caption = (
            "How much more often a clip is judged to show its reference image's emotion than with a neutral reference, "
            f"by {by}. 0: the picture's expression leaves no trace. Lines: 95 % intervals over identities, cut where "
            "the axis ends."
        )
        csv = table_csv(["method", "emotion", "leakage", "low", "high", "clips"], bars)
        return finish(figure, "leakage", "Leakage of the reference image's emotion", caption, csv)


def _mean(table: pd.DataFrame, method: str, group: str) -> tuple[float, float, float, int]:
    """Mean, interval and number of the clips of one bar."""
    mine = table[(table["method"] == method) & (table["group"] == group)].sort_values("clip")
    if mine.empty:
        return math.nan, math.nan, math.nan, 0
    values = mine["value"].astype(float).tolist()
    binary = set(values) <= {0.0, 1.0}
    found = cluster_bootstrap(
        values, mine["identity"].astype(str).tolist(), statistic="proportion" if binary else "mean"
    )
    return found.estimate, found.low, found.high, len(values)


def _bars(
    axis: Any, run: Run, bars: list[list[Any]], shown: list[str], groups: list[str], strokes: dict[str, Stroke]
) -> None:
    import seaborn as sns

    table = pd.DataFrame(bars, columns=["method", "group", "value", "low", "high", "clips"])
    sns.barplot(
        table, x="group", y="value", hue="method", order=groups, hue_order=shown, width=BARS, errorbar=None,
        palette={m: strokes[m].marker for m in shown}, saturation=1, linewidth=0, legend=False, ax=axis,
    )  # fmt: skip
    width = BARS / len(shown)
    for i, (name, container) in enumerate(zip(shown, axis.containers, strict=False)):
        container.set_label(run.label(name))
        mine = table[table["method"] == name].set_index("group")
        for j, group in enumerate(groups):
            low, high = float(mine["low"][group]), float(mine["high"][group])
            if math.isfinite(low) and math.isfinite(high):
                x = j + (i - (len(shown) - 1) / 2) * width
                axis.plot([x, x], [low, high], color=INK, linewidth=0.7, alpha=0.75)
    axis.axhline(0, color=INK, linewidth=0.8)
    axis.set_xticks(np.arange(len(groups)), [short(g, 14) for g in groups])
    # An interval of few clips may be wider than leakage can be.
    axis.set(xlabel="", ylabel="leakage", ylim=(max(-1.0, min(0.0, float(table["value"].min()) * 1.1)), 1.05))
