"""What the side-by-side player needs, as plain data: links, traces, values, in columns over the clips."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eap.constants import FPS
from metrics.rundir import ClipInfo, ClipRecord, MethodInfo
from reports.differences import by_method
from reports.facts import MetricFacts, decimals
from reports.links import Links
from reports.packing import Words, column, trace
from reports.plot_style import Stroke
from reports.series import Series
from reports.source import Run, role

WORST = ("intensity", "valence", "arousal")
"""Series with a truth, for which the frame furthest from it is told."""


def worst_frames(series: Series, method: str, track: str, clip: str) -> list[int | None]:
    """For each of `WORST` the frame where a clip is furthest from the truth; None when that is not known."""
    found: list[int | None] = []
    for name in WORST:
        values, truth = series.array(name, method, track, clip), series.truth(track, clip, name)
        if values is None or truth is None:
            found.append(None)
            continue
        length = min(len(values), len(truth))
        error = np.abs(values[:length] - truth[:length])
        found.append(int(np.nanargmax(error)) if np.isfinite(error).any() else None)
    return found


def payload(
    run: Run, facts: dict[str, MetricFacts], series: Series, strokes: dict[str, Stroke], links: Links
) -> dict[str, Any] | None:
    """The player's data, or None when no clip has anything to show.

    `views` has one entry a track, its `rows` one a method; their lists run over the clips. Texts are numbers into
    `words`.
    """
    shown = [c for c in run.clips if any((m.name, t, c.id) in run.journal for m in run.methods for t in run.tracks)]
    if not shown:
        return None
    data = _Data(run, facts, series, links, shown)
    views = [data.view(track) for track in run.tracks]
    return {
        "fps": FPS,
        "base": links.base,
        "tracks": list(run.tracks),
        "worst": _worst_kinds(data, views),
        "main": next((i for i, m in enumerate(run.methods) if m.name == run.main), 0),
        "methods": [_method(m, strokes[m.name]) for m in run.methods],
        "metrics": [
            {"name": m, "title": facts[m].title, "arrow": facts[m].arrow, "digits": n} for m, n in data.digits.items()
        ],
        "clips": {
            "id": [c.id for c in shown],
            "identity": [data.words.number(c.identity) for c in shown],
            "emotion": [data.words.number(c.emotion) for c in shown],
            "level": [c.level for c in shown],
        },
        "views": views,
        "words": data.words.texts,
    }


def _worst_kinds(data: _Data, views: list[dict[str, Any]]) -> list[dict[str, str]]:
    """By what a worst frame can be looked for, and what is said of it; columns of all others are taken out."""
    rows = [row for view in views for row in view["rows"]]
    kept = [i for i in range(len(WORST) + len(data.framed)) if any(row["w"][i] is not None for row in rows)]
    for row in rows:
        row["w"] = [row["w"][i] for i in kept]
    kinds = [{"title": name, "words": f"furthest from the true {name}"} for name in WORST]
    for metric in (data.facts[m] for m in data.framed):
        end = "lowest" if metric.higher_is_better else "highest"
        kinds.append({"title": metric.title, "words": f"at its {end} {metric.title}"})
    return [kinds[i] for i in kept]


def _method(method: MethodInfo, stroke: Stroke) -> dict[str, Any]:
    title, kind = method.title or method.name, role(method)
    return {"name": method.name, "title": title, "role": kind, "color": stroke.index, "dash": stroke.dash}


@dataclass(frozen=True)
class _Data:
    run: Run
    facts: dict[str, MetricFacts]
    series: Series
    links: Links
    clips: list[ClipInfo]
    words: Words = field(default_factory=Words)
    values: dict[tuple[str, str], dict[str, dict[str, float]]] = field(init=False)
    """(metric, track) -> method -> clip -> value."""
    digits: dict[str, int] = field(init=False)
    """Metrics with values per clip -> digits after the point."""
    framed: list[str] = field(init=False)
    """Metrics that have worst frames."""

    def __post_init__(self) -> None:
        tracks = self.run.tracks
        values = {(m, t): by_method(self.run, m, t) for m in self.facts for t in tracks}
        numbers = {
            m: [v for t in tracks for clips in values[m, t].values() for v in clips.values()] for m in self.facts
        }
        known = {metric for metric, _, _ in self.run.worst_at}
        object.__setattr__(
            self, "framed", [m for m, f in self.facts.items() if m in known and f.higher_is_better is not None]
        )
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "digits", {m: decimals(found) for m, found in numbers.items() if found})

    def view(self, track: str) -> dict[str, Any]:
        """One track: reference images, truth, and a row a method."""
        found = [[self.run.journal.get((m.name, track, c.id)) for m in self.run.methods] for c in self.clips]
        references = [
            [self._place(r.reference, f"media/reference/{track}/{c.id}.png") for r in records if r is not None]
            for c, records in zip(self.clips, found, strict=True)
        ]
        shows = [next((r.reference_emotion for r in records if r and r.reference_emotion), "") for records in found]
        return {
            "reference": [next((r for r in places if r), None) for places in references],
            "referenceEmotion": [self.words.number(emotion) for emotion in shows],
            "truth": [trace(self.series.truth(track, c.id)) for c in self.clips],
            "rows": [self._row(m.name, track, [r[i] for r in found]) for i, m in enumerate(self.run.methods)],
        }

    def _row(self, method: str, track: str, records: list[ClipRecord | None]) -> dict[str, Any]:
        """Columns of one letter: media, reason, judged emotion, trace, values by metric, worst frames by kind."""
        ids = [c.id for c in self.clips]
        media = [
            self._place(r.media, f"media/{method}/{track}/{clip}.mp4") if r else None
            for clip, r in zip(ids, records, strict=True)
        ]
        worst = [worst_frames(self.series, method, track, r.clip) if r else [None] * len(WORST) for r in records]
        framed = [self.run.worst_at.get((m, method, track), {}) for m in self.framed]
        known = {m: self.values[m, track].get(method, {}) for m in self.digits}
        return {
            "m": media,
            "r": [self.words.number(_reason(r, m)) for r, m in zip(records, media, strict=True)],
            "j": [self.words.number(r.judged_emotion if r else "") for r in records],
            "t": [trace(self.series.intensity(method, track, r.clip)) if r else "" for r in records],
            "v": [column([known[m].get(r.clip) if r else None for r in records], n) for m, n in self.digits.items()],
            "w": [column([frames[i] for frames in worst]) for i in range(len(WORST))]
            + [column([found.get(r.clip) if r else None for r in records]) for found in framed],
        }

    def _place(self, path: str, usual: str) -> str | int | None:
        """The link to a file; 1 when it lies at its usual place, which the page can spell itself; None when absent."""
        href = self.links.href(path)
        return 1 if href and path == usual else href


def _reason(record: ClipRecord | None, media: str | int | None) -> str:
    """Why there is no video; empty when there is one."""
    if record is None:
        return "not in this run's journal"
    if record.status != "ok":
        return record.reason or "failed without a reason"
    return "" if media else "the video file is not in the run directory"
