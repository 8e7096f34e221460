"""What a measurement is: a number with its signature, its interval and how many clips it stands on.

Pure records and their conversion to pandas and JSON; files are `metrics.rundir`'s business.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from metrics.worst_frames import WorstFrame

NOT_APPLICABLE = "not applicable"
"""A reason that starts with this says that the metric's definition leaves the clip out; such a clip is not expected."""


@dataclass(frozen=True, slots=True)
class Signature:
    """All that a number depends on beside the clips: numbers with different signatures are never compared."""

    metric: str
    parts: tuple[tuple[str, str], ...] = ()
    version: str = "v1"

    def __str__(self) -> str:
        return "|".join([self.metric, *(f"{key}:{value}" for key, value in self.parts), self.version])

    @classmethod
    def parse(cls, text: str) -> Signature:
        """Read what `str` wrote. Raises ValueError for anything else."""
        name, *middle, version = text.split("|")
        if not name or not version.startswith("v") or any(":" not in part for part in middle):
            raise ValueError(f"not a metric signature: {text!r}")
        pairs = (part.split(":", 1) for part in middle)
        return cls(name, tuple((key, value) for key, value in pairs), version)


@dataclass(frozen=True, slots=True)
class ClipValue:
    """One metric on one clip. `value` is nan when it could not be measured, and then `reason` says why.

    A finite value with a reason carries a remark (a face lost in some frames, a constant series counted as 0).
    """

    metric: str
    signature: Signature
    method: str
    track: str
    clip_id: str
    identity: str
    emotion: str | None
    level: int | None
    value: float
    reason: str = ""
    weight: float = 1.0
    """How much it counts in a mean over clips."""

    def __post_init__(self) -> None:
        if not math.isfinite(self.value) and not self.reason:
            raise ValueError(
                f"{self.metric} on {self.method}/{self.clip_id}: a value that is not finite needs a reason"
            )

    @property
    def scored(self) -> bool:
        """Whether there is a number."""
        return math.isfinite(self.value)

    @property
    def expected(self) -> bool:
        """Whether the metric's definition covers this clip."""
        return self.scored or not self.reason.startswith(NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class Value:
    """One metric for one method on one track: a cell of the paper's table, with what it stands on."""

    metric: str
    signature: Signature
    method: str
    track: str
    value: float
    ci_low: float
    ci_high: float
    n_scored: int
    n_expected: int
    unit: str
    higher_is_better: bool | None
    note: str = ""
    target: float | None = None
    """The best possible value where neither high nor low is best (1 for a ratio, 0 for an offset)."""


@dataclass(frozen=True, slots=True)
class FrameSeries:
    """One number per frame of one clip: name is `intensity`, `intensity_true`, `valence`, `arousal`, ..."""

    method: str
    track: str
    clip_id: str
    name: str
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ConfusionCell:
    """How many clips of a true emotion were judged as another."""

    method: str
    track: str
    emotion: str
    judged: str
    count: int


@dataclass(frozen=True, slots=True)
class ClipReading:
    """What was judged on one clip, beside the values: what leakage and the confusion matrix are made of."""

    method: str
    track: str
    clip_id: str
    identity: str
    emotion: str | None
    level: int | None
    reference_emotion: str | None = None
    """Emotion of the reference image the method was given (None: unknown)."""
    judged_emotion: str | None = None
    judged_intensity: float | None = None
    """Mean judged r over the clip (None: not judged)."""
    vote: float | None = None
    """How intense people found the driving clip, 0..1 (None: nobody was asked)."""


@dataclass(frozen=True)
class ResultTable:
    """Values over clips, the values per clip they come from, and the confusion counts."""

    values: tuple[Value, ...]
    clip_values: tuple[ClipValue, ...] = ()
    confusion: tuple[ConfusionCell, ...] = ()
    notes: tuple[str, ...] = field(default=())
    """Sentences on the whole table: extra files, a forced evaluator, a refused one."""
    worst_frames: tuple[WorstFrame, ...] = ()
    """Where each clip is worst, for players; no number of a table."""

    def value(self, metric: str, method: str | None = None, track: str | None = None) -> Value:
        """The one value of that metric (and method, and track). Raises KeyError unless exactly one matches."""
        found = [
            item
            for item in self.values
            if item.metric == metric and method in (None, item.method) and track in (None, item.track)
        ]
        if len(found) != 1:
            raise KeyError(f"{len(found)} values match metric {metric!r}, method {method!r}, track {track!r}")
        return found[0]

    def to_frame(self) -> pd.DataFrame:
        """One row per value, columns as in values.parquet."""
        return values_frame(self.values)

    def clip_frame(self) -> pd.DataFrame:
        """One row per metric and clip, columns as in clip_values.parquet."""
        return clip_values_frame(self.clip_values)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data: nan is null, signatures are strings."""
        return {
            "format": 1,
            "values": [_plain(item) for item in self.values],
            "clips": [_plain(item) for item in self.clip_values],
            "confusion": [asdict(item) for item in self.confusion],
            "notes": list(self.notes),
        }


def _plain(item: Value | ClipValue) -> dict[str, Any]:
    row = asdict(item)
    row["signature"] = str(item.signature)
    if isinstance(item, ClipValue):
        row["clip"] = row.pop("clip_id")
    return {key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in row.items()}


VALUE_COLUMNS = (
    "metric", "signature", "method", "track", "value", "ci_low", "ci_high", "n_scored", "n_expected", "unit",
    "higher_is_better", "note", "target",
)  # fmt: skip
CLIP_VALUE_COLUMNS = (
    "metric", "signature", "method", "track", "clip", "identity", "emotion", "level", "value", "reason",
)  # fmt: skip
FRAME_COLUMNS = ("method", "track", "clip", "frame", "series", "value")
CONFUSION_COLUMNS = ("method", "track", "emotion", "judged", "count")


def values_frame(values: Sequence[Value]) -> pd.DataFrame:
    """Values as a pandas frame with fixed column types."""
    import pandas as pd

    rows = [{**asdict(item), "signature": str(item.signature)} for item in values]
    frame = pd.DataFrame(rows, columns=list(VALUE_COLUMNS))
    kinds = dict.fromkeys(("value", "ci_low", "ci_high", "target"), "float64") | {"n_scored": "int64"}
    return frame.astype({**kinds, "n_expected": "int64", "higher_is_better": "boolean"})


def clip_values_frame(values: Sequence[ClipValue]) -> pd.DataFrame:
    """Clip values as a pandas frame with fixed column types; `level` is a nullable integer."""
    import pandas as pd

    rows = [
        {
            "metric": item.metric, "signature": str(item.signature), "method": item.method, "track": item.track,
            "clip": item.clip_id, "identity": item.identity, "emotion": item.emotion, "level": item.level,
            "value": item.value, "reason": item.reason,
        }
        for item in values
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(CLIP_VALUE_COLUMNS)).astype({"value": "float64", "level": "Int64"})


def frames_frame(series: Iterable[FrameSeries]) -> pd.DataFrame:
    """Frame series as one long pandas frame."""
    import numpy as np
    import pandas as pd

    items = list(series)
    lengths = np.array([len(item.values) for item in items], np.int64)

    def repeated(name: str) -> Any:
        return np.repeat(np.array([getattr(item, name) for item in items], dtype=object), lengths)

    columns = {
        "method": repeated("method"),
        "track": repeated("track"),
        "clip": repeated("clip_id"),
        "frame": np.concatenate([np.arange(n) for n in lengths]) if items else np.zeros(0, np.int64),
        "series": repeated("name"),
        "value": np.concatenate([np.asarray(item.values, np.float64) for item in items]) if items else np.zeros(0),
    }
    return pd.DataFrame(columns, columns=list(FRAME_COLUMNS))


def confusion_frame(cells: Sequence[ConfusionCell]) -> pd.DataFrame:
    """Confusion counts as a pandas frame."""
    import pandas as pd

    return pd.DataFrame([asdict(cell) for cell in cells], columns=list(CONFUSION_COLUMNS)).astype({"count": "int64"})
