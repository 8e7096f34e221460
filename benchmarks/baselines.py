"""Baselines: the numbers a run is held against, clip by clip, in a file that version control can show the changes of.

``baselines/<suite>.json`` has one line per clip and one per series of numbers. `accept` is the only writer.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from benchmarks.regression.snapshot import ClipName, Row, Series, Snapshot, clip_list_hash, snapshot_of_run
from eap.errors import ConfigError, DataError, MeasureError
from eap.files import atomic_write
from metrics.results import Signature

FOLDER = Path("baselines")
"""Where ``check`` and ``baseline`` look, below the current folder."""

_RESTORE = "restore it from version control, or make it anew: eap-bench baseline accept --suite <suite>"
Number = float | None


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class _Method(_Record):
    name: str
    title: str
    kind: str


class _Clip(_Record):
    id: str
    identity: str
    emotion: str | None
    level: int | None


class _Series(_Record):
    metric: str
    method: str
    track: str
    signature: str
    unit: str
    higher_is_better: bool | None
    target: Number
    value: Number
    ci: tuple[Number, Number]
    scored: int
    expected: int
    clips: tuple[Number, ...]


class Acceptance(_Record):
    """Who moved the baseline, in what words."""

    at: str
    command: str
    reason: str = ""


class BaselineFile(_Record):
    """``baselines/<suite>.json``."""

    format: Literal[1] = 1
    suite: str
    protocol: str
    world: str
    seed: int
    tracks: tuple[str, ...]
    commit: str
    """The commit the run measured."""
    command: str
    """The command that made the run."""
    measured: str
    accepted: Acceptance
    evaluators: dict[str, str]
    weights: dict[str, str]
    versions: dict[str, str]
    methods: tuple[_Method, ...]
    clip_hash: str
    clips: tuple[_Clip, ...] = Field(min_length=1)
    series: tuple[_Series, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _fits_together(self) -> BaselineFile:
        names = [_clip_name(clip) for clip in self.clips]
        if len({clip.id for clip in names}) != len(names):
            raise ValueError("a clip is listed twice")
        if clip_list_hash(names) != self.clip_hash:
            raise ValueError("clip_hash is not that of the clips: the file was edited by hand")
        for item in self.series:
            Signature.parse(item.signature)
            if item.clips and len(item.clips) != len(names):
                raise ValueError(
                    f"{item.metric}/{item.method}/{item.track} has {len(item.clips)} of {len(names)} clips"
                )
        return self


@dataclass(frozen=True)
class Accepted:
    """What `accept` did."""

    path: Path
    snapshot: Snapshot
    series: int
    bytes: int


def baseline_path(suite: str, folder: Path = FOLDER) -> Path:
    """Where the baseline of a suite lies."""
    return folder / f"{suite}.json"


def read_baseline(path: Path) -> Snapshot:
    """A baseline file as a snapshot. Raises DataError for a truncated, edited or foreign file."""
    file = read_file(path)
    return Snapshot(
        source=str(path),
        suite=file.suite,
        protocol=file.protocol,
        world=file.world,
        seed=file.seed,
        tracks=file.tracks,
        methods=tuple(Row(item.name, item.title, item.kind) for item in file.methods),
        clips=tuple(_clip_name(clip) for clip in file.clips),
        series={(item.metric, item.method, item.track): _read_series(item) for item in file.series},
        commit=file.commit,
        command=file.command,
        finished=file.measured,
        evaluators=file.evaluators,
        weights=file.weights,
        versions=file.versions,
    )


def read_file(path: Path) -> BaselineFile:
    """The file as it is. Raises DataError naming the place that is wrong."""
    try:
        raw = json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}", fix="give a baseline file or a run directory") from error
    except ValueError as error:
        raise DataError(f"{path}: no whole JSON file ({error})", fix=_RESTORE) from None
    if not isinstance(raw, dict) or raw.get("format") != 1:
        fix = "give a file that 'eap-bench baseline accept' wrote, or make it anew with this version"
        raise DataError(f"{path}: not a baseline of format 1", fix=fix)
    try:
        return BaselineFile.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DataError(f"{path}: {f'{where}: ' if where else ''}{first['msg']}", fix=_RESTORE) from None


def accept(run: Path, path: Path, *, command: str, reason: str = "", allow_missing: bool = False) -> Accepted:
    """Make this run the baseline: the file appears whole or not at all.

    Raises MeasureError when clips of the run failed (unless ``allow_missing``), and what `snapshot_of_run` raises.
    """
    from metrics.rundir import RunFiles

    snapshot = snapshot_of_run(run)
    failed = [record for record in RunFiles(run).read_journal() if record.status == "failed"]
    if failed and not allow_missing:
        raise MeasureError(
            f"{run}: {len(failed)} clips failed ({failed[0].reason}), and a baseline should be whole",
            fix="run again with --retry-failed, or add --allow-missing",
        )
    if path.is_dir():
        raise ConfigError(f"{path} is a folder", fix="give a file name for --baseline")
    accepted = Acceptance(at=datetime.now(UTC).isoformat(timespec="seconds"), command=command, reason=reason)
    text = "\n".join(_lines(_file(snapshot, accepted)))
    with atomic_write(path, "w") as stream:
        stream.write(text + "\n")
    return Accepted(path, snapshot, len(snapshot.series), len(text) + 1)


def _file(snapshot: Snapshot, accepted: Acceptance) -> BaselineFile:
    # The platform is this machine's business and no number depends on it.
    versions = {name: value for name, value in snapshot.versions.items() if name != "platform"}
    return BaselineFile(
        suite=snapshot.suite,
        protocol=snapshot.protocol,
        world=snapshot.world,
        seed=snapshot.seed,
        tracks=snapshot.tracks,
        commit=snapshot.commit,
        command=snapshot.command,
        measured=snapshot.finished,
        accepted=accepted,
        evaluators=dict(snapshot.evaluators),
        weights=dict(snapshot.weights),
        versions=versions,
        methods=tuple(_Method(name=row.name, title=row.title, kind=row.kind) for row in snapshot.methods),
        clip_hash=snapshot.clip_hash,
        clips=tuple(_Clip(id=c.id, identity=c.identity, emotion=c.emotion, level=c.level) for c in snapshot.clips),
        series=tuple(_write_series(item) for item in snapshot.series.values()),
    )


def _lines(file: BaselineFile) -> Iterator[str]:
    """JSON with one clip and one series to a line, so that a diff names what moved."""
    data = file.model_dump(mode="json")
    lists = {name: data.pop(name) for name in ("methods", "clips", "series")}
    yield "{"
    for name, value in data.items():
        shown = json.dumps(value, ensure_ascii=False, indent=1) if isinstance(value, dict) else _compact(value)
        yield f'"{name}": {shown},'
    for index, (name, items) in enumerate(lists.items()):
        yield f'"{name}": ['
        yield ",\n".join(_compact(item) for item in items)
        yield "]" if index == len(lists) - 1 else "],"
    yield "}"


def _compact(value: Any) -> str:
    return json.dumps(_whole(value), ensure_ascii=False, separators=(",", ":"))


def _whole(value: Any) -> Any:
    """0.0 and 1.0 without their tails: half of a baseline is zeros and ones."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e9:
        return int(value)
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _whole(item) for key, item in value.items()}
    return value


def _clip_name(clip: _Clip) -> ClipName:
    return ClipName(clip.id, clip.identity, clip.emotion, clip.level)


def _write_series(item: Series) -> _Series:
    return _Series(
        metric=item.metric, method=item.method, track=item.track, signature=str(item.signature), unit=item.unit,
        higher_is_better=item.higher_is_better, target=item.target, value=_number(item.value),
        ci=(_number(item.ci_low), _number(item.ci_high)), scored=item.n_scored, expected=item.n_expected,
        clips=item.clips,
    )  # fmt: skip


def _read_series(item: _Series) -> Series:
    value, low, high = (math.nan if number is None else number for number in (item.value, *item.ci))
    return Series(
        item.metric, Signature.parse(item.signature), item.method, item.track, value, low, high, item.scored,
        item.expected, item.unit, item.higher_is_better, target=item.target, clips=item.clips,
    )  # fmt: skip


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
