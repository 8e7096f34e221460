"""Run directories of invented numbers for the gate: written with the real writer, changed by small functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from metrics.registry import get_metric
from metrics.results import ClipValue, ResultTable, Signature, Value
from metrics.rundir import ClipInfo, ClipRecord, MethodInfo, RunFiles, RunInfo

EMOTIONS = ("angry", "happy", "neutral", "sad")
METHODS = (
    MethodInfo(name="ground-truth", title="Ground truth", kind="ground-truth"),
    MethodInfo(name="eap", title="EAP", kind="model"),
)
# Typical value, spread of identities, spread of clips.
METRICS = {
    "psnr": (24.0, 1.5, 0.8),
    "m_lmd": (1.8, 0.3, 0.2),
    "emotion_accuracy": (0.7, 0.0, 0.0),
    "saturation_index": (0.6, 0.1, 0.1),
    "fid": (40.0, 0.0, 0.0),
}

Change = Callable[[str, str, str, ClipInfo, float], float]
"""(metric, method, track, clip, value) -> the value that is written; nan: not measured."""


@dataclass(frozen=True)
class Fake:
    """What the invented run looks like; ``change`` turns one run into another of the same clips."""

    identities: int = 6
    suite: str = "smoke"
    protocol: str = "strict"
    seed: int = 7
    methods: tuple[MethodInfo, ...] = METHODS
    tracks: tuple[str, ...] = ("neutral", "emotional")
    metrics: tuple[str, ...] = tuple(METRICS)
    change: Change = lambda metric, method, track, clip, value: value
    version: str = "v1"
    weights: dict[str, str] = field(default_factory=lambda: {"eap": "c" * 64})
    finished: str = "2026-01-02T03:04:05+00:00"
    commit: str = "0123456789abcdef0123456789abcdef01234567"
    failed: tuple[str, ...] = ()
    """Clip ids whose EAP rows failed."""


def clips_of(fake: Fake) -> tuple[ClipInfo, ...]:
    """Six identities of four emotions, say."""
    return tuple(
        ClipInfo(id=f"M{2000 + i}_{emotion}", identity=f"M{2000 + i}", emotion=emotion, level=3)
        for i in range(fake.identities)
        for emotion in EMOTIONS
    )


def write(root: Path, fake: Fake | None = None) -> Path:
    """Write the run and return its directory."""
    fake = fake or Fake()
    clips = clips_of(fake)
    root.mkdir(parents=True, exist_ok=True)
    files = RunFiles(root)
    files.write_info(
        RunInfo(
            suite=fake.suite, protocol=fake.protocol, world="embedded", methods=fake.methods, tracks=fake.tracks,
            metrics=fake.metrics, clips=clips, commit=fake.commit, seed=fake.seed, started="2026-01-02T03:03:05+00:00",
            finished=fake.finished, command=f"eap-bench run --suite {fake.suite}", weights=fake.weights,
            versions={"eap-bench": "0.1.0"}, evaluators={"judge": "a" * 64},
        )
    )  # fmt: skip
    clip_values = [value for clip in clips for value in _values(fake, clip)]
    pooled = [value for metric in fake.metrics for value in _pooled(fake, metric, clip_values, len(clips))]
    files.write_tables(ResultTable(tuple(pooled), tuple(clip_values)))
    records = [
        ClipRecord(
            method=method.name, track=track, clip=clip.id, identity=clip.identity, emotion=clip.emotion,
            status="failed" if method.name == "eap" and clip.id in fake.failed else "ok", reason="no face in frame 3",
        )
        for clip in clips for method in fake.methods for track in fake.tracks
    ]  # fmt: skip
    files.journal_path.write_text("".join(record.model_dump_json() + "\n" for record in records))
    return root


def signature(fake: Fake, metric: str) -> Signature:
    """One signature a metric."""
    return Signature(metric, (("protocol", fake.protocol),), fake.version)


def base_value(metric: str, method: str, track: str, clip: ClipInfo) -> float:
    """The same number every time for the same clip."""
    rng = np.random.default_rng([*clip.id.encode(), *metric.encode(), *method.encode(), *track.encode()])
    person = np.random.default_rng([*clip.identity.encode(), *metric.encode(), *method.encode()])
    centre, between, within = METRICS[metric]
    if metric == "emotion_accuracy":
        return float(rng.random() < centre)
    return float(centre + between * person.normal() + within * rng.normal())


def _values(fake: Fake, clip: ClipInfo) -> list[ClipValue]:
    found = []
    for method in fake.methods:
        for track in fake.tracks:
            for metric in fake.metrics:
                if metric == "fid":
                    continue
                lost = method.name == "eap" and clip.id in fake.failed
                base = base_value(metric, method.name, track, clip)
                value = math.nan if lost else fake.change(metric, method.name, track, clip, base)
                reason = "" if math.isfinite(value) else "no face in frame 3"
                found.append(
                    ClipValue(
                        metric, signature(fake, metric), method.name, track, clip.id, clip.identity, clip.emotion,
                        clip.level, value, reason,
                    )
                )  # fmt: skip
    return found


def _pooled(fake: Fake, metric: str, values: list[ClipValue], expected: int) -> list[Value]:
    spec = get_metric(metric).spec
    found = []
    for method in fake.methods:
        for track in fake.tracks:
            mine = [
                item.value
                for item in values
                if (item.metric, item.method, item.track) == (metric, method.name, track) and item.scored
            ]
            if metric == "fid":
                blank = ClipInfo(id="all", identity="")
                centre, half, n = fake.change(metric, method.name, track, blank, METRICS[metric][0]), 5.0, expected
            elif mine:
                centre = float(np.median(mine) if spec.pooling == "median" else np.mean(mine))
                half, n = 1.96 * float(np.std(mine)) / math.sqrt(len(mine)), len(mine)
            else:
                centre, half, n = math.nan, math.nan, 0
            found.append(
                Value(
                    metric, signature(fake, metric), method.name, track, centre, centre - half, centre + half, n,
                    expected, spec.unit, spec.higher_is_better, "", spec.target,
                )
            )  # fmt: skip
    return found


def worsen(metric: str, by: float, *, method: str = "eap", spread: float = 0.0) -> Change:
    """``by`` added to one metric of one method; ``spread``: how much the identities differ in it (a share)."""

    def change(name: str, row: str, track: str, clip: ClipInfo, value: float) -> float:
        if (name, row) != (metric, method):
            return value
        person = np.random.default_rng([*clip.identity.encode()])
        return value + by * (1 + spread * person.normal())

    return change
