"""The history of a suite: every run of a folder in the order of time, and the commits between which a metric moved.

Consecutive runs are compared as the gate compares run and baseline; the last is also compared with the first, for a
drift in steps that are each too small to count.
"""

from __future__ import annotations

import math
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.baselines import read_baseline
from benchmarks.regression.compare import compare, obstacles
from benchmarks.regression.config import GateConfig
from benchmarks.regression.snapshot import Key, Snapshot, snapshot_of_run
from benchmarks.regression.verdict import Comparison, State
from eap.errors import DataError, EapError

MOVED = (State.REGRESSED, State.IMPROVED)


@dataclass(frozen=True, slots=True)
class Point:
    """One metric of one row in one run; ``run`` is the index of the run."""

    run: int
    value: float
    ci_low: float
    ci_high: float
    scored: int
    expected: int


@dataclass(frozen=True, slots=True)
class Move:
    """What changed between two runs (indices), and how to find the commit."""

    metric: str
    method: str
    track: str
    first: int
    second: int
    state: State
    worse: float
    worse_low: float
    worse_high: float
    floor: float
    drift: bool
    """Between the first and the last run, where no single step moved."""
    commits: int | None
    """Commits after the first run's up to the second's; None where git does not know them."""
    bisect: tuple[str, ...]
    """Commands that find the commit."""


@dataclass(frozen=True)
class Track:
    """One line of a plot."""

    metric: str
    method: str
    track: str
    unit: str
    higher_is_better: bool | None
    target: float | None
    points: tuple[Point, ...]


@dataclass(frozen=True)
class History:
    """All of a suite."""

    suite: str
    runs: tuple[Snapshot, ...]
    tracks: tuple[Track, ...]
    moves: tuple[Move, ...]
    skipped: tuple[str, ...]
    """Folders and files that could not be read or compared, and why."""

    def to_json(self) -> dict[str, Any]:
        """Plain data, as ``--json`` prints it and history.json keeps it."""
        runs = [
            {"source": run.source, "commit": run.commit, "finished": run.finished, "clips": len(run.clips)}
            for run in self.runs
        ]
        return {
            "format": 1,
            "suite": self.suite,
            "runs": runs,
            "tracks": [_finite(asdict(track)) for track in self.tracks],
            "moves": [_finite(asdict(move)) for move in self.moves],
            "skipped": list(self.skipped),
        }


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def load_history(
    folder: Path, config: GateConfig, *, suite: str | None = None, methods: tuple[str, ...] = ()
) -> History:
    """Read every run directory and baseline file below ``folder`` (two levels deep), compare neighbours.

    ``suite``: default the one with most runs. Raises DataError when there is no run.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder", fix="give a folder that holds run directories")
    found, skipped = _read_all(folder)
    names = [snapshot.suite for snapshot in found]
    chosen = suite or max(sorted(set(names)), key=names.count, default="")
    mine = sorted((item for item in found if item.suite == chosen), key=lambda item: (item.finished, item.source))
    if not mine:
        there = ", ".join(sorted(set(names))) or "none"
        raise DataError(f"{folder}: no run{f' of suite {suite!r}' if suite else ''}", fix=f"suites here: {there}")
    runs = _one_kind(mine, skipped)
    keys = [key for key in dict.fromkeys(key for run in runs for key in run.series) if not methods or key[1] in methods]
    moves = [*_moves(runs, config, methods)]
    return History(chosen, runs, tuple(_track(key, runs) for key in keys), tuple(moves), tuple(skipped))


def _read_all(folder: Path) -> tuple[list[Snapshot], list[str]]:
    found: list[Snapshot] = []
    skipped: list[str] = []
    places = sorted([*folder.glob("run.json"), *folder.glob("*/run.json"), *folder.glob("*/*/run.json")])
    files = [path for path in sorted([*folder.glob("*.json"), *folder.glob("*/*.json")]) if path.name != "run.json"]
    for path in [place.parent for place in places]:
        try:
            found.append(snapshot_of_run(path))
        except EapError as error:
            skipped.append(error.message)
    for path in files:
        try:
            found.append(read_baseline(path))
        except EapError:
            continue  # any other JSON file: settings of runs, verdicts
    return found, skipped


def _one_kind(runs: Sequence[Snapshot], skipped: list[str]) -> tuple[Snapshot, ...]:
    """The runs that can be compared with the newest; the others are named."""
    newest = runs[-1]
    kept = []
    for run in runs:
        problems = obstacles(run, newest)
        if problems:
            skipped.append(f"{run.source}: {problems[0].what.replace('baseline', 'newest run')}")
        else:
            kept.append(run)
    return tuple(kept)


def _track(key: Key, runs: Sequence[Snapshot]) -> Track:
    series = [(index, run.series[key]) for index, run in enumerate(runs) if key in run.series]
    last = series[-1][1]
    points = tuple(Point(i, s.value, s.ci_low, s.ci_high, s.n_scored, s.n_expected) for i, s in series)
    return Track(*key, last.unit, last.higher_is_better, last.target, points)


def _moves(runs: Sequence[Snapshot], config: GateConfig, methods: tuple[str, ...]) -> list[Move]:
    moves = []
    stepped: set[Key] = set()
    for index in range(1, len(runs)):
        for item in compare(runs[index], runs[index - 1], config, methods=methods):
            if item.state in MOVED:
                stepped.add(item.key)
                moves.append(_move(item, runs, index - 1, index, drift=False))
    if len(runs) > 2:
        for item in compare(runs[-1], runs[0], config, methods=methods):
            if item.state in MOVED and item.key not in stepped:
                moves.append(_move(item, runs, 0, len(runs) - 1, drift=True))
    return moves


def _move(item: Comparison, runs: Sequence[Snapshot], first: int, second: int, *, drift: bool) -> Move:
    good, bad = runs[first].commit, runs[second].commit
    return Move(
        *item.key, first, second, item.state, item.worse, item.worse_low, item.worse_high, item.floor, drift,
        commits_between(good, bad), bisect_commands(item, runs[first], bad) if _plain(good) and _plain(bad) else (),
    )  # fmt: skip


def bisect_commands(item: Comparison, good: Snapshot, bad: str) -> tuple[str, ...]:
    """``git bisect`` with the gate as its test; what cannot be measured (exit code 3) is skipped."""
    wanted = ["--metrics", item.metric, "--method", item.method]
    check = shlex.join(["eap-bench", "check", "--suite", good.suite, "--baseline", good.source, *wanted])
    script = f"{check}; code=$?; [ $code -eq 3 ] && exit 125; exit $code"
    return f"git bisect start {bad} {good.commit}", f"git bisect run sh -c {shlex.quote(script)}"


def commits_between(first: str, second: str) -> int | None:
    """How many commits lead from the first to the second in this checkout; None where git cannot say."""
    if not (_plain(first) and _plain(second)):
        return None
    try:
        done = subprocess.run(
            ["git", "rev-list", "--count", f"{first}..{second}"], capture_output=True, text=True, timeout=10, check=True
        )
        return int(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def _plain(commit: str) -> bool:
    """Whether it is a commit's hash, and not a changed tree or nothing."""
    return bool(commit) and all(sign in "0123456789abcdef" for sign in commit)
