"""The run directory as the report reads it: whatever is there, and a list of what is not.

A run may have been cut short at any moment, so every file is optional except `run.json`; a part that cannot be read
becomes a line in `Run.missing` and an empty table with the right columns. The formats are `metrics.rundir`'s.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import ValidationError

from eap.errors import DataError
from metrics.results import CLIP_VALUE_COLUMNS, CONFUSION_COLUMNS, FRAME_COLUMNS, VALUE_COLUMNS, clip_values_frame
from metrics.rundir import ClipInfo, ClipRecord, MethodInfo, RunFiles, RunInfo
from metrics.worst_frames import WORST_FRAME_COLUMNS

Role = Literal["ceiling", "method", "ablation", "floor", "difference", "part"]
"""What a row of a table is; `difference` and `part` (an identity) are rows that are no method."""
MAIN_METHOD = "eap"
SEPARATOR = "@"
"""Between a method's name and its run's, on a page of several runs."""

# `run.json` may carry a method's role or the way it is made; both say where the row belongs.
_ROLES: dict[str, Role] = {
    "proposed": "method", "method": "method",
    "ceiling": "ceiling", "ground-truth": "ceiling", "ablation": "ablation", "floor": "floor", "still": "floor",
    "mismatched": "floor", "still-image": "floor", "mismatched-audio": "floor",
}  # fmt: skip
_ORDER: dict[Role, int] = {"ceiling": 0, "method": 1, "ablation": 2, "floor": 3, "difference": 4, "part": 5}


def role(method: MethodInfo) -> Role:
    """Ceiling, method, ablation or floor: decides order, colour and whether the row competes for best."""
    known = _ROLES.get(method.role)
    if known is None:  # runs written before roles were
        known = _ROLES.get(method.kind if method.kind != "method" else "") or _ROLES.get(method.name)
    return known or ("ablation" if method.name.startswith("no-") else "method")


@dataclass(frozen=True)
class Run:
    """Everything the report reads. Frames always have their columns, even when the file is absent."""

    root: Path
    info: RunInfo
    methods: tuple[MethodInfo, ...]
    """Rows in the page's order: ceiling, methods (EAP first), ablations, floors."""
    tracks: tuple[str, ...]
    clips: tuple[ClipInfo, ...]
    records: tuple[ClipRecord, ...]
    values: pd.DataFrame
    clip_values: pd.DataFrame
    frames: pd.DataFrame
    confusion: pd.DataFrame
    worst_frames: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(WORST_FRAME_COLUMNS)))
    """Where each clip is worst, by metric; empty in runs that were written before it was kept."""
    missing: tuple[str, ...] = ()
    parts: tuple[str, ...] = ("",)
    """Endings of the methods' names: one for each run on a page of several."""
    expected: int | None = None
    """Rows that the journals should have, where that is not methods x tracks x clips (several runs)."""

    @cached_property
    def main(self) -> str:
        """The method that the page is about: EAP (of several runs the last), else the first; empty without any."""
        names = self.named("method", "ablation")
        ours = [MAIN_METHOD + part for part in self.parts if MAIN_METHOD + part in names]
        return ours[-1] if ours else next(iter(names), "")

    def label(self, method: str) -> str:
        """What the page calls a method."""
        found = next((m for m in self.methods if m.name == method), None)
        return (found.title if found else "") or method

    def role(self, method: str) -> Role:
        """The role of a method, by its name."""
        found = next((m for m in self.methods if m.name == method), None)
        return role(found) if found else "method"

    def named(self, *roles: Role) -> tuple[str, ...]:
        """Names of the methods of these roles, in the page's order."""
        return tuple(m.name for m in self.methods if role(m) in roles)

    @cached_property
    def journal(self) -> dict[tuple[str, str, str], ClipRecord]:
        """The journal's last word on each (method, track, clip)."""
        return {r.key: r for r in self.records}

    @cached_property
    def by_metric(self) -> dict[tuple[str, str], pd.DataFrame]:
        """Rows of `clip_values` by (metric, track), scored or not."""
        groups = self.clip_values.groupby(["metric", "track"], sort=False)
        return {(str(m), str(t)): part for (m, t), part in groups}

    @cached_property
    def scored(self) -> dict[tuple[str, str], pd.DataFrame]:
        """Rows of `clip_values` with a finite value, by (metric, track)."""
        values = pd.to_numeric(self.clip_values["value"], errors="coerce").astype("float64")
        table = self.clip_values.assign(value=values)
        table = table[values.map(math.isfinite).astype(bool)]
        return {(str(m), str(t)): part for (m, t), part in table.groupby(["metric", "track"], sort=False)}

    @cached_property
    def clip_numbers(self) -> dict[tuple[str, str], dict[str, dict[str, float]]]:
        """(metric, track) -> method -> clip -> finite value."""
        found: dict[tuple[str, str], dict[str, dict[str, float]]] = {}
        for key, part in self.scored.items():
            methods: dict[str, dict[str, float]] = {}
            rows = zip(part["method"].tolist(), part["clip"].tolist(), part["value"].tolist(), strict=True)
            for method, clip, value in rows:
                methods.setdefault(str(method), {})[str(clip)] = value
            found[key] = methods
        return found

    @cached_property
    def pooled(self) -> dict[tuple[str, str, str], tuple[float, float | None, float | None]]:
        """(metric, method, track) -> pooled value and the ends of its interval, where the value is finite."""
        found: dict[tuple[str, str, str], tuple[float, float | None, float | None]] = {}
        names = ("metric", "method", "track", "value", "ci_low", "ci_high")
        columns = (self.values[name].tolist() for name in names)
        for metric, method, track, *numbers in zip(*columns, strict=True):
            value, low, high = (float(n) if n is not None and math.isfinite(float(n)) else None for n in numbers)
            if value is not None:
                known = low is not None and high is not None
                found[str(metric), str(method), str(track)] = (value, low if known else None, high if known else None)
        return found

    @cached_property
    def worst_at(self) -> dict[tuple[str, str, str], dict[str, int]]:
        """(metric, method, track) -> clip -> its worst frame."""
        found: dict[tuple[str, str, str], dict[str, int]] = {}
        columns = (self.worst_frames[name].tolist() for name in ("metric", "method", "track", "clip", "frame"))
        for metric, method, track, clip, frame in zip(*columns, strict=True):
            found.setdefault((str(metric), str(method), str(track)), {})[str(clip)] = int(frame)
        return found

    @cached_property
    def source_emotions(self) -> dict[tuple[str, str], str]:
        """(track, clip) -> emotion of the reference image that methods were given, where it was recorded."""
        return {(r.track, r.clip): r.reference_emotion for r in self.records if r.reference_emotion}

    @cached_property
    def identities(self) -> dict[str, str]:
        """Clip -> identity, for every clip that has values: the clusters of every interval."""
        pairs = self.clip_values[["clip", "identity"]].drop_duplicates("clip").astype(str)
        return dict(zip(pairs["clip"], pairs["identity"], strict=True))

    @cached_property
    def clip_info(self) -> dict[str, ClipInfo]:
        """Clips by id."""
        return {c.id: c for c in self.clips}


def load(run_dir: Path) -> Run:
    """Read a run directory. DataError when there is no readable `run.json`; every other gap is listed, not raised."""
    files = RunFiles(run_dir)
    info = files.read_info()
    missing: list[str] = []
    records = _journal(files, missing)
    values = _table(files, "values", VALUE_COLUMNS, missing)
    clip_values = _table(files, "clip_values", CLIP_VALUE_COLUMNS, missing)
    confusion = _table(files, "confusion", CONFUSION_COLUMNS, missing)
    if clip_values.empty and any(r.values for r in records):
        missing.append("values per clip are taken from the journal; what is pooled over clips is missing")
        clip_values = clip_values_frame([v for r in records for v in r.clip_values()])
    if confusion.empty:
        confusion = _confusion(records)
    methods, tracks, clips = _everything_named(info, records, values)
    return Run(
        run_dir,
        info,
        methods,
        tracks,
        clips,
        records,
        values,
        clip_values,
        _table(files, "frames", FRAME_COLUMNS, missing),
        confusion,
        _worst_frames(files, missing),
        tuple(missing),
    )


def _journal(files: RunFiles, missing: list[str]) -> tuple[ClipRecord, ...]:
    if not files.journal_path.is_file():
        missing.append("clips.jsonl is absent: no clip of this run was journalled")
        return ()
    latest: dict[tuple[str, str, str], ClipRecord] = {}
    broken = 0
    for line in files.journal_path.read_bytes().split(b"\n"):
        try:
            record = ClipRecord.model_validate_json(line)
        except ValidationError:
            broken += bool(line.strip())
            continue
        latest[record.key] = record
    if broken:
        missing.append(f"clips.jsonl: {broken} unreadable line(s) skipped; a killed run leaves at most one")
    return tuple(latest.values())


def _table(files: RunFiles, name: str, columns: tuple[str, ...], missing: list[str]) -> pd.DataFrame:
    try:
        table = files.read_table(name)
    except DataError as error:
        what = "is absent: the run did not finish" if "no " in error.message else "cannot be read"
        missing.append(f"{name}.parquet {what}")
        return pd.DataFrame(columns=list(columns))
    absent = [c for c in columns if c not in table.columns]
    if absent:
        missing.append(f"{name}.parquet lacks the column(s) {', '.join(absent)}")
        table = table.assign(**dict.fromkeys(absent))
    return table[list(columns)]


def _worst_frames(files: RunFiles, missing: list[str]) -> pd.DataFrame:
    """Where clips are worst; nothing is missing when it was not kept, as in runs written before it was."""
    if not (files.root / "worst_frames.parquet").is_file():
        return pd.DataFrame(columns=list(WORST_FRAME_COLUMNS))
    table = _table(files, "worst_frames", WORST_FRAME_COLUMNS, missing)
    return table[pd.to_numeric(table["frame"], errors="coerce").fillna(-1) >= 0]


def _confusion(records: tuple[ClipRecord, ...]) -> pd.DataFrame:
    """Confusion counts from the journal."""
    judged = Counter((r.method, r.track, r.emotion, r.judged_emotion) for r in records)
    rows = [(*key, n) for key, n in judged.items() if key[2] and key[3]]
    return pd.DataFrame(rows, columns=list(CONFUSION_COLUMNS))


def _everything_named(
    info: RunInfo, records: tuple[ClipRecord, ...], values: pd.DataFrame
) -> tuple[tuple[MethodInfo, ...], tuple[str, ...], tuple[ClipInfo, ...]]:
    """Methods, tracks and clips of `run.json`, and those that only results name, so that nothing measured is hidden."""
    methods = {m.name: m for m in info.methods}
    for name in [*(r.method for r in records), *values["method"].astype(str)]:
        methods.setdefault(name, MethodInfo(name=name, title=name, kind="method"))
    tracks = dict.fromkeys([*info.tracks, *(r.track for r in records), *values["track"].astype(str)])
    clips = {c.id: c for c in info.clips}
    for r in records:
        clips.setdefault(r.clip, ClipInfo(id=r.clip, identity=r.identity, emotion=r.emotion, level=r.level))
    ordered = sorted(methods.values(), key=lambda m: (_ORDER[role(m)], m.name != MAIN_METHOD))
    return tuple(ordered), tuple(tracks), tuple(clips.values())
