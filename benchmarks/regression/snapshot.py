"""What two runs are compared by: facts of the run, and every series of numbers clip by clip.

A snapshot is read from a run directory, or from a baseline file, which is a snapshot written down.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eap.errors import DataError, MeasureError
from metrics.results import Signature, Value

if TYPE_CHECKING:
    import pandas as pd

    from metrics.rundir import ClipInfo, RunInfo

Key = tuple[str, str, str]
"""Metric, method, track."""

DIGITS = 7
"""Significant digits that a baseline keeps. Both sides are rounded so, and equal runs differ by exactly nothing."""


@dataclass(frozen=True, slots=True)
class Series(Value):
    """One metric of one method on one track as the run reports it, and the values of its clips."""

    clips: tuple[float | None, ...] = ()
    """In the order of the snapshot's clips, None where there is no number; empty for a metric over the whole set."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Clip id -> why there is no number (not kept in baseline files)."""

    @property
    def key(self) -> Key:
        """Metric, method, track."""
        return self.metric, self.method, self.track


@dataclass(frozen=True, slots=True)
class Row:
    """A method as the gate sees it. ``fixed`` rows hold no model: only what measures can move them."""

    name: str
    title: str
    kind: str

    @property
    def fixed(self) -> bool:
        """Whether nothing but the world and the measuring makes this row's numbers."""
        return self.kind in ("ground-truth", "still", "mismatched")


@dataclass(frozen=True, slots=True)
class ClipName:
    """A clip of the list."""

    id: str
    identity: str
    emotion: str | None
    level: int | None


@dataclass(frozen=True)
class Snapshot:
    """A run, as far as comparing needs it."""

    source: str
    """The path it was read from, in words of the user."""
    suite: str
    protocol: str
    world: str
    seed: int
    tracks: tuple[str, ...]
    methods: tuple[Row, ...]
    clips: tuple[ClipName, ...]
    series: Mapping[Key, Series]
    commit: str = ""
    command: str = ""
    finished: str = ""
    evaluators: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def clip_hash(self) -> str:
        """SHA-256 of the clip list: names, identities, emotions and levels, whatever their order."""
        return clip_list_hash(self.clips)

    @property
    def identity_of(self) -> dict[str, str]:
        """Clip id -> identity."""
        return {clip.id: clip.identity for clip in self.clips}

    def values(self, key: Key) -> dict[str, float]:
        """Clip id -> number, of the clips that have one."""
        found = self.series[key].clips
        return (
            {clip.id: value for clip, value in zip(self.clips, found, strict=True) if value is not None}
            if found
            else {}
        )


def clip_list_hash(clips: Sequence[ClipName]) -> str:
    """Hex SHA-256 of a clip list, whatever its order."""
    lines = sorted(f"{clip.id}|{clip.identity}|{clip.emotion or ''}|{clip.level or ''}" for clip in clips)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def rounded(value: float) -> float:
    """To the digits that a baseline keeps; nan and infinities as they are."""
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else value


def snapshot_of_run(root: Path) -> Snapshot:
    """Read a finished run directory.

    Raises DataError (no such run, damaged) and MeasureError when the run holds no clip or no value.
    """
    from metrics.rundir import RunFiles

    files = RunFiles(root)
    info = files.read_info()
    if not info.clips:
        raise MeasureError(f"{root}: the run has no clips", fix=_again(info))
    if not info.finished:
        raise MeasureError(f"{root}: the run did not finish", fix=_again(info))
    values, clip_values = files.read_table("values"), files.read_table("clip_values")
    if values.empty:
        raise MeasureError(f"{root}: the run has no values", fix=_again(info))
    try:
        series = _series(info, values, clip_values)
    except ValueError as error:
        raise DataError(f"{root}: {error}", fix=_again(info)) from error
    return Snapshot(
        source=str(root),
        suite=info.suite,
        protocol=info.protocol,
        world=info.world,
        seed=info.seed,
        tracks=info.tracks,
        methods=tuple(Row(method.name, method.title, method.kind) for method in info.methods),
        clips=tuple(_name(clip) for clip in info.clips),
        series={item.key: item for item in series},
        commit=info.commit,
        command=info.command,
        finished=info.finished,
        evaluators=dict(info.evaluators),
        weights=dict(info.weights),
        versions=dict(info.versions),
    )


def _again(info: RunInfo) -> str:
    return f"run the suite again: eap-bench run --suite {info.suite}"


def _name(clip: ClipInfo) -> ClipName:
    return ClipName(clip.id, clip.identity, clip.emotion, clip.level)


def _series(info: RunInfo, values: pd.DataFrame, clip_values: pd.DataFrame) -> list[Series]:
    order = [clip.id for clip in info.clips]
    numbers: dict[Key, dict[str, float]] = {}
    reasons: dict[Key, dict[str, str]] = {}
    columns = ("metric", "method", "track", "clip", "value", "reason")
    for metric, method, track, clip, value, reason in zip(*(clip_values[c] for c in columns), strict=True):
        key = (str(metric), str(method), str(track))
        numbers.setdefault(key, {})[str(clip)] = float(value)
        if reason and not math.isfinite(value):
            reasons.setdefault(key, {})[str(clip)] = str(reason)
    rows: list[dict[str, Any]] = values.to_dict("records")  # type: ignore[assignment]
    return [_one_series(row, order, numbers, reasons) for row in rows]


def _one_series(
    row: Mapping[str, Any], order: Sequence[str], numbers: Mapping[Key, Mapping[str, float]],
    reasons: Mapping[Key, Mapping[str, str]],
) -> Series:  # fmt: skip
    key = (str(row["metric"]), str(row["method"]), str(row["track"]))
    mine = numbers.get(key, {})
    best, target = row["higher_is_better"], row["target"]
    metric, method, track = key
    return Series(
        metric=metric,
        signature=Signature.parse(str(row["signature"])),
        method=method,
        track=track,
        value=rounded(float(row["value"])),
        ci_low=rounded(float(row["ci_low"])),
        ci_high=rounded(float(row["ci_high"])),
        n_scored=int(row["n_scored"]),
        n_expected=int(row["n_expected"]),
        unit=str(row["unit"]),
        higher_is_better=bool(best) if isinstance(best, bool) or best in (0, 1) else None,
        target=None if target is None or math.isnan(target) else float(target),
        clips=tuple(_finite(mine.get(clip)) for clip in order) if mine else (),
        reasons=dict(reasons.get(key, {})),
    )


def _finite(value: float | None) -> float | None:
    return rounded(value) if value is not None and math.isfinite(value) else None
