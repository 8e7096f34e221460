"""The page of a history: one plot a metric with intervals, the moves with their bisect hints, from disk, no scripts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from benchmarks.history import History, Move, Track
from benchmarks.regression.outputs.words import number
from benchmarks.regression.verdict import State
from eap.files import atomic_write, write_json

TEMPLATE = Path(__file__).parent / "regression" / "history.html"

WIDTH, HEIGHT = 460, 210
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 12, 34
COLOURS = 7
"""Colours of the page: --m0 .. --m6."""


@dataclass(frozen=True)
class Plot:
    """One metric as the template shows it."""

    title: str
    direction: str
    svg: str
    rows: tuple[tuple[str, ...], ...]
    """The same figures as a table: run, row, value, interval, clips."""


def write_page(history: History, folder: Path) -> Path:
    """Write index.html and history.json into ``folder``; the path of the page. Same history, same bytes."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    names = [track.method for track in history.tracks]
    methods = list(dict.fromkeys(names))
    text = template.render(
        history=history,
        runs=[(index + 1, run.commit[:12], run.finished, run.source) for index, run in enumerate(history.runs)],
        legend=[(name, index % COLOURS) for index, name in enumerate(methods)],
        tracks=list(dict.fromkeys(track.track for track in history.tracks)),
        moves=[_move_row(move, history) for move in history.moves],
        plots=[_plot(metric, history, methods) for metric in dict.fromkeys(track.metric for track in history.tracks)],
    )
    with atomic_write(folder / "index.html", "w") as stream:
        stream.write(text)
    write_json(folder / "history.json", history.to_json())
    return folder / "index.html"


def _move_row(move: Move, history: History) -> dict[str, object]:
    first, second = history.runs[move.first], history.runs[move.second]
    count = "" if move.commits is None else f" ({move.commits} commit{'s' if move.commits != 1 else ''})"
    return {
        "state": move.state.value,
        "regressed": move.state is State.REGRESSED,
        "where": f"{move.metric} of {move.method}/{move.track}",
        "runs": f"{move.first + 1} → {move.second + 1}",
        "commits": f"{first.commit[:12] or 'unknown'} → {second.commit[:12] or 'unknown'}{count}",
        "change": f"{number(move.worse)} [{number(move.worse_low)}, {number(move.worse_high)}]",
        "floor": number(move.floor),
        "drift": move.drift,
        "bisect": "\n".join(move.bisect),
    }


def _plot(metric: str, history: History, methods: Sequence[str]) -> Plot:
    mine = [track for track in history.tracks if track.metric == metric]
    last = mine[-1]
    if last.higher_is_better is not None:
        direction = "higher is better" if last.higher_is_better else "lower is better"
    else:
        direction = "" if last.target is None else f"best at {number(last.target)}"
    rows = tuple(
        (
            str(point.run + 1), f"{track.method}/{track.track}", number(point.value),
            f"[{number(point.ci_low)}, {number(point.ci_high)}]", f"{point.scored}/{point.expected}",
        )
        for track in mine for point in track.points
    )  # fmt: skip
    title = f"{metric} ({last.unit})" if last.unit else metric
    return Plot(title, direction, draw(mine, history, methods), rows)


def draw(tracks: Sequence[Track], history: History, methods: Sequence[str]) -> str:
    """One metric as SVG: a line a row and track (dashed from the second track on), whiskers, marks where it moved."""
    scale = _Scale.of(tracks, len(history.runs))
    parts = [_frame(scale, history)]
    names = list(dict.fromkeys(track.track for track in history.tracks))
    for track in tracks:
        colour = f"var(--m{methods.index(track.method) % COLOURS})"
        # Lines of one run overlap: each row stands a little aside.
        aside = 3.0 * (tracks.index(track) - (len(tracks) - 1) / 2)
        dash = ' stroke-dasharray="5 3"' if names.index(track.track) else ""
        shown = [point for point in track.points if math.isfinite(point.value)]
        where = [(scale.x(point.run) + aside, scale.y(point.value)) for point in shown]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in where)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.6"{dash}/>')
        for point, (x, y) in zip(shown, where, strict=True):
            if math.isfinite(point.ci_low) and math.isfinite(point.ci_high):
                low, high = scale.y(point.ci_low), scale.y(point.ci_high)
                whisker = f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}" stroke="{colour}"'
                parts.append(f'{whisker} stroke-opacity=".45"/>')
            hint = escape(f"run {point.run + 1}, {track.method}/{track.track}: {number(point.value)}")
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="{colour}"><title>{hint}</title></circle>')
        parts += [_mark(move, track, scale, aside) for move in history.moves if _is_of(move, track)]
    metric = escape(tracks[0].metric)
    head = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{metric} over {len(history.runs)} runs">'
    return head + "".join(parts) + "</svg>"


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float
    runs: int

    @classmethod
    def of(cls, tracks: Sequence[Track], runs: int) -> _Scale:
        values = [v for t in tracks for p in t.points for v in (p.value, p.ci_low, p.ci_high) if math.isfinite(v)]
        low, high = (min(values), max(values)) if values else (0.0, 1.0)
        margin = 0.08 * (high - low) or max(abs(high), 1.0) * 0.05
        return cls(low - margin, high + margin, runs)

    def x(self, run: int) -> float:
        """Pixels from the left of run number ``run``."""
        room = WIDTH - LEFT - RIGHT
        return LEFT + room * (run + 0.5) / self.runs

    def y(self, value: float) -> float:
        """Pixels from the top."""
        return TOP + (HEIGHT - TOP - BOTTOM) * (self.high - value) / (self.high - self.low)


def _frame(scale: _Scale, history: History) -> str:
    parts = []
    for value in ticks(scale.low, scale.high):
        y = scale.y(value)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="var(--grid)"/>')
        label = f"{value:.4g}"
        parts.append(f'<text x="{LEFT - 6}" y="{y + 3.5:.1f}" text-anchor="end">{label}</text>')
    every = max(1, math.ceil(len(history.runs) / 6))
    for index, run in enumerate(history.runs):
        if index % every == 0:
            x = scale.x(index)
            parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 18}" text-anchor="middle">{index + 1}</text>')
            commit = escape(run.commit[:7])
            parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 5}" text-anchor="middle" class="c">{commit}</text>')
    return "".join(parts)


def ticks(low: float, high: float) -> list[float]:
    """Three to six round values between low and high."""
    step = 10.0 ** math.floor(math.log10((high - low) / 3))
    step *= next(times for times in (5, 2, 1) if (high - low) / (step * times) >= 3 or times == 1)
    first = math.ceil(low / step)
    return [index * step for index in range(first, math.floor(high / step) + 1)]


def _is_of(move: Move, track: Track) -> bool:
    return (move.metric, move.method, move.track) == (track.metric, track.method, track.track)


def _mark(move: Move, track: Track, scale: _Scale, aside: float) -> str:
    value = next((point.value for point in track.points if point.run == move.second), math.nan)
    if not math.isfinite(value):
        return ""
    bad = move.state is State.REGRESSED
    x, y = scale.x(move.second) + aside, scale.y(value)
    shape = f"M{x - 5:.1f},{y - 13:.1f}h10l-5,8z" if bad else f"M{x - 5:.1f},{y + 13:.1f}h10l-5,-8z"
    hint = escape(f"{move.state} between runs {move.first + 1} and {move.second + 1}{' (drift)' if move.drift else ''}")
    return f'<path d="{shape}" fill="var(--{"bad" if bad else "good"})"><title>{hint}</title></path>'
