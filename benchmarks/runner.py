"""The run: plan, make and measure every clip, journal it, tabulate, report. Resumable at any moment."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.executors import Outcome, default_workers, interrupt_here_only, make_executor
from benchmarks.external import folder_hash, require_settings
from benchmarks.faults import DiskFull, NoRoom, is_disk_full
from benchmarks.fingerprint import code_version, commit, config_hash, data_hash, versions
from benchmarks.methods import Method, load_method
from benchmarks.observer import Cost, Observer
from benchmarks.parts import MeasureSettings, Parts
from benchmarks.plan import Selection, Task, build_tasks, select_data, select_world
from benchmarks.spoken import command_line
from benchmarks.store import RunStore
from benchmarks.suites import Suite, load_suite
from benchmarks.work import Work, records_of
from eap.errors import ConfigError
from metrics.protocols import get_protocol
from metrics.rundir import ClipInfo, ClipRecord, MethodInfo, RunInfo

if TYPE_CHECKING:
    from eap.data.clip import Manifest
    from metrics.results import ResultTable

BYTES_PER_CLIP = 80_000
"""Media and features of a two-second clip at 96 pixels, rounded up."""


@dataclass(frozen=True)
class RunSettings:
    """What ``eap-bench run`` was asked for. Empty selections mean the suite's own."""

    suite: str = "mead"
    data: Path | None = None
    methods: tuple[str, ...] = ()
    tracks: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    protocol: str = ""
    evaluators: str = "bundled"
    sync_crop: str | None = None
    out: Path | None = None
    workers: int | None = None
    executor: str = "local"
    retry_failed: bool = False
    force_bundled: bool = False
    report: bool = True


@dataclass(frozen=True)
class RunOutcome:
    """A finished run."""

    root: Path
    info: RunInfo
    table: ResultTable
    records: tuple[ClipRecord, ...]
    report: Path | None
    from_cache: bool
    seconds: float

    @property
    def failed(self) -> tuple[ClipRecord, ...]:
        """Clips that have a reason instead of numbers."""
        return tuple(record for record in self.records if record.status == "failed")

    @property
    def n_scored(self) -> int:
        """How many clips were measured."""
        return len(self.records) - len(self.failed)

    def to_json(self) -> dict[str, Any]:
        """Plain data, as ``--json`` prints it."""
        failed = [{"method": r.method, "track": r.track, "clip": r.clip, "reason": r.reason} for r in self.failed]
        return {
            "format": 1,
            "run": str(self.root),
            "report": None if self.report is None else str(self.report),
            "suite": self.info.suite,
            "from_cache": self.from_cache,
            "seconds": round(self.seconds, 1),
            "clips_scored": self.n_scored,
            "clips_expected": len(self.records),
            "failed": failed,
            "values": self.table.to_json()["values"],
        }


@dataclass(frozen=True)
class _Job:
    """Settings resolved against the suite, the methods and the parts."""

    suite: Suite
    methods: tuple[Method, ...]
    measuring: MeasureSettings
    config: dict[str, Any]
    weights: dict[str, str]
    evaluators: dict[str, str]
    manifest: Manifest | None

    @property
    def fingerprint(self) -> str:
        return config_hash(self.config)


def run(
    settings: RunSettings | str = "mead", *, parts: Parts | None = None, observer: Observer | None = None
) -> RunOutcome:
    """Run a suite (by settings or by name) to its end and return what was measured.

    Raises ``EapError`` for bad input; KeyboardInterrupt and a full disk leave a directory from which the same call
    goes on. A clip that fails is a row with its reason.
    """
    if isinstance(settings, str):
        settings = RunSettings(suite=settings)
    if parts is None:
        from benchmarks.bundled import BundledParts

        parts = BundledParts()
    observer = observer or Observer()
    began = time.monotonic()
    job = _prepare(settings, parts)
    root = settings.out or Path("runs") / f"{job.suite.name}-{job.fingerprint[:10]}"
    with RunStore(root, job.fingerprint, job.config) as store:
        try:
            with interrupt_here_only():
                return _run_in(store, job, settings, parts, observer, began)
        except KeyboardInterrupt as error:
            raise KeyboardInterrupt(f"{len(store.records)} finished rows are kept in {root}") from error
        except Exception as error:
            if not is_disk_full(error):
                raise
            raise DiskFull(
                f"{root}: the disk is full; {len(store.records)} finished rows are kept",
                fix="free some space, then run the same command again",
            ) from error
        finally:
            observer.end()


def _prepare(settings: RunSettings, parts: Parts) -> _Job:
    suite = load_suite(settings.suite)
    manifest = None if settings.data is None else parts.data(settings.data)
    exact = manifest is None or all(clip.truth is not None for clip in manifest.clips)
    if not exact and settings.evaluators == "bundled" and not settings.force_bundled:
        raise ConfigError(
            f"{settings.data}: real faces, and the bundled evaluators know only the embedded world",
            fix="choose --evaluators official or mediapipe, or add --force-bundled: the report will say so",
        )
    tracks = tuple(track for track in suite.tracks if not settings.tracks or track in settings.tracks)
    names = settings.methods or suite.methods
    protocol = get_protocol(settings.protocol or suite.protocol).name
    suite = suite.model_copy(update={"tracks": tracks, "methods": names, "protocol": protocol})
    methods = tuple(load_method(name) for name in names)
    if len({method.name for method in methods}) < len(methods):
        raise ConfigError("a method is named twice", fix="name each method once")
    for method in methods:
        if method.kind == "command":
            require_settings(method.name)
    metrics = parts.metric_names(settings.metrics or suite.metrics)
    weights = parts.weights(sorted({name for method in methods for name in method.all_weights}))
    evaluators = parts.evaluators(settings.evaluators, settings.sync_crop, protocol)
    config = {
        "suite": suite.model_dump(mode="json"),
        "methods": [method.model_dump(mode="json") for method in methods],
        "results": {method.name: folder_hash(method.folder) for method in methods if method.folder},
        "metrics": list(metrics),
        "weights": weights,
        "evaluators": evaluators,
        "sync_crop": settings.sync_crop,
        "code": code_version(),
        "data": None if manifest is None else [str(Path(manifest.root).resolve()), data_hash(manifest)],
        "forced": settings.force_bundled and not exact,
    }
    measuring = MeasureSettings(
        suite.protocol,
        metrics,
        world="embedded" if exact else "data",
        truth="exact" if exact else "pseudo",
        evaluators=settings.evaluators,
        sync_crop=settings.sync_crop,
        forced=settings.force_bundled,
        seed=suite.seed,
    )
    return _Job(suite, methods, measuring, config, weights, evaluators, manifest)


def _run_in(
    store: RunStore, job: _Job, settings: RunSettings, parts: Parts, observer: Observer, began: float
) -> RunOutcome:
    finished = store.finished_info()
    if finished is not None and not (settings.retry_failed and _failed_keys(store)):
        return _from_cache(store, finished, settings, parts, began)
    workers = settings.workers if settings.workers is not None else default_workers()
    executor = make_executor(settings.executor, workers)
    if settings.retry_failed:
        store.forget(_failed_keys(store))
    _announce(job, store, parts, observer, workers)
    selection = _select(job, parts, observer, workers)
    tasks = build_tasks(selection, job.suite, job.methods)
    pending = [task for task in tasks if not _is_done(task, store)]
    _check_space(store.root, len(pending))
    info = _info(job, selection, settings)
    store.files.write_info(info)
    work = Work(parts, store.root, job.suite, job.measuring)
    observer.begin("clips", len(tasks), len(tasks) - len(pending))
    with closing(executor.map(work, pending)) as outcomes:
        for outcome in outcomes:
            for record in _records(outcome):
                store.append(record)
            observer.advance(outcome.item)
    observer.end()
    return _finish(store, job, info, tasks, parts, settings, observer, began)


def _announce(job: _Job, store: RunStore, parts: Parts, observer: Observer, workers: int) -> None:
    """The cost, before any of it is spent: counted from the suite, for the world may have to be rendered yet."""
    suite, methods = job.suite, job.methods
    embedded = job.manifest is None
    clips = len(suite.cells()) if job.manifest is None else len(select_data(job.manifest, suite).clips)
    per_clip = sum(len(suite.tracks) if method.uses_reference else 1 for method in methods)
    talking = clips * len(suite.tracks) * sum(method.kind == "model" for method in methods)
    share = {method.name: 1.0 if method.uses_reference else 1 / len(suite.tracks) for method in methods}
    done = round(sum(share[method] for method, _, _ in store.records))
    render = clips + len(suite.reference_cells()) if embedded and not parts.world_ready(suite) else 0
    cost = Cost(clips, len(methods), clips * per_clip, done, talking, render, workers, suite.seconds)
    observer.announce(suite, store.root, cost)


def _select(job: _Job, parts: Parts, observer: Observer, workers: int) -> Selection:
    if job.manifest is not None:
        selection = select_data(job.manifest, job.suite)
        if selection.absent:
            shown = ", ".join(selection.absent[:5]) + (", ..." if len(selection.absent) > 5 else "")
            observer.note(f"the dataset has no clip for {len(selection.absent)} combinations of the suite: {shown}")
        return selection
    if not parts.world_ready(job.suite):
        total = len(job.suite.cells()) + len(job.suite.reference_cells())
        observer.begin("world", total, 0)
    manifest = parts.world(job.suite, workers, observer.progress)
    observer.end()
    return select_world(manifest, job.suite)


def _finish(
    store: RunStore, job: _Job, info: RunInfo, tasks: Sequence[Task], parts: Parts, settings: RunSettings,
    observer: Observer, began: float,
) -> RunOutcome:  # fmt: skip
    # In the plan's order, whatever the order of work was: a resumed run gives the same bytes.
    records = tuple(store.records[key] for task in tasks for key in _keys(task))
    observer.note("pooling and bootstrapping")
    table, series = parts.tabulate(tasks, records, store.root, job.measuring)
    store.files.write_tables(table, series)
    info = info.model_copy(update={"finished": _now()})
    store.files.write_info(info)
    report = None
    if settings.report:
        observer.note("writing the report")
        report = parts.report(store.root)
    return RunOutcome(store.root, info, table, records, report, False, time.monotonic() - began)


def _from_cache(store: RunStore, info: RunInfo, settings: RunSettings, parts: Parts, began: float) -> RunOutcome:
    from benchmarks.tables import read_table

    report: Path | None = store.files.report / "index.html"
    if settings.report and report is not None and not report.is_file():
        report = parts.report(store.root)
    elif report is not None and not report.is_file():
        report = None
    table = read_table(store.files)
    return RunOutcome(store.root, info, table, tuple(store.records.values()), report, True, time.monotonic() - began)


def _records(outcome: Outcome[Task, list[ClipRecord]]) -> list[ClipRecord]:
    if outcome.result is not None:
        return outcome.result
    return records_of(outcome.item, status="failed", reason=outcome.crash)


def _keys(task: Task) -> list[tuple[str, str, str]]:
    return [(task.method.name, track, task.clip.id) for track in task.tracks]


def _is_done(task: Task, store: RunStore) -> bool:
    """Whether the journal has the task. A kill between the lines of its tracks is mended from the line there is."""
    found = [store.records[key] for key in _keys(task) if key in store.records]
    if not found:
        return False
    for method, track, clip in _keys(task):
        if (method, track, clip) not in store.records:
            store.append(found[0].model_copy(update={"track": track}))
    return True


def _failed_keys(store: RunStore) -> list[tuple[str, str, str]]:
    return [key for key, record in store.records.items() if record.status == "failed"]


def _info(job: _Job, selection: Selection, settings: RunSettings) -> RunInfo:
    clips = [
        ClipInfo(id=c.id, identity=c.identity, emotion=c.emotion, level=c.level, sentence=c.sentence, view=c.view)
        for c in selection.clips
    ]
    methods = [
        MethodInfo(name=method.name, title=method.label, kind=method.kind, inputs=method.described, role=method.role)
        for method in job.methods
    ]
    return RunInfo(
        suite=job.suite.name,
        protocol=job.suite.protocol,
        world=job.measuring.world,
        data="" if settings.data is None else str(settings.data),
        methods=tuple(methods),
        tracks=job.suite.tracks,
        metrics=job.measuring.metrics,
        clips=tuple(clips),
        commit=commit() or "",
        versions=versions(),
        seed=job.suite.seed,
        started=_now(),
        command=command_line(),
        evaluators=job.evaluators,
        weights=job.weights,
    )


def _check_space(root: Path, pending: int) -> None:
    import shutil

    need = pending * BYTES_PER_CLIP
    free = shutil.disk_usage(root).free
    if free < need:
        raise NoRoom(
            f"{root}: about {need / 1e6:.0f} MB are needed, {free / 1e6:.0f} MB are free",
            fix="free some space or choose another --out, then run the same command again",
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
