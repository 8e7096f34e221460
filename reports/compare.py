"""One page for several runs: their rows side by side, what moved between them, and what must not be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from eap.errors import DataError
from metrics.rundir import ClipInfo, ClipRecord, MethodInfo
from reports.differences import Difference, paired
from reports.facts import MetricFacts, collect, number
from reports.links import Links
from reports.provenance import clip_list_hash
from reports.source import SEPARATOR, Role, Run, role
from reports.verdict import Status, findings


@dataclass(frozen=True)
class RunLine:
    """One run of a comparison, as the page lists it."""

    label: str
    folder: str
    suite: str
    protocol: str
    world: str
    commit: str
    clips: int
    clips_sha256: str
    command: str
    answers: tuple[tuple[str, Status], ...] = ()
    """(claim, answer) of the run's own verdict."""


@dataclass(frozen=True)
class Change:
    """How much better (positive) a method is in a run than in the first one, on the clips both have."""

    method: str
    metric: str
    track: str
    label: str
    difference: Difference
    text: str
    outcome: str


@dataclass(frozen=True)
class Comparison:
    """What the page of several runs says beyond the page of one."""

    runs: tuple[RunLine, ...]
    changes: tuple[Change, ...]
    refused: tuple[str, ...]
    """Metrics whose signatures differ between the runs: shown, never ranked or subtracted."""
    warnings: tuple[str, ...]


class ManyLinks(Links):
    """Links into several run directories; a path's first part is the number of its run."""

    def __init__(self, roots: Sequence[Path], page_dir: Path) -> None:
        super().__init__(roots[0], page_dir)
        self._each = [Links(root, page_dir) for root in roots]

    def _split(self, path: str | None) -> tuple[Links, str] | None:
        first, _, rest = (path or "").partition("/")
        known = first.isascii() and first.isdigit() and int(first) < len(self._each)
        return (self._each[int(first)], rest) if known and rest else None

    def file(self, path: str | None) -> Path | None:
        """The file of `<number of the run>/<journal path>`, or None as for one run."""
        found = self._split(path)
        return found[0].file(found[1]) if found else None

    def href(self, path: str | None) -> str | None:
        """Link to `<number of the run>/<journal path>`, or None as for one run."""
        found = self._split(path)
        return found[0].href(found[1]) if found else None


def labels(runs: Sequence[Run]) -> tuple[str, ...]:
    """Short names that tell the runs apart: the folders' names, numbered where they are the same."""
    names = [run.root.resolve().name or "run" for run in runs]
    return tuple(f"{n} ({names[: i + 1].count(n)})" if names.count(n) > 1 else n for i, n in enumerate(names))


def merge(runs: Sequence[Run]) -> Run:
    """Several runs as one whose methods are named `<method>@<run>`; raises DataError for fewer than two."""
    if len(runs) < 2:
        raise DataError("one run cannot be compared with nothing", fix="give two or more run directories")
    names = labels(runs)
    order: dict[Role, int] = {"ceiling": 0, "method": 1, "ablation": 2, "floor": 3}
    clips: dict[str, ClipInfo] = {}
    for run in runs:
        for clip in run.clips:
            clips.setdefault(clip.id, clip)
    first = runs[0]
    named = list(zip(runs, names, strict=True))
    methods = [m for run, name in named for m in _methods(run, name)]
    missing = tuple(f"{name}: {line}" for run, name in named for line in run.missing)
    return replace(
        first,
        info=first.info.model_copy(update={
            "suite": " and ".join(dict.fromkeys(r.info.suite for r in runs)),
            "metrics": tuple(dict.fromkeys(m for r in runs for m in r.info.metrics)),
            "evaluators": {f"{n}: {k}": v for r, n in named for k, v in r.info.evaluators.items()},
            "weights": {f"{k}{SEPARATOR}{n}": v for r, n in named for k, v in r.info.weights.items()},
            "command": "\n".join(f"{n}: {r.info.command}" for r, n in named),
            "commit": ", ".join(dict.fromkeys(r.info.commit for r in runs)),
            "finished": first.info.finished if all(r.info.finished for r in runs) else "",
            "world": "embedded" if all(r.info.world == "embedded" for r in runs) else "data",
        }),
        methods=tuple(sorted(methods, key=lambda m: order[role(m)])),
        tracks=tuple(dict.fromkeys(t for r in runs for t in r.tracks)),
        clips=tuple(clips.values()),
        records=tuple(r for i, run in enumerate(runs) for r in _records(run, i, names[i])),
        values=_frames([r.values for r in runs], names),
        clip_values=_frames([r.clip_values for r in runs], names),
        frames=_frames([r.frames for r in runs], names),
        confusion=_frames([r.confusion for r in runs], names),
        worst_frames=_frames([r.worst_frames for r in runs], names),
        missing=missing,
        parts=tuple(f"{SEPARATOR}{name}" for name in names),
        expected=sum(len(r.methods) * len(r.tracks) * len(r.clips) for r in runs),
    )  # fmt: skip


def _methods(run: Run, name: str) -> list[MethodInfo]:
    kinds: dict[Role, str] = {"difference": "method", "part": "method"}
    return [
        m.model_copy(update={
            "name": f"{m.name}{SEPARATOR}{name}", "title": f"{m.title or m.name} · {name}",
            "role": kinds.get(role(m), role(m)),
        })
        for m in run.methods
    ]  # fmt: skip


def _records(run: Run, index: int, name: str) -> list[ClipRecord]:
    return [
        r.model_copy(update={
            "method": f"{r.method}{SEPARATOR}{name}",
            "media": f"{index}/{r.media}" if r.media else "",
            "reference": f"{index}/{r.reference}" if r.reference else "",
        })
        for r in run.records
    ]  # fmt: skip


def _frames(tables: Sequence[pd.DataFrame], names: Sequence[str]) -> pd.DataFrame:
    renamed = [
        t.assign(method=t["method"].astype(str) + f"{SEPARATOR}{n}")
        for t, n in zip(tables, names, strict=True)
        if len(t)
    ]
    return pd.concat(renamed, ignore_index=True) if renamed else tables[0]


def compare(runs: Sequence[Run], merged: Run) -> Comparison:
    """What changed from the first run to each other one, method by method, where signatures allow it."""
    facts, names = collect(merged.values, merged.info.metrics), labels(runs)
    signed: dict[str, set[str]] = {}
    for metric, signature in zip(merged.values["metric"], merged.values["signature"], strict=True):
        signed.setdefault(str(metric), set()).add(str(signature))
    alike = {m: f for m, f in facts.items() if len(signed.get(m, ())) == 1}
    refused = tuple(
        f"{facts[m].title}: {' ≠ '.join(sorted(s))}" for m, s in signed.items() if len(s) > 1 and m in facts
    )
    changes = [
        change
        for run, name in zip(runs[1:], names[1:], strict=True)
        for method in run.methods
        if any(m.name == method.name for m in runs[0].methods) and role(method) in ("method", "ablation")
        for track in merged.tracks
        for metric in alike.values()
        if metric.ranked and (change := _change(merged, metric, track, method, names[0], name)) is not None
    ]
    lines = tuple(_line(run, name) for run, name in zip(runs, names, strict=True))
    return Comparison(lines, tuple(changes), refused, _warnings(runs))


def _change(run: Run, facts: MetricFacts, track: str, method: MethodInfo, old: str, new: str) -> Change | None:
    a, b = f"{method.name}{SEPARATOR}{new}", f"{method.name}{SEPARATOR}{old}"
    found = paired(run, facts, track, a, b)
    if found is None:
        return None
    ends = f"[{number(found.low, signed=True)}, {number(found.high, signed=True)}]" if found.low is not None else ""
    outcome = ("better" if found.gain > 0 else "worse") if found.separated else "unclear"
    text = f"{number(found.value_b)} → {number(found.value_a)}; gain {number(found.gain, signed=True)} {ends}".strip()
    title = f"{facts.title} {facts.arrow}".strip()
    return Change(method.title or method.name, title, track, new, found, text, outcome)


def _line(run: Run, label: str) -> RunLine:
    info = run.info
    return RunLine(
        label, run.root.name, info.suite, info.protocol, info.world, info.commit, len(run.clips),
        clip_list_hash(run.clips), info.command,
        tuple((f.claim.title, f.status) for f in findings(run, collect(run.values, run.info.metrics))),
    )  # fmt: skip


def _warnings(runs: Sequence[Run]) -> tuple[str, ...]:
    found = []
    if len({clip_list_hash(r.clips) for r in runs}) > 1:
        found.append("the runs do not have the same clips: differences are over the clips that both runs scored")
    for what, values in (
        ("protocols", {r.info.protocol for r in runs}),
        ("worlds", {r.info.world for r in runs}),
        ("suites", {r.info.suite for r in runs}),
    ):
        if len(values) > 1:
            found.append(f"the runs have different {what}: {', '.join(sorted(values))}")
    return tuple(found)
