"""Figures made of frames: reference image to ANT to EAP for every emotion, and strips of one clip over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eap.constants import EMOTIONS, FPS
from eap.errors import EapError
from metrics.rundir import ClipRecord
from reports.figures import table_csv
from reports.plot_style import INK, WIDE, Plot, finish, new_figure, style
from reports.series import Series
from reports.source import MAIN_METHOD, Run, role

Pixels = npt.NDArray[np.uint8]
Find = Callable[[str], Path | None]
"""The file of a journal path, or None when it is absent or outside the run."""

SIDE = 128
"""Largest side of a picture in a figure, in pixels: enough for print at this size, small enough for a page."""
STRIP = 8
NAMES = 1.1
"""Inches for the names of the rows."""
NEUTRAL_TALKER = "ant"


def neutralization_grid(run: Run, track: str, find: Find) -> Plot | None:
    """For each source emotion: the reference image, ANT's frame (neutralized) and EAP's frame; None without media."""
    chosen = _one_per_emotion(run, track, find)
    if not chosen:
        return None
    part = run.main.removeprefix(MAIN_METHOD) if run.main.startswith(MAIN_METHOD) else ""
    wanted = (NEUTRAL_TALKER + part, run.main, *run.named("ablation"))
    names = [n for n in wanted if n in {m.name for m in run.methods} and n.endswith(part)]
    names = [n for n in names if any((n, track, r.clip) in run.journal for r in chosen.values())][:4]
    rows: list[tuple[str, list[Pixels | None]]] = [
        ("reference image", [_image(find(r.reference)) for r in chosen.values()])
    ]
    for name in names:
        records = [run.journal.get((name, track, r.clip)) for r in chosen.values()]
        rows.append((run.label(name), [_middle(find(r.media)) if r else None for r in records]))
    if not any(p is not None for _, line in rows[1:] for p in line):
        return None
    with style("neutralization"):
        heads = [f"{e}\n{r.emotion or '?'}" for e, r in chosen.items()]
        figure = _grid(rows, heads, "picture:\nvoice:")
        caption = (
            f"Frames from the middle of one clip for each emotion of the reference image ({track} reference), under "
            "the emotion of the picture and that of the voice. ANT should show no emotion, EAP that of the voice; what "
            "is left of the picture’s expression is leakage."
        )
        csv = table_csv(
            ["source_emotion", "voice_emotion", "identity", "clip", "reference", *names],
            [[e, r.emotion or "", r.identity, r.clip, r.reference, *(_media(run, n, track, r.clip) for n in names)]
             for e, r in chosen.items()],
        )  # fmt: skip
        return finish(figure, "neutralization", "Neutralization grid", caption, csv)


def _one_per_emotion(run: Run, track: str, find: Find) -> dict[str, ClipRecord]:
    """Source emotion -> the first record of EAP (or the first method) with it whose picture and video are there."""
    records = [r for r in run.records if r.method == run.main and r.track == track and r.status == "ok"]
    found: dict[str, ClipRecord] = {}
    # A voice of another emotion than the picture's shows the most; clips are otherwise taken in the run's order.
    for record in sorted(records, key=lambda r: r.emotion == r.reference_emotion):
        emotion = record.reference_emotion
        if emotion and emotion not in found and find(record.reference) and find(record.media):
            found[emotion] = record
    order = [e for e in EMOTIONS if e in found] + sorted(set(found) - set(EMOTIONS))
    return {e: found[e] for e in order}


def strips(run: Run, series: Series, track: str, find: Find) -> Plot | None:
    """Eight frames of the clip whose truth moves most, for every method; None without media."""
    clip = next((c for c in series.telling_clips(track, 8) if _has_media(run, track, c, find)), None)
    if clip is None:
        return None
    rows: list[tuple[str, list[Pixels | None]]] = []
    at: list[int] = []
    for method in run.methods:
        record = run.journal.get((method.name, track, clip))
        path = find(record.media) if record else None
        if path is None or role(method) == "floor":
            continue
        frames, places = _spread(path, STRIP)
        if frames:
            rows.append((run.label(method.name), [*frames, *([None] * (STRIP - len(frames)))]))
            at = places if len(places) > len(at) else at
    if not rows:
        return None
    truth = series.truth(track, clip)
    heads = [f"{i / FPS:.2f} s" + (f"\n{truth[i]:.2f}" if truth is not None and i < len(truth) else "") for i in at]
    info = run.clip_info.get(clip)
    with style("strips"):
        figure = _grid(rows, heads, "time:" + ("\ntrue r:" if truth is not None and series.exact else "\nr:"))
        words = f"{info.identity}, {info.emotion}, level {info.level}" if info and info.emotion else clip
        kind = "true intensity" if series.exact else "intensity read from the true video"
        caption = (
            f"Frames at equal distances of one clip ({words}; {track} reference image), under its time and {kind} r."
        )
        csv = table_csv(["clip", "frame", "seconds"], [[clip, i, i / FPS] for i in at])
        return finish(figure, "strips", "Frame strips", caption, csv)


def _has_media(run: Run, track: str, clip: str, find: Find) -> bool:
    record = run.journal.get((run.main, track, clip))
    return record is not None and find(record.media) is not None


def _media(run: Run, method: str, track: str, clip: str) -> str:
    record = run.journal.get((method, track, clip))
    return record.media if record else ""


def _grid(rows: Sequence[tuple[str, list[Pixels | None]]], heads: Sequence[str], corner: str) -> Any:
    """Pictures in rows; `corner` names the lines of the heads, which stand over the columns."""
    wide = len(heads)
    side = min(0.92, (WIDE - NAMES) / wide)
    figure, axes = new_figure(NAMES + side * wide, 0.32 + side * len(rows), len(rows), wide)
    figure.set_layout_engine("constrained", w_pad=0.015, h_pad=0.015, wspace=0.01, hspace=0.01)
    for i, (title, pictures) in enumerate(rows):
        for j, axis in enumerate(axes[i]):
            picture = pictures[j] if j < len(pictures) else None
            for spine in axis.spines.values():
                spine.set_visible(False)
            axis.set(xticks=[], yticks=[])
            if picture is not None:
                axis.imshow(picture, interpolation="none")
            else:
                axis.text(0.5, 0.5, "missing", ha="center", va="center", color=INK, transform=axis.transAxes)
            if i == 0:
                axis.set_title(heads[j], fontsize=7, color=INK, pad=3)
        axes[i][0].set_ylabel(_wrapped(title), rotation=0, ha="right", va="center", labelpad=5, fontsize=7.5, color=INK)
    axes[0][0].annotate(
        corner, (0, 1), (-5, 1), xycoords="axes fraction", textcoords="offset points", ha="right", va="bottom",
        fontsize=7, color=INK,
    )  # fmt: skip
    return figure


def _wrapped(text: str, width: int = 17) -> str:
    from textwrap import fill

    return fill(text, width, break_on_hyphens=False)


def _image(path: Path | None) -> Pixels | None:
    if path is None:
        return None
    from eap.media import read_image

    try:
        return _small(read_image(path))
    except EapError:
        return None  # the player says what is wrong with the file


def _middle(path: Path | None) -> Pixels | None:
    frames, _ = _spread(path, 1) if path else ([], [])
    return frames[0] if frames else None


def _spread(path: Path, count: int) -> tuple[list[Pixels], list[int]]:
    """`count` frames at the middles of equal parts of a video, with their indices; none when it cannot be read."""
    from eap.media import read_frames

    try:
        frames = np.concatenate(list(read_frames(path, fps=None, chunk=32)))
    except (EapError, ValueError):
        return [], []
    at = sorted({int((i + 0.5) * len(frames) / count) for i in range(count)})
    return [_small(frames[i]) for i in at], at


def _small(picture: Pixels) -> Pixels:
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(picture[..., :3]))
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return np.asarray(image, np.uint8)
