"""The valence-arousal plane: where each method's clips lie, by emotion, and where the truth lies."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from eap.constants import EMOTIONS
from reports.figures import table_csv
from reports.plot_style import FAINT, INK, PALETTE, Plot, Stroke, finish, new_figure, style
from reports.series import Series
from reports.source import Run, role
from reports.tables import COMPETING

WIDE = 9.6
DOTS = 12
"""Clips of one emotion drawn as dots in one panel; the means are of all."""
_PAIR = ("valence", "arousal")
_TRUE = ("valence_true", "arousal_true")


def plane(run: Run, track: str) -> Plot | None:
    """Mean valence and arousal of each clip by the voice's emotion; rings are the anchors: the truth's mean."""
    means = Series(run).clip_means([*_PAIR, *_TRUE], track).dropna(subset=list(_PAIR), how="any")
    if means.empty:
        return None
    emotions = {c.id: c.emotion for c in run.clips}
    table = means.reset_index()
    table = table.assign(emotion=table["clip"].astype(str).map(emotions)).dropna(subset=["emotion"])
    shown = [m for m in run.methods if role(m) in ("ceiling", *COMPETING) and (table["method"] == m.name).any()]
    names = [e for e in EMOTIONS if (table["emotion"] == e).any()]
    names += sorted(set(table["emotion"]) - set(names))
    if not shown:
        return None
    anchors = _anchors(run, track, emotions)
    with style("plane"):
        columns = min(3, len(shown))
        rows = math.ceil(len(shown) / columns)
        figure, axes = new_figure(WIDE, 0.4 + 3.1 * rows, rows, columns, sharex=True, sharey=True)
        written: list[list[object]] = []
        for axis, method in zip(axes.flat, shown, strict=False):
            axis.set_title(_short(run.label(method.name)), loc="left")
            mine = table[table["method"] == method.name]
            for i, emotion in enumerate(names):
                written.append(_emotion(axis, mine[mine["emotion"] == emotion], method.name, emotion, i, anchors))
        for axis in list(axes.flat)[len(shown) :]:
            axis.set_visible(False)
        _frame(axes)
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


def _anchors(run: Run, track: str, emotions: dict[str, str | None]) -> dict[str, tuple[float, float]]:
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


def _emotion(
    axis: Any, clips: pd.DataFrame, method: str, emotion: str, index: int, anchors: dict[str, tuple[float, float]]
) -> list[object]:
    colour = Stroke(index % len(PALETTE), 0).marker
    anchor = anchors.get(emotion, (math.nan, math.nan))
    if clips.empty:
        return [method, emotion, 0, math.nan, math.nan, *anchor]
    x, y = (clips[name].to_numpy(np.float64) for name in _PAIR)
    axis.plot(x[:DOTS], y[:DOTS], ".", color=colour, alpha=0.35, markersize=4, markeredgewidth=0)
    centre = float(x.mean()), float(y.mean())
    if emotion in anchors:
        axis.plot(*zip(anchor, centre, strict=True), color=colour, linewidth=0.9, alpha=0.7)
        axis.plot(*anchor, "o", markersize=9, markerfacecolor="none", markeredgecolor=colour, markeredgewidth=1.4)
    axis.plot(*centre, "P", markersize=5.5, color=colour, markeredgewidth=0)
    at = anchor if emotion in anchors else centre
    below = at[1] < 0
    axis.annotate(
        emotion, at, (0, -8 if below else 8), textcoords="offset points", ha="center",
        va="top" if below else "bottom", fontsize=7, color=colour,
    )  # fmt: skip
    return [method, emotion, len(clips), *centre, *anchor]


def _frame(axes: Any) -> None:
    reach = max(0.7, *(abs(v) for axis in axes.flat for v in (*axis.dataLim.intervalx, *axis.dataLim.intervaly)
                       if math.isfinite(v)))  # fmt: skip
    for axis in axes.flat:
        axis.axhline(0, color=FAINT, linewidth=0.8, zorder=0)
        axis.axvline(0, color=FAINT, linewidth=0.8, zorder=0)
        axis.set(xlim=(-1.12 * reach, 1.12 * reach), ylim=(-1.12 * reach, 1.12 * reach), aspect="equal")
    for axis in axes[-1, :]:
        axis.set_xlabel("valence", color=INK)
    for axis in axes[:, 0]:
        axis.set_ylabel("arousal", color=INK)


def _short(text: str, most: int = 32) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
