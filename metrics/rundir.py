"""The run directory: where a run's journal, tables and media lie, how they are written and read.

    run.json              RunInfo: what was measured, with what, from which commit
    clips.jsonl           one ClipRecord per line: journal, appended and fsynced clip by clip
    values.parquet        `metrics.results.VALUE_COLUMNS`
    clip_values.parquet   `metrics.results.CLIP_VALUE_COLUMNS`
    frames.parquet        `metrics.results.FRAME_COLUMNS`, long form
    confusion.parquet     `metrics.results.CONFUSION_COLUMNS`
    worst_frames.parquet  `metrics.worst_frames.WORST_FRAME_COLUMNS`; runs written before it was have none
    media/<method>/<track>/<clip>.mp4, media/reference/<track>/<clip>.png
    report/               written by `reports`

A kill loses at most the line being written: a torn last line is dropped when the journal is next opened.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from eap.errors import DataError
from eap.files import atomic_path, write_json
from metrics.results import ClipReading, ClipValue, FrameSeries, ResultTable, Signature

if TYPE_CHECKING:
    import pandas as pd


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MethodInfo(_Record):
    """A row of the tables."""

    name: str
    title: str
    kind: str
    inputs: tuple[str, ...] = ()
    role: Literal["", "ceiling", "proposed", "method", "ablation", "floor"] = ""
    """What the row is for; empty in runs that were written before roles were."""


class ClipInfo(_Record):
    """A clip every method is expected to have, on every track."""

    id: str
    identity: str
    emotion: str | None = None
    level: int | None = None
    sentence: str = ""
    view: str = ""


class RunInfo(_Record):
    """run.json."""

    format: Literal[1] = 1
    suite: str
    protocol: str
    world: Literal["embedded", "data"]
    data: str = ""
    methods: tuple[MethodInfo, ...]
    tracks: tuple[str, ...]
    metrics: tuple[str, ...]
    clips: tuple[ClipInfo, ...]
    commit: str = ""
    versions: dict[str, str] = Field(default_factory=dict)
    seed: int = 0
    started: str = ""
    finished: str = ""
    command: str = ""
    evaluators: dict[str, str] = Field(default_factory=dict)
    weights: dict[str, str] = Field(default_factory=dict)


class JournalValue(_Record):
    """One metric on one clip as the journal keeps it; value is null when it could not be measured."""

    value: float | None
    reason: str = ""
    signature: str
    weight: float = 1.0


class ClipRecord(_Record):
    """One line of clips.jsonl: one method, track and clip, done."""

    method: str
    track: str
    clip: str
    identity: str
    emotion: str | None = None
    level: int | None = None
    status: Literal["ok", "failed"]
    reason: str = ""
    media: str = ""
    reference: str = ""
    reference_emotion: str | None = None
    judged_emotion: str | None = None
    judged_intensity: float | None = None
    vote: float | None = None
    values: dict[str, JournalValue] = Field(default_factory=dict)
    seconds: float = 0.0
    features: str = ""
    """Cache key of the generated clip's features, so that a resumed run finds them."""

    @property
    def key(self) -> tuple[str, str, str]:
        """Method, track and clip: what is never measured twice."""
        return self.method, self.track, self.clip

    def reading(self) -> ClipReading:
        """What leakage and confusion are made of."""
        return ClipReading(
            self.method, self.track, self.clip, self.identity, self.emotion, self.level,
            self.reference_emotion, self.judged_emotion, self.judged_intensity, self.vote,
        )  # fmt: skip

    def clip_values(self) -> list[ClipValue]:
        """The values with their signatures."""
        return [
            ClipValue(
                name, Signature.parse(item.signature), self.method, self.track, self.clip, self.identity, self.emotion,
                self.level, math.nan if item.value is None else item.value, item.reason, item.weight,
            )
            for name, item in self.values.items()
        ]  # fmt: skip


def journal_values(values: Iterable[ClipValue]) -> dict[str, JournalValue]:
    """Clip values as a ClipRecord keeps them."""
    return {
        item.metric: JournalValue(
            value=item.value if item.scored else None,
            reason=item.reason,
            signature=str(item.signature),
            weight=item.weight,
        )
        for item in values
    }


@dataclass(frozen=True)
class RunFiles:
    """Paths, writers and readers of one run directory."""

    root: Path

    @property
    def info_path(self) -> Path:
        """run.json."""
        return self.root / "run.json"

    @property
    def journal_path(self) -> Path:
        """clips.jsonl."""
        return self.root / "clips.jsonl"

    @property
    def report(self) -> Path:
        """report/."""
        return self.root / "report"

    def media(self, method: str, track: str, clip: str) -> Path:
        """Where a method's clip lies."""
        return self.root / "media" / method / track / f"{clip}.mp4"

    def reference_image(self, track: str, clip: str) -> Path:
        """Where the reference image given to the methods lies."""
        return self.root / "media" / "reference" / track / f"{clip}.png"

    def relative(self, path: Path) -> str:
        """A path as the journal keeps it: relative to the run directory, with forward slashes."""
        return path.relative_to(self.root).as_posix()

    def write_info(self, info: RunInfo) -> None:
        """Write run.json, whole or not at all."""
        write_json(self.info_path, info.model_dump(mode="json"))

    def read_info(self) -> RunInfo:
        """Read run.json. Raises DataError when it is missing, damaged or of another format."""
        if not self.info_path.is_file():
            raise DataError(f"{self.root}: no run.json here", fix="give the directory that `eap-bench run` wrote")
        try:
            return RunInfo.model_validate_json(self.info_path.read_bytes())
        except ValidationError as error:
            raise DataError(f"{self.info_path}: {_first(error)}", fix="run the suite again") from None

    def append(self, record: ClipRecord) -> None:
        """Add one line to the journal; it is on the disk when this returns. Raises OSError (disk full)."""
        line = (record.model_dump_json() + "\n").encode()
        self.root.mkdir(parents=True, exist_ok=True)
        with open(self.journal_path, "ab") as stream:
            stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())

    def read_journal(self) -> list[ClipRecord]:
        """All whole lines, the last one of each (method, track, clip) winning, in order of first appearance.

        A torn last line (kill, full disk) is ignored. Raises DataError naming any other line that is not a record.
        """
        if not self.journal_path.is_file():
            return []
        lines = self.journal_path.read_bytes().split(b"\n")
        lines.pop()  # empty, or the torn line
        records: dict[tuple[str, str, str], ClipRecord] = {}
        for number, line in enumerate(lines, start=1):
            try:
                record = ClipRecord.model_validate_json(line)
            except ValidationError as error:
                fix = "delete that line; its clip is measured again"
                raise DataError(f"{self.journal_path}: line {number}: {_first(error)}", fix=fix) from None
            records[record.key] = record
        return list(records.values())

    def open_journal(self) -> list[ClipRecord]:
        """Cut off a torn last line so that appending is safe, then read what is there."""
        if self.journal_path.is_file():
            content = self.journal_path.read_bytes()
            whole = content.rfind(b"\n") + 1
            if whole < len(content):
                with open(self.journal_path, "r+b") as stream:
                    stream.truncate(whole)
                    os.fsync(stream.fileno())
        return self.read_journal()

    def write_tables(self, table: ResultTable, series: Sequence[FrameSeries] = ()) -> None:
        """Write values, clip_values, frames, confusion and worst_frames, each whole or not at all."""
        from metrics.results import clip_values_frame, confusion_frame, frames_frame, values_frame
        from metrics.worst_frames import worst_frames_frame

        self._write("values", values_frame(table.values))
        self._write("clip_values", clip_values_frame(table.clip_values))
        self._write("frames", frames_frame(series))
        self._write("confusion", confusion_frame(table.confusion))
        self._write("worst_frames", worst_frames_frame(table.worst_frames))

    def _write(self, name: str, frame: pd.DataFrame) -> None:
        with atomic_path(self.root / f"{name}.parquet") as temporary:
            frame.to_parquet(temporary, index=False)

    def read_table(self, name: str) -> pd.DataFrame:
        """One of values, clip_values, frames, confusion. Raises DataError when it is missing or damaged."""
        import pandas as pd
        import pyarrow

        path = self.root / f"{name}.parquet"
        if not path.is_file():
            raise DataError(f"{self.root}: no {path.name}: the run did not finish", fix="run the same command again")
        try:
            return pd.read_parquet(path)
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            raise DataError(f"{path}: cannot be read ({error})", fix="run the same command again") from None


@dataclass(frozen=True)
class RunResults:
    """A finished run, as `reports` and `user_study` read it."""

    root: Path
    info: RunInfo
    values: pd.DataFrame
    clip_values: pd.DataFrame
    frames: pd.DataFrame
    confusion: pd.DataFrame
    records: tuple[ClipRecord, ...]


def load_run(directory: Path | str) -> RunResults:
    """Read a finished run directory. Raises DataError saying what is missing or damaged."""
    files = RunFiles(Path(directory))
    return RunResults(
        root=files.root,
        info=files.read_info(),
        values=files.read_table("values"),
        clip_values=files.read_table("clip_values"),
        frames=files.read_table("frames"),
        confusion=files.read_table("confusion"),
        records=tuple(files.read_journal()),
    )


def _first(error: ValidationError) -> str:
    detail: Mapping[str, Any] = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in detail["loc"])
    return f"{where}: {detail['msg']}" if where else str(detail["msg"])
