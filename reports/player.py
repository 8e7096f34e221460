"""What the side-by-side player needs, as plain data: links, traces, values; packed so that big runs stay small."""

from __future__ import annotations

import base64
import gzip
import json
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from eap.constants import FPS
from reports.differences import by_method
from reports.facts import MetricFacts, decimals
from reports.links import Links
from reports.plot_style import Stroke
from reports.series import Floats, Series
from reports.source import Run, role

TOP = math.sqrt(2.0)
"""The largest intensity that can be packed: valence and arousal both at 1."""
STEPS = 100
UNKNOWN = 101
BASE = 40
"""Code of the first sign: from `(` on, so that JSON has little to escape."""
WORST = ("intensity", "valence", "arousal")
"""Series with a truth, for which the frame furthest from it is told."""


def pack(values: Floats | None) -> str:
    """Intensity (T,) as one sign a frame: steps from the frame before, modulo 102, of levels 0..100 for 0..sqrt(2).

    Level 101 is "not measured". Steps are small where a curve is smooth, so the text compresses well.
    """
    if values is None:
        return ""
    levels = np.where(np.isfinite(values), np.round(np.clip(np.nan_to_num(values), 0, TOP) / TOP * STEPS), UNKNOWN)
    steps: npt.NDArray[np.int64] = np.mod(np.diff(levels.astype(np.int64), prepend=0), UNKNOWN + 1)
    return "".join(chr(BASE + int(step)) for step in steps)


def compress(payload: dict[str, Any]) -> str:
    """The player's data as base64 of gzip of JSON; the same bytes for the same data."""
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode("ascii")


def worst_frames(series: Series, method: str, track: str, clip: str) -> list[int]:
    """For each of `WORST` the frame where a clip is furthest from the truth; -1 when that is not known."""
    found = []
    for name in WORST:
        values, truth = series.array(name, method, track, clip), series.truth(track, clip, name)
        if values is None or truth is None:
            found.append(-1)
            continue
        length = min(len(values), len(truth))
        error = np.abs(values[:length] - truth[:length])
        found.append(int(np.nanargmax(error)) if np.isfinite(error).any() else -1)
    return found


def payload(
    run: Run, facts: dict[str, MetricFacts], series: Series, strokes: dict[str, Stroke], links: Links
) -> dict[str, Any] | None:
    """The player's data, or None when no clip has anything to show."""
    shown = [c for c in run.clips if any((m.name, t, c.id) in run.journal for m in run.methods for t in run.tracks)]
    if not shown:
        return None
    values = {(m, t): by_method(run, m, t) for m in facts for t in run.tracks}
    columns = [m for m in facts if any(values[m, t] for t in run.tracks)]
    digits = {m: _digits(run, values, m) for m in columns}
    # One letter a field in the rows, for there are many: media, reason, judged emotion, trace, values; absent if empty.
    return {
        "fps": FPS,
        "base": links.base,
        "tracks": list(run.tracks),
        "worst": list(WORST),
        "main": next((i for i, m in enumerate(run.methods) if m.name == run.main), 0),
        "methods": [
            {
                "name": m.name,
                "title": m.title or m.name,
                "role": role(m),
                "color": strokes[m.name].index,
                "dash": strokes[m.name].dash,
            }
            for m in run.methods
        ],
        "metrics": [
            {"name": m, "title": facts[m].title, "arrow": facts[m].arrow, "digits": digits[m]} for m in columns
        ],
        "clips": [
            {
                "id": c.id,
                "identity": c.identity,
                "emotion": c.emotion or "",
                "level": c.level,
                "tracks": [_track(run, series, links, values, digits, c.id, t) for t in run.tracks],
            }
            for c in shown
        ],
    }


def _digits(run: Run, values: dict[tuple[str, str], dict[str, dict[str, float]]], metric: str) -> int:
    return decimals([v for t in run.tracks for clips in values[metric, t].values() for v in clips.values()])


def _place(links: Links, path: str, usual: str) -> str | int | None:
    """The link to a file; 1 when it lies at its usual place, which the page can spell itself; None when absent."""
    href = links.href(path)
    return 1 if href and path == usual else href


def _track(
    run: Run,
    series: Series,
    links: Links,
    values: dict[tuple[str, str], dict[str, dict[str, float]]],
    digits: dict[str, int],
    clip: str,
    track: str,
) -> dict[str, Any]:
    records = [run.journal.get((m.name, track, clip)) for m in run.methods]
    place = f"media/reference/{track}/{clip}.png"
    references = [_place(links, r.reference, place) for r in records if r is not None]
    rows: list[dict[str, Any]] = []
    for method, record in zip(run.methods, records, strict=True):
        if record is None:
            rows.append({"r": "not in this run's journal"})
            continue
        numbers = [values[m, track].get(method.name, {}).get(clip) for m in digits]
        media = _place(links, record.media, f"media/{method.name}/{track}/{clip}.mp4")
        absent = "" if media else "the video file is not in the run directory"
        reason = (record.reason or "failed without a reason") if record.status != "ok" else absent
        row = {
            "m": media,
            "r": reason,
            "j": record.judged_emotion,
            "t": pack(series.intensity(method.name, track, clip)),
            "v": [None if v is None else round(v, digits[m]) for m, v in zip(digits, numbers, strict=True)],
            "w": worst_frames(series, method.name, track, clip),
        }
        rows.append({key: value for key, value in row.items() if value and value != [-1] * len(WORST)})
    return {
        "reference": next((r for r in references if r), None),
        "referenceEmotion": next((r.reference_emotion for r in records if r and r.reference_emotion), ""),
        "truth": pack(series.truth(track, clip)),
        "rows": rows,
    }
