"""The figures of a run. Each function gives a `Plot`, or None when the run lacks what it shows."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from eap.constants import EMOTIONS, FPS
from reports.differences import scored
from reports.figures import table_csv
from reports.plot_style import FAINT, HEAT, INK, TRUTH, Plot, Stroke, finish, new_figure, style, tidy
from reports.series import Series
from reports.source import Run, role
from reports.tables import COMPETING, finite

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHORT = {"disgusted": "disgust", "surprised": "surprise"}
WIDE = 9.6


def plots(
    run: Run, series: Series, strokes: dict[str, Stroke], videos: Callable[[str], Path | None] | None = None
) -> tuple[Plot, ...]:
    """All figures this run has data for, in the page's order; `videos` finds the file of a journal path."""
    from reports.pictures import neutralization_grid, strips
    from reports.plane import plane

    calm = "neutral" if "neutral" in run.tracks else (run.tracks[0] if run.tracks else "")
    moved = "emotional" if "emotional" in run.tracks else calm
    found = [
        intensity_over_time(run, series, calm, strokes),
        saturation(run, calm, strokes),
        plane(run, calm),
        neutralization_grid(run, moved, videos) if videos else None,
        leakage(run, moved, strokes),
        confusions(run, moved),
        strips(run, series, calm, videos) if videos else None,
    ]
    return tuple(plot for plot in found if plot is not None)


def intensity_over_time(run: Run, series: Series, track: str, strokes: dict[str, Stroke]) -> Plot | None:
    """Intensity of every method over time against the truth, for the clips whose truth moves most."""
    clips = series.telling_clips(track, 6)
    if not clips:
        return None
    with style("intensity"):
        columns = min(3, len(clips))
        rows = math.ceil(len(clips) / columns)
        figure, axes = new_figure(WIDE, 0.8 + 1.9 * rows, rows, columns, sharey=True)
        for axis, clip in zip(axes.flat, clips, strict=False):
            _intensity_axis(axis, run, series, track, clip, strokes)
        for axis in list(axes.flat)[len(clips) :]:
            axis.set_visible(False)
        for line in axes[:, 0]:
            line.set_ylabel("intensity")
        axes[0, 0].set_ylim(0, 1.06 * max(axis.dataLim.y1 for axis in axes.flat))
        _legend(figure, list(axes.flat))
        kind = "exact truth of the embedded world" if series.exact else "the judge's reading of the true video"
        caption = (
            f"Judged intensity r = √(v² + a²) per frame, {track} reference image; thick line: {kind}. "
            "The clips whose truth moves most, at most one per emotion."
        )
        csv = _intensity_csv(run, series, track, clips)
        return finish(figure, "intensity", "Intensity over time", caption, csv)


def _intensity_csv(run: Run, series: Series, track: str, clips: list[str]) -> str:
    rows: list[list[object]] = []
    for clip in clips:
        known = [series.truth(track, clip), *(series.intensity(m.name, track, clip) for m in run.methods)]
        length = max((len(v) for v in known if v is not None), default=0)
        for i in range(length):
            values = [float(v[i]) if v is not None and i < len(v) else math.nan for v in known]
            rows.append([clip, i, i / FPS, *values])
    return table_csv(["clip", "frame", "seconds", "truth", *(m.name for m in run.methods)], rows)


def _intensity_axis(axis: Any, run: Run, series: Series, track: str, clip: str, strokes: dict[str, Stroke]) -> None:
    truth = series.truth(track, clip)
    if truth is not None:
        axis.plot(np.arange(len(truth)) / FPS, truth, color=TRUTH, linewidth=3.2, alpha=0.35, label="truth")
    for method in run.methods:
        values = series.intensity(method.name, track, clip)
        if values is None or role(method) == "ceiling":
            continue
        stroke = strokes[method.name]
        width = 1.0 if role(method) == "floor" else 1.5
        time = np.arange(len(values)) / FPS
        axis.plot(
            time, values, color=stroke.marker, linestyle=stroke.style, linewidth=width, label=run.label(method.name)
        )
    info = run.clip_info.get(clip)
    words = f"{info.emotion}, level {info.level}, {info.identity}" if info and info.emotion else clip
    axis.set_title(_short(words), loc="left")
    axis.set_xlabel("seconds")
    axis.margins(x=0)


def _legend(figure: Figure, axes: list[Any]) -> None:
    """One legend under the figure with every label of any of its axes (a method may be missing in the first one)."""
    known = [dict(zip(*reversed(axis.get_legend_handles_labels()), strict=True)) for axis in axes]
    handles = {label: handle for labels in reversed(known) for label, handle in labels.items()}
    order = list(dict.fromkeys(label for labels in sorted(known, key=len, reverse=True) for label in labels))
    columns = min(4, len(order))
    words = [_short(n, 44) for n in order]
    figure.legend([handles[n] for n in order], words, loc="outside lower center", ncols=columns, handlelength=2.2)


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
        figure, axes = new_figure(WIDE, 0.3 + 3.1 * rows, rows, columns)
        for axis, method in zip(axes.flat, shown, strict=False):
            _confusion_axis(axis, table[table["method"] == method.name], names, _short(run.label(method.name)))
        for axis in list(axes.flat)[len(shown) :]:
            axis.set_visible(False)
        caption = (
            f"Share of clips of each voice's emotion (rows) judged as each emotion (columns), {track} reference image."
        )
        counted = [
            [str(r.method), track, str(r.emotion), str(r.judged), int(finite(r.count) or 0)]
            for r in table.itertuples(index=False)
        ]
        csv = table_csv(["method", "track", "emotion", "judged", "clips"], counted)
        return finish(figure, "confusion", "Emotion confusion", caption, csv)


def _short(text: str, most: int = 32) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


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
    for y, x in np.argwhere(shares > 0):
        axis.add_patch(
            Rectangle((x, y), 1, 1, facecolor=HEAT, alpha=round(0.08 + 0.6 * float(shares[y, x]), 3), linewidth=0)
        )
        if shares[y, x] >= 0.095:
            text = f"{shares[y, x]:.1f}".removeprefix("0")
            axis.text(x + 0.5, y + 0.5, text, ha="center", va="center", fontsize=7.5, color=INK)
    for i in range(len(names)):
        axis.add_patch(Rectangle((i, i), 1, 1, fill=False, edgecolor=FAINT, linewidth=0.8))
    labels = [_short(SHORT.get(n, n), 14) for n in names]
    axis.set(xlim=(0, len(names)), ylim=(len(names), 0), aspect="equal")
    axis.set_xticks(np.arange(len(names)) + 0.5, labels, rotation=45, ha="right", rotation_mode="anchor")
    axis.set_yticks(np.arange(len(names)) + 0.5, labels)
    right = float(np.trace(counts) / counts.sum()) if counts.sum() else float("nan")
    axis.set_title(f"{title} ({right:.0%} right)", loc="left")


def saturation(run: Run, track: str, strokes: dict[str, Stroke]) -> Plot | None:
    """How much each method's intensity moves per clip, as a share of the true movement: one histogram a method."""
    import seaborn as sns

    table = scored(run, "saturation_index", track)
    shown = [m for m in run.methods if (table["method"] == m.name).any()]
    if not shown:
        return None
    top = max(2.0, min(4.0, float(np.quantile(table["value"], 0.98))))
    edges = np.linspace(0, top, 41)
    rows: list[list[object]] = []
    with style("saturation"):
        figure, axes = new_figure(WIDE * 0.75, 0.7 + 0.78 * len(shown), len(shown), 1, sharex=True)
        for axis, method in zip(axes[:, 0], shown, strict=True):
            values = table.loc[table["method"] == method.name, "value"].clip(upper=top)
            sns.histplot(
                x=values,
                bins=edges,
                ax=axis,
                color=strokes[method.name].marker,
                alpha=0.75,
                linewidth=0,
            )
            counts, _ = np.histogram(values, edges)
            rows += [
                [method.name, *map(float, ends), int(n)] for *ends, n in zip(edges, edges[1:], counts, strict=False)
            ]
            tidy(axis)
            axis.axvline(1, color=INK, linewidth=1, linestyle=(0, (3, 2)))
            axis.plot([float(values.median())], [0], marker="^", markersize=6, color=INK, clip_on=False, zorder=5)
            axis.set(ylabel="", yticks=[], xlim=(0, top))
            axis.spines["left"].set_visible(False)
            axis.set_title(_short(run.label(method.name), 60), loc="left", fontsize=8.5)
        axes[-1, 0].set_xlabel("movement of intensity / true movement, per clip")
        caption = (
            f"Standard deviation of judged intensity over that of the truth, per clip, {track} reference image (right "
            f"edge: {top:.1f} and more). Dashed: 1, as much movement as the truth. Triangle: median. Near 0: frozen."
        )
        csv = table_csv(["method", "from", "to", "clips"], rows)
        return finish(figure, "saturation", "Saturation of intensity", caption, csv)


def leakage(run: Run, track: str, strokes: dict[str, Stroke]) -> Plot | None:
    """Leakage of the reference image's emotion into the result, by that emotion (by the voice's if it is unknown)."""
    table = scored(run, "reference_leakage", track)
    shown = [m for m in run.methods if (table["method"] == m.name).any()]
    if not shown:
        return None
    journal = run.journal
    keys = zip(table["method"].astype(str), table["clip"].astype(str), strict=True)
    rows = [journal.get((method, track, clip)) for method, clip in keys]
    sources = [row.reference_emotion if row else None for row in rows]
    known = any(sources)
    table = table.assign(group=pd.Series(sources, table.index, dtype=object) if known else table["emotion"].astype(str))
    table = table.dropna(subset=["group"])
    means = table.groupby(["method", "group"])["value"].mean()
    groups = [e for e in EMOTIONS if e in set(table["group"])] + sorted(set(table["group"]) - set(EMOTIONS))
    with style("leakage"):
        figure, axes = new_figure(WIDE, 2.9)
        axis = axes[0, 0]
        width = 0.84 / len(shown)
        for i, method in enumerate(shown):
            heights = [float(means.get((method.name, group), np.nan)) for group in groups]
            x = np.arange(len(groups)) + (i - (len(shown) - 1) / 2) * width
            axis.bar(x, heights, width * 0.92, color=strokes[method.name].marker, label=run.label(method.name))
        axis.axhline(0, color=INK, linewidth=0.8)
        axis.set_xticks(np.arange(len(groups)), [_short(g, 14) for g in groups])
        axis.set_ylabel("leakage")
        _legend(figure, [axis])
        by = (
            "the reference image's emotion" if known else "the voice's emotion (the run did not record the reference's)"
        )
        caption = (
            "How much more often a clip is judged to show its reference image's emotion than with a neutral reference, "
            f"by {by}. 0: the picture's expression leaves no trace."
        )
        bars = [[m.name, g, float(means.get((m.name, g), np.nan))] for m in shown for g in groups]
        csv = table_csv(["method", "emotion", "leakage"], bars)
        return finish(figure, "leakage", "Leakage of the reference image's emotion", caption, csv)
