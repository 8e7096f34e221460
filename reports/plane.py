"""The valence-arousal plane: where each method's clips lie, by emotion, and where the truth lies."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from eap.constants import EMOTIONS
from reports.figures import table_csv
from reports.plot_style import FAINT, PALETTE, WIDE, Plot, Stroke, finish, legend, new_figure, short, style
from reports.series import Series
from reports.source import Run, role
from reports.tables import COMPETING

DOTS = 12
"""Clips of one emotion drawn as dots in one panel; the means are of all."""
FRAME = 1.95
"""Largest width of a panel's plane in inches."""
_PAIR = ("valence", "arousal")
_TRUE = ("valence_true", "arousal_true")
Point = tuple[float, float]


def plane(run: Run, track: str) -> Plot | None:
    """Mean valence and arousal of each clip by the voice's emotion; rings are the anchors: the truth's mean."""
    means = Series(run).clip_means([*_PAIR, *_TRUE], track).dropna(subset=list(_PAIR), how="any")
    if means.empty:
        return None
    emotions = {c.id: c.emotion for c in run.clips}
    table = means.reset_index()
    table = table.assign(emotion=table["clip"].astype(str).map(emotions)).dropna(subset=["emotion"])
    shown = [m.name for m in run.methods if role(m) in ("ceiling", *COMPETING) and (table["method"] == m.name).any()]
    names = [e for e in EMOTIONS if (table["emotion"] == e).any()]
    names += sorted(set(table["emotion"]) - set(names))
    if not shown:
        return None
    anchors = _anchors(run, track, emotions)
    with style("plane"):
        figure, written = _draw(run, table, shown, names, anchors)
        kind = "the truth's mean" if run.info.world == "embedded" else "the mean read from the true videos"
        ring = f"Rings: {kind} of each emotion; lines lead from it to the method's mean. " if anchors else ""
        caption = (
            f"Judged valence and arousal, {track} reference image: dots are clips (at most {DOTS} an emotion), crosses "
            f"their mean over all clips by the voice's emotion. {ring}A method whose crosses gather in the middle "
            "shows little emotion, whatever it is asked for."
        )
        head = ["method", "emotion", "clips", "valence", "arousal", "anchor_valence", "anchor_arousal"]
        csv = table_csv(head, [line for line in written if line[2]])
        return finish(figure, "plane", "Valence and arousal", caption, csv)


def _anchors(run: Run, track: str, emotions: dict[str, str | None]) -> dict[str, Point]:
    """Emotion -> mean true valence and arousal; from the judge's reading of the truth where no exact one is known."""
    series = Series(run)
    means = series.clip_means(_TRUE, track).dropna()
    if means.empty:
        top = run.named("ceiling")
        means = series.clip_means(_PAIR, track).dropna()
        means = means[means.index.get_level_values("method").isin(top)]
    if means.empty:
        return {}
    clips = means.groupby(level="clip").first()
    by = clips.groupby([emotions.get(str(c)) or "" for c in clips.index]).mean()
    return {str(e): (float(v), float(a)) for e, (v, a) in zip(by.index, by.to_numpy(), strict=True) if e}


def _draw(
    run: Run, table: pd.DataFrame, shown: list[str], names: list[str], anchors: dict[str, Point]
) -> tuple[Any, list[list[object]]]:
    from matplotlib.ticker import MaxNLocator

    (left, right), (low, high) = _limits(table, list(anchors.values()))
    columns = min(3, len(shown))
    rows = math.ceil(len(shown) / columns)
    panel = min(FRAME * (high - low) / (right - left), 2.6)
    uneven = 0.35 if len(shown) > columns and len(shown) % columns else 0.0  # an axis is named in the middle, too
    height = 0.35 + (panel + 0.3) * rows + uneven + 0.16 * math.ceil(len(names) / 4)
    figure, axes = new_figure(WIDE, height, rows, columns, sharex=True, sharey=True)
    written: list[list[object]] = []
    words = _placed(anchors, names, FRAME * 72 / (right - left), left)
    for i, (axis, method) in enumerate(zip(axes.flat, shown, strict=False)):
        axis.set_title(short(run.label(method), 32), loc="left", fontsize=7.5)
        axis.set(xlim=(left, right), ylim=(low, high), aspect="equal")
        for line in (axis.axhline, axis.axvline):
            line(0, color=FAINT, linewidth=0.7, zorder=0)
        mine = table[table["method"] == method]
        for index, emotion in enumerate(names):
            clips = mine[mine["emotion"] == emotion]
            written.append(_emotion(axis, clips, method, emotion, Stroke(index % len(PALETTE), 0).marker, anchors))
        for emotion, place in words.items():
            _word(axis, emotion, anchors[emotion], place, Stroke(names.index(emotion) % len(PALETTE), 0).marker)
        axis.set_ylabel("arousal" if i % columns == 0 else "")
        axis.set_xlabel("valence" if i + columns >= len(shown) else "")
        axis.tick_params(labelbottom=i + columns >= len(shown))
        axis.xaxis.label.set_visible(True)  # shared axes hide it above a place that stays empty
        axis.xaxis.set_major_locator(MaxNLocator(4))
    for axis in list(axes.flat)[len(shown) :]:
        axis.set_visible(False)
    legend(figure, list(axes.flat), columns=4)
    return figure, written


def _limits(table: pd.DataFrame, anchors: list[Point]) -> tuple[Point, Point]:
    """Where everything that is drawn lies, with a margin; the origin is always inside."""
    ends = []
    for axis, name in enumerate(_PAIR):
        values = [*table[name].astype(float), *(a[axis] for a in anchors), -0.25, 0.25]
        kept = [v for v in values if math.isfinite(v)]
        margin = 0.08 * (max(kept) - min(kept))
        ends.append((min(kept) - margin, max(kept) + margin))
    return ends[0], ends[1]


def _emotion(
    axis: Any, clips: pd.DataFrame, method: str, emotion: str, colour: str, anchors: dict[str, Point]
) -> list[object]:
    import seaborn as sns

    anchor = anchors.get(emotion, (math.nan, math.nan))
    if clips.empty:
        return [method, emotion, 0, math.nan, math.nan, *anchor]
    x, y = (clips[name].to_numpy(np.float64) for name in _PAIR)
    sns.scatterplot(x=x[:DOTS], y=y[:DOTS], color=colour, alpha=0.35, s=7, linewidth=0, legend=False, ax=axis)
    centre = float(x.mean()), float(y.mean())
    if emotion in anchors:
        axis.plot(*zip(anchor, centre, strict=True), color=colour, linewidth=0.8, alpha=0.7)
        axis.plot(*anchor, "o", markersize=6.5, markerfacecolor="none", markeredgecolor=colour, markeredgewidth=1.2)
    axis.plot(*centre, "P", markersize=4.5, color=colour, markeredgewidth=0, label=short(emotion, 14))
    return [method, emotion, len(clips), *centre, *anchor]


def _placed(anchors: dict[str, Point], names: list[str], points: float, left: float) -> dict[str, str]:
    """Emotion -> side of its ring where its name has room; the legend has the others.

    `points` are points a unit, `left` is where the panel begins.
    """
    sides = ("above", "left", "right", "below")
    rings = [(x * points - 5, y * points - 5, x * points + 5, y * points + 5) for x, y in anchors.values()]
    taken: list[tuple[float, ...]] = []
    found: dict[str, str] = {}
    for emotion in (n for n in names if n in anchors):
        x, y = (v * points for v in anchors[emotion])
        own = (x - 5, y - 5, x + 5, y + 5)
        for side in sides:
            box = _box(side, x, y, 3.6 * min(len(emotion), 14))
            free = not any(_meet(box, other) for other in [*taken, *(r for r in rings if r != own)])
            if free and box[0] > left * points:
                taken.append(box)
                found[emotion] = side
                break
    return found


def _box(side: str, x: float, y: float, wide: float) -> tuple[float, float, float, float]:
    if side in ("above", "below"):
        base = y + 5 if side == "above" else y - 13
        return x - wide / 2, base, x + wide / 2, base + 8
    start = x - 6 - wide if side == "left" else x + 6
    return start, y - 4, start + wide, y + 4


def _meet(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _word(axis: Any, emotion: str, anchor: Point, side: str, colour: str) -> None:
    offset, across, along = {
        "above": ((0, 5), "center", "bottom"), "below": ((0, -5), "center", "top"),
        "left": ((-6, 0), "right", "center"), "right": ((6, 0), "left", "center"),
    }[side]  # fmt: skip
    axis.annotate(
        short(emotion, 14), anchor, offset, textcoords="offset points", ha=across, va=along, fontsize=6.5, color=colour,
        annotation_clip=False,
    )  # fmt: skip
