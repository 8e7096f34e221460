"""A/A noise: how much each metric moves when nothing that matters changes, and the floors that follow from it.

Sources, each against the same run: ``re-encode`` (one more generation of the encoder), ``threads`` (two threads in
the kernels of model and evaluators instead of one, in one process), ``seed`` (another draw of the suite's reference
images and other audio), and runs that are given. ``seed`` is shown and sets no floor: check refuses a baseline of
another seed, so it is no noise of the gate.

Floor of a metric: over its rows and the sources, the largest of |mean difference| + 4 standard errors (over
identities), and never less than two flipped clips of a metric that is 0 or 1 per clip; two digits, rounded up. A row
without a model is nothing but an encoding, so encoding it once more is damage and not noise: it is left out there.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.regression.compare import cost, pooling
from benchmarks.regression.config import Floor, default_floors
from benchmarks.regression.snapshot import Key, Snapshot
from eap.errors import MeasureError
from eap.files import atomic_write, cache_dir

SOURCES = ("re-encode", "threads", "seed")
FLOOR_SOURCES = ("re-encode", "threads", "given")
ERRORS = 4.0
"""Standard errors above the mean difference: over a hundred comparisons, chance passes this less than once in 300."""
MIN_RELATIVE = 0.01
"""The smallest share of a baseline's value that is worth a red build."""


@dataclass(frozen=True, slots=True)
class SeriesNoise:
    """What one source did to one series; in the metric's unit, positive is worse."""

    source: str
    metric: str
    method: str
    track: str
    mean: float
    """Pooled difference (mean or median over clips)."""
    error: float
    """Standard error of it over identities."""
    largest: float
    """Of any clip, without sign."""
    n: int
    binary: bool
    """Whether the metric is 0 or 1 on every clip (or -1, 0, 1)."""
    fixed: bool
    """Whether the row holds no model."""

    @property
    def sets_floor(self) -> bool:
        """Whether this is noise that the gate meets."""
        return self.source in FLOOR_SOURCES and not (self.fixed and self.source == "re-encode")

    @property
    def reach(self) -> float:
        """How far chance can be expected to move the pooled value."""
        return abs(self.mean) + ERRORS * self.error


@dataclass(frozen=True)
class NoiseReport:
    """All that was measured, and the floors proposed."""

    suite: str
    run: str
    rows: tuple[SeriesNoise, ...]
    floors: Mapping[str, Floor]

    def to_json(self) -> dict[str, Any]:
        """Plain data, as ``--json`` prints it."""
        return {
            "format": 1,
            "suite": self.suite,
            "run": self.run,
            "rows": [asdict(row) for row in self.rows],
            "floors": {name: floor.model_dump() for name, floor in self.floors.items()},
        }


def differences(run: Snapshot, other: Snapshot, key: Key) -> dict[str, float]:
    """Clip id -> how much worse ``other`` is than ``run``, over clips that both have."""
    before, after = run.values(key), other.values(key)
    series = run.series[key]
    return {clip: cost(series, after[clip]) - cost(series, before[clip]) for clip in before if clip in after}


def measure_noise(run: Snapshot, others: Iterable[tuple[str, Snapshot]]) -> tuple[SeriesNoise, ...]:
    """One row for every source and series. Raises MeasureError when a source shares no series with the run."""
    rows: list[SeriesNoise] = []
    for source, other in others:
        made = [_row(source, run, other, key) for key in run.series if key in other.series and run.series[key].clips]
        found = [row for row in made if row is not None]
        if not found:
            raise MeasureError(f"{other.source}: nothing in common with {run.source}", fix="give runs of one suite")
        rows.extend(found)
    return tuple(rows)


def _row(source: str, run: Snapshot, other: Snapshot, key: Key) -> SeriesNoise | None:
    moved = differences(run, other, key)
    if not moved:
        return None
    people: dict[str, list[float]] = {}
    for clip, value in sorted(moved.items()):
        people.setdefault(run.identity_of[clip], []).append(value)
    means = np.array([np.mean(group) for group in people.values()])
    values = np.array([moved[clip] for clip in sorted(moved)])
    error = float(means.std(ddof=1) / math.sqrt(len(means))) if len(means) > 1 else float(np.abs(values).max())
    pooled = float(np.median(values) if pooling(key[0]) == "median" else values.mean())
    fixed = any(row.name == key[1] and row.fixed for row in run.methods)
    levels = {*run.values(key).values(), *other.values(key).values()}
    return SeriesNoise(
        source,
        *key,
        pooled,
        error,
        float(np.abs(values).max()),
        len(values),
        levels <= {-1.0, 0.0, 1.0},
        fixed,
    )


def propose(rows: Sequence[SeriesNoise]) -> dict[str, Floor]:
    """Metric -> floors. Metrics that no source moved get the smallest floors there are."""
    found: dict[str, Floor] = {}
    for metric in sorted({row.metric for row in rows}):
        mine = [row for row in rows if row.metric == metric and row.sets_floor]
        if not mine:
            continue
        reach = max(row.reach for row in mine)
        if all(row.binary for row in mine):
            reach = max(reach, *(1.5 / row.n for row in mine))
        found[metric] = Floor(absolute=round_up(reach), relative=MIN_RELATIVE)
    return found


def round_up(value: float, digits: int = 2) -> float:
    """To two significant digits, upwards: 0.1234 -> 0.13."""
    if value <= 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(value)) - digits + 1)
    return float(f"{math.ceil(value / step - 1e-9) * step:.{digits}g}")


def floors_toml(floors: Mapping[str, Floor], header: Sequence[str]) -> str:
    """The file that `benchmarks.regression.config.read_floors` reads, with the default floor first."""
    default = default_floors()["default"]
    lines = [*(f"# {line}".rstrip() for line in header), ""]
    for name, floor in {"default": default, **floors}.items():
        lines += [f"[{name}]", f"absolute = {floor.absolute!r}", f"relative = {floor.relative!r}", ""]
    return "\n".join(lines).rstrip() + "\n"


def write_floors(report: NoiseReport, path: Path, commit: str) -> None:
    """Write the proposed floors to a .toml file, with where they come from at its head."""
    sources = ", ".join(dict.fromkeys(row.source for row in report.rows))
    header = [
        "What a change must exceed to count, per metric: both the absolute floor (in the metric's unit) and the",
        "relative one (as a share of the baseline's value). Written by eap-bench noise from A/A noise of suite",
        f"'{report.suite}' ({sources}), commit {commit or 'unknown'}.",
        "Override single ones under [check.floors.<metric>] in eap-bench.toml.",
    ]
    with atomic_write(path, "w") as stream:
        stream.write(floors_toml(report.floors, header))


def make_variant(source: str, run: Path, folder: Path, workers: int) -> Path:
    """The run directory of a source, made from ``run`` in ``folder``."""
    from benchmarks.bundled import BundledParts
    from benchmarks.remeasure import ReEncode, remeasure

    if source == "re-encode":
        return remeasure(run, folder / source, ReEncode(), parts=BundledParts(), workers=workers)
    return _run_again(source, run, folder / source, workers)


def _run_again(source: str, run: Path, out: Path, workers: int) -> Path:
    """A whole run of the same suite: with two threads in one process, or with another seed."""
    from benchmarks.bundled import BundledParts
    from benchmarks.runner import RunSettings
    from benchmarks.runner import run as run_suite

    suite: dict[str, Any] = json.loads((run / "config.json").read_text(encoding="utf-8"))["config"]["suite"]
    if source == "seed":
        suite["seed"] += 1
    out.mkdir(parents=True, exist_ok=True)
    file = out.parent / f"{suite['name']}-{source}.toml"
    # Text, numbers and lists of them: what JSON writes is TOML too.
    file.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in suite.items()), encoding="utf-8")
    if source == "seed":
        run_suite(RunSettings(suite=str(file), out=out, workers=workers, report=False))
        return out
    with fresh_features(out.parent / "cache"):
        run_suite(RunSettings(suite=str(file), out=out, workers=1, report=False), parts=BundledParts(threads=2))
    return out


@contextmanager
def fresh_features(folder: Path) -> Iterator[None]:
    """A cache that holds the rendered worlds and nothing measured: features of equal media would be served from it."""
    worlds = cache_dir() / "worlds"
    folder.mkdir(parents=True, exist_ok=True)
    if worlds.is_dir() and not (folder / "worlds").exists():
        (folder / "worlds").symlink_to(worlds.resolve(), target_is_directory=True)
    before = os.environ.get("EAP_CACHE")
    os.environ["EAP_CACHE"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["EAP_CACHE"]
        else:
            os.environ["EAP_CACHE"] = before
