"""Run directories made of invented numbers, written with the real writer: pages can be tested without a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eap.constants import EMOTIONS, FPS, RATE
from eap.media import write_image, write_video
from metrics.results import ClipValue, ConfusionCell, FrameSeries, ResultTable, Signature, Value
from metrics.rundir import ClipInfo, ClipRecord, MethodInfo, RunFiles, RunInfo
from metrics.worst_frames import WorstFrame

METHODS = (
    MethodInfo(name="still-image", title="Still image (floor)", kind="floor"),
    MethodInfo(name="eap", title="EAP", kind="model", inputs=("One reference image and the audio.",)),
    MethodInfo(name="no-neutralization", title="EAP without neutralization", kind="ablation"),
    MethodInfo(name="no-intensity", title="EAP without frame-wise intensity", kind="ablation"),
    MethodInfo(name="ant", title="ANT (neutral talker)", kind="model"),
    MethodInfo(name="ground-truth", title="Ground truth (re-encoded)", kind="ceiling"),
)
VIDEO_FRAMES = 40
TRACKS = ("neutral", "emotional")
UNITS: dict[str, tuple[str, bool | None, float | None, str]] = {
    "psnr": ("dB", True, None, "clip-mean"),
    "fid": ("", False, None, "frames"),
    "m_lmd": ("px", False, None, "clip-mean"),
    "lse_d": ("", False, None, "clip-mean"),
    "emotion_accuracy": ("probability", True, None, "clips"),
    "reference_leakage": ("probability", False, None, "clips"),
    "intensity_pcc": ("", True, None, "clip-mean"),
    "saturation_index": ("ratio", None, 1.0, "clip-median"),
}
# Skill in [0, 1] per method: (image, lips, emotion, intensity, leakage).
SKILL = {
    "ground-truth": (1.0, 1.0, 0.97, 1.0, 0.0),
    "eap": (0.6, 0.75, 0.75, 0.8, 0.05),
    "no-neutralization": (0.55, 0.7, 0.35, 0.7, 0.55),
    "no-intensity": (0.6, 0.72, 0.7, 0.15, 0.1),
    "ant": (0.58, 0.75, 0.15, 0.1, 0.02),
    "still-image": (0.5, 0.1, 0.1, 0.0, 0.85),
}


@dataclass(frozen=True)
class Recipe:
    """What the invented run looks like."""

    identities: int = 6
    emotions: Sequence[str] = EMOTIONS
    methods: tuple[MethodInfo, ...] = METHODS
    tracks: tuple[str, ...] = TRACKS
    metrics: tuple[str, ...] = tuple(UNITS)
    frames: int = 40
    world: str = "embedded"
    videos: int = 0
    """For how many clips videos are written (they take time)."""
    failing: frozenset[tuple[str, str]] = frozenset()
    """(method, emotion) that failed."""
    all_failed: bool = False
    skill: dict[str, tuple[float, float, float, float, float]] = field(default_factory=lambda: dict(SKILL))
    suite: str = "mead"
    clip_suffix: str = ""


def write_run(root: Path, recipe: Recipe | None = None) -> Path:
    """Write a whole run directory and return it."""
    recipe = recipe or Recipe()
    files = RunFiles(root)
    clips = [
        ClipInfo(
            id=f"M{2000 + i}_front_{emotion}_3_2{i:02d}{recipe.clip_suffix}",
            identity=f"M{2000 + i}",
            emotion=emotion,
            level=1 if emotion == "neutral" else 3,
            sentence=f"2{i:02d}",
            view="front",
        )
        for i in range(recipe.identities)
        for emotion in recipe.emotions
    ]
    root.mkdir(parents=True, exist_ok=True)
    files.write_info(_info(recipe, tuple(clips)))
    records: list[ClipRecord] = []
    clip_values: list[ClipValue] = []
    series: list[FrameSeries] = []
    judged: dict[tuple[str, str, str, str], int] = {}
    for c, clip in enumerate(clips):
        for track in recipe.tracks:
            for method in recipe.methods:
                record, values, traces = _row(recipe, method.name, track, clip, c)
                records.append(record)
                clip_values += values
                series += traces
                if record.judged_emotion:
                    key = (method.name, track, clip.emotion or "", record.judged_emotion)
                    judged[key] = judged.get(key, 0) + 1
                if c < recipe.videos and record.status == "ok":
                    _media(files, record, c)
    files.journal_path.write_text("".join(record.model_dump_json() + "\n" for record in records))
    confusion = tuple(ConfusionCell(*key, count) for key, count in sorted(judged.items()))
    pooled = tuple(_pooled(recipe, clip_values, len(clips)))
    worst = tuple(w for record in records for w in _worst(recipe, record))
    files.write_tables(ResultTable(pooled, tuple(clip_values), confusion, worst_frames=worst), series)
    return root


def _info(recipe: Recipe, clips: tuple[ClipInfo, ...]) -> RunInfo:
    return RunInfo.model_validate(
        {
            "suite": recipe.suite,
            "protocol": "strict",
            "world": recipe.world,
            "data": "" if recipe.world == "embedded" else "/data/mead",
            "methods": [m.model_dump() for m in recipe.methods],
            "tracks": recipe.tracks,
            "metrics": recipe.metrics,
            "clips": [c.model_dump() for c in clips],
            "commit": "0123456789abcdef",
            "versions": {"eap-bench": "0.1.0", "torch": "2.13.0"},
            "seed": 7,
            "started": "2026-01-02T03:04:05Z",
            "finished": "2026-01-02T03:14:05Z",
            "command": "eap-bench run --suite mead",
            "evaluators": {"emotion-judge": "a" * 64, "landmark-judge": "b" * 64},
            "weights": {"eap": "c" * 64, "ant": "d" * 64, "teacher-face": "e" * 64},
        }
    )


def signature(metric: str) -> Signature:
    """The signature this run gives to a metric."""
    return Signature(metric, (("crop", "frame"), ("pool", UNITS[metric][3]), ("protocol", "strict")))


def _row(
    recipe: Recipe, method: str, track: str, clip: ClipInfo, index: int
) -> tuple[ClipRecord, list[ClipValue], list[FrameSeries]]:
    rng = np.random.default_rng([index, recipe.tracks.index(track), sum(method.encode())])
    reference_emotion = EMOTIONS[(index + 3) % 8] if track == "emotional" else "neutral"
    common: dict[str, Any] = {
        "method": method,
        "track": track,
        "clip": clip.id,
        "identity": clip.identity,
        "emotion": clip.emotion,
        "level": clip.level,
        "reference_emotion": reference_emotion,
    }
    if recipe.all_failed or (method, clip.emotion) in recipe.failing:
        return ClipRecord(**common, status="failed", reason="no face in frame 3"), [], []
    image, lips, emotion, intensity, leak = recipe.skill.get(method, (0.5, 0.5, 0.5, 0.5, 0.2))
    leaks = float(track == "emotional" and rng.random() < leak)
    right = float(rng.random() < emotion) * (1 - leaks)
    judged = clip.emotion if right else (reference_emotion if leaks else EMOTIONS[int(rng.integers(8))])
    truth = true_intensity(recipe.frames, index)
    trace = truth.mean() + (0.1 + 0.9 * intensity) * (truth - truth.mean()) + rng.normal(0, 0.02, len(truth))
    numbers = {
        "psnr": 18 + 14 * image + rng.normal(0, 1),
        "m_lmd": 3.2 - 2.8 * lips + abs(rng.normal(0, 0.2)),
        "lse_d": 11 - 4 * lips + rng.normal(0, 0.4),
        "emotion_accuracy": right,
        "intensity_pcc": min(1.0, intensity + rng.normal(0, 0.06)),
        "saturation_index": max(0.0, (0.1 + 0.9 * intensity) * math.exp(rng.normal(0, 0.15))),
    }
    if track == "emotional":
        numbers["reference_leakage"] = leaks
    values = [
        ClipValue(m, signature(m), method, track, clip.id, clip.identity, clip.emotion, clip.level, float(v))
        for m, v in numbers.items()
        if m in recipe.metrics
    ]
    series = _series(method, track, clip, "", np.clip(trace, 0, 1.4))
    if method == recipe.methods[0].name:
        series += _series(method, track, clip, "_true", truth)
    record = ClipRecord(
        **common,
        status="ok",
        media=f"media/{method}/{track}/{clip.id}.mp4",
        reference=f"media/reference/{track}/{clip.id}.png",
        judged_emotion=judged,
    )
    return record, values, series


def _worst(recipe: Recipe, record: ClipRecord) -> list[WorstFrame]:
    """PSNR is worst early and M-LMD late in a clip; the ceiling has no worst picture."""
    if record.status != "ok":
        return []
    place = sum(record.clip.encode()) % max(recipe.frames // 2, 1)
    frames = {"psnr": place, "m_lmd": recipe.frames - 1 - place}
    return [
        WorstFrame(metric, record.method, record.track, record.clip, frame, 1.0)
        for metric, frame in frames.items()
        if metric in recipe.metrics and (metric, record.method) != ("psnr", "ground-truth")
    ]


def _series(
    method: str, track: str, clip: ClipInfo, ending: str, intensity: npt.NDArray[np.float64]
) -> list[FrameSeries]:
    """Intensity, and valence and arousal at the emotion's angle, as the writer's long form wants them."""
    place = EMOTIONS.index(clip.emotion) if clip.emotion in EMOTIONS else 0
    angle = 2 * math.pi * place / len(EMOTIONS)
    parts = {"intensity": 1.0, "valence": math.cos(angle), "arousal": math.sin(angle)}
    return [
        FrameSeries(method, track, clip.id, f"{name}{ending}", tuple((intensity * share).tolist()))
        for name, share in parts.items()
    ]


def true_intensity(frames: int, index: int) -> npt.NDArray[np.float64]:
    """The invented truth: a slow swell that differs from clip to clip."""
    time = np.arange(frames) / FPS
    return np.asarray(0.45 + 0.3 * np.sin(2.2 * time + index) * np.sin(0.7 * time + 0.3 * index))


def _pooled(recipe: Recipe, values: list[ClipValue], expected: int) -> list[Value]:
    pooled = []
    for metric in recipe.metrics:
        unit, better, target, _ = UNITS[metric]
        for track in recipe.tracks:
            for method in recipe.methods:
                mine = [v.value for v in values if (v.metric, v.track, v.method) == (metric, track, method.name)]
                if metric == "fid" and not recipe.all_failed:
                    value, low, high, n = (
                        60 - 50 * recipe.skill.get(method.name, (0.5,))[0],
                        math.nan,
                        math.nan,
                        expected,
                    )
                elif mine:
                    value = float(np.median(mine) if metric == "saturation_index" else np.mean(mine))
                    spread = 1.96 * float(np.std(mine)) / math.sqrt(len(mine))
                    low, high, n = value - spread, value + spread, len(mine)
                else:
                    continue
                pooled.append(
                    Value(
                        metric,
                        signature(metric),
                        method.name,
                        track,
                        value,
                        low,
                        high,
                        n,
                        expected,
                        unit,
                        better,
                        "",
                        target,
                    )
                )
    return pooled


def _media(files: RunFiles, record: ClipRecord, index: int) -> None:
    video = files.media(record.method, record.track, record.clip)
    image = files.reference_image(record.track, record.clip)
    for path in (video, image):
        path.parent.mkdir(parents=True, exist_ok=True)
    hue = sum(record.method.encode()) % 160
    _write_video(video, hue, index)
    if not image.exists():
        write_image(image, _frame(hue, 0.1))


def _frame(hue: int, step: float) -> npt.NDArray[np.uint8]:
    """A face-like blob, 96 px, whose mouth opens with `step`."""
    y, x = np.mgrid[0:96, 0:96]
    frame = np.full((96, 96, 3), (40, 44, 52), np.uint8)
    frame[((x - 48) / 30) ** 2 + ((y - 48) / 38) ** 2 < 1] = (150 + hue // 3, 130, 200 - hue)
    for eye in (36, 60):
        frame[(x - eye) ** 2 + (y - 40) ** 2 < 16] = (20, 20, 24)
    frame[((x - 48) / 12) ** 2 + ((y - 68) / (1.5 + 7 * step)) ** 2 < 1] = (90, 20, 30)
    return frame


def _write_video(path: Path, hue: int, index: int) -> None:
    frames = np.stack([_frame(hue, abs(math.sin(i / 3 + index))) for i in range(VIDEO_FRAMES)])
    seconds = np.arange(VIDEO_FRAMES * RATE // FPS) / RATE
    write_video(path, frames, FPS, (0.2 * np.sin(2 * np.pi * (180 + hue) * seconds)).astype(np.float32), RATE)
