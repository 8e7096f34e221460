"""The figures of a run. Each function gives a `Plot`, or None when the run lacks what it shows."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from eap.constants import FPS
from reports.differences import scored
from reports.figures import table_csv
from reports.plot_style import INK, TRUTH, WIDE, Plot, Stroke, finish, legend, new_figure, short, style, tidy
from reports.series import Floats, Series
from reports.source import Run, role


def plots(
    run: Run, series: Series, strokes: dict[str, Stroke], videos: Callable[[str], Path | None] | None = None
) -> tuple[Plot, ...]:
    """All figures this run has data for, in the page's order; `videos` finds the file of a journal path."""
    from reports.judged import confusions, leakage
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
        names = sum(role(m) != "ceiling" for m in run.methods) + 1
        height = 0.25 + 1.55 * rows + 0.15 * math.ceil(names / 3)
        figure, axes = new_figure(WIDE, height, rows, columns, sharey=True)
        for axis, clip in zip(axes.flat, clips, strict=False):
            _intensity_axis(axis, run, series, track, clip, strokes)
        for axis in list(axes.flat)[len(clips) :]:
            axis.set_visible(False)
        for i, axis in enumerate(axes.flat):
            below = i + columns < len(clips)
            axis.set_xlabel("" if below else "seconds")
            axis.set_ylabel("intensity r" if i % columns == 0 else "")
        axes[0, 0].set_ylim(0, 1.06 * max(axis.dataLim.y1 for axis in axes.flat))
        legend(figure, list(axes.flat))
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
    from matplotlib.ticker import MaxNLocator

    truth = series.truth(track, clip)
    if truth is not None:
        _line(axis, truth, "truth", color=TRUTH, linewidth=3, alpha=0.35)
    for method in run.methods:
        values = series.intensity(method.name, track, clip)
        if values is None or role(method) == "ceiling":
            continue
        stroke = strokes[method.name]
        width = 0.8 if role(method) == "floor" else 1.2
        _line(axis, values, run.label(method.name), color=stroke.marker, linestyle=stroke.style, linewidth=width)
    info = run.clip_info.get(clip)
    words = f"{info.emotion}, level {info.level}, {info.identity}" if info and info.emotion else clip
    axis.set_title(short(words, 34), loc="left")
    axis.xaxis.set_major_locator(MaxNLocator(4))
    axis.margins(x=0)


def _line(axis: Any, values: Floats, label: str, **look: Any) -> None:
    """A series (T,) over time, broken where frames were not measured."""
    import seaborn as sns

    known = np.isfinite(values)
    if not known.any():
        return
    before = len(axis.lines)
    if known.sum() == 1:
        look |= {"marker": "o", "markersize": 3, "markeredgewidth": 0}  # one frame is no line
    parts = np.cumsum(~known)[known]  # frames of one unbroken part share a number
    sns.lineplot(
        x=np.arange(len(values))[known] / FPS, y=values[known], units=parts, estimator=None, sort=False, legend=False,
        ax=axis, **look,
    )  # fmt: skip
    axis.lines[before].set_label(label)


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
        figure, axes = new_figure(WIDE * 0.75, 0.55 + 0.6 * len(shown), len(shown), 1, sharex=True)
        for axis, method in zip(axes[:, 0], shown, strict=True):
            values = table.loc[table["method"] == method.name, "value"].clip(upper=top)
            colour = strokes[method.name].marker
            sns.histplot(x=values, bins=edges, ax=axis, color=colour, alpha=0.75, linewidth=0)
            counts, _ = np.histogram(values, edges)
            rows += [
                [method.name, *map(float, ends), int(n)] for *ends, n in zip(edges, edges[1:], counts, strict=False)
            ]
            tidy(axis)
            axis.axvline(1, color=INK, linewidth=1, linestyle=(0, (3, 2)))
            axis.plot([float(values.median())], [0], marker="^", markersize=5, color=INK, clip_on=False, zorder=5)
            axis.set(ylabel="", yticks=[], xlim=(0, top))
            axis.spines["left"].set_visible(False)
            axis.set_title(short(run.label(method.name), 60), loc="left", fontsize=8)
        axes[-1, 0].set_xlabel("movement of intensity / true movement, per clip")
        caption = (
            f"Standard deviation of judged intensity over that of the truth, per clip, {track} reference image (right "
            f"edge: {top:.1f} and more). Dashed: 1, as much movement as the truth. Triangle: median. Near 0: frozen."
        )
        csv = table_csv(["method", "from", "to", "clips"], rows)
        return finish(figure, "saturation", "Saturation of intensity", caption, csv)
