"""The real parts of a run: embedded world or MEAD folder, models and evaluators of the bundle, metrics, report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.parts import Measurement, MeasureSettings
from benchmarks.produce import Produced, Talker
from benchmarks.world import build_world, read_data, world_is_ready

if TYPE_CHECKING:
    from benchmarks.methods import Method
    from benchmarks.plan import Task
    from benchmarks.suites import Suite
    from benchmarks.world import Progress
    from eap.data.clip import Clip, Manifest
    from eap.data.truth import Truth
    from eap.inference import Model
    from metrics.evaluators import EvaluatorSet
    from metrics.features.clip import ClipFeatures, Floats
    from metrics.fid import FeatureSet
    from metrics.measure import Setup
    from metrics.results import ClipReading, ClipValue, FrameSeries, ResultTable
    from metrics.rundir import ClipRecord
    from metrics.worst_frames import WorstFrame


@dataclass(frozen=True)
class BundledParts:
    """See ``benchmarks.parts.Parts``. Holds nothing itself: models and networks are loaded once per process."""

    bundle: Path | None = None
    """Folder of the weights; None is the project's own."""
    threads: int = 1
    """Threads of the numerical kernels; anything but 1 is for measuring what they change."""

    def weights(self, names: Sequence[str]) -> dict[str, str]:
        """SHA-256 of each model's file, and of the file that holds its shared tensors."""
        from eap.bundle.store import find_entry

        entries = [find_entry(name, self.bundle) for name in names]
        return {entry.name: "+".join(filter(None, (entry.sha256, entry.base_sha256))) for entry in entries}

    def evaluators(self, name: str, sync_crop: str | None, protocol: str) -> dict[str, str]:
        """SHA-256 of each evaluator."""
        return _evaluators(name, sync_crop, protocol, self.bundle).weights()

    def metric_names(self, wanted: Sequence[str]) -> tuple[str, ...]:
        """Checked names, or those that are measured by default."""
        from metrics.registry import default_metrics, get_metric

        return tuple(get_metric(name).spec.name for name in wanted) or tuple(m.spec.name for m in default_metrics())

    def world_ready(self, suite: Suite) -> bool:
        """Whether the suite's world lies complete in the cache."""
        return world_is_ready(suite)

    def world(self, suite: Suite, workers: int, progress: Progress) -> Manifest:
        """The embedded world."""
        return build_world(suite, workers, progress)

    def data(self, root: Path) -> Manifest:
        """A MEAD folder."""
        return read_data(root)

    def model(self, name: str) -> Talker:
        """A bundled model."""
        _threads(self.threads)
        return load_talker(name, self.bundle)

    def measure(self, task: Task, produced: Produced, settings: MeasureSettings) -> Measurement:
        """Measure one clip with the metrics that mean something for its method."""
        from metrics.measure import measure_clip
        from metrics.registry import get_metric

        _threads(self.threads)
        names = metrics_of(task.method, settings.metrics)
        setup = _setup(replace(settings, metrics=names), self.bundle)
        compares = any(get_metric(name).spec.reference for name in names)
        reference = produced.truth if compares else None
        measured = measure_clip(
            produced.media, reference, reading_of(task), setup, truth=_truth(task.clip), twin=task.clip.twin
        )
        key = "" if measured.features is None else measured.features.key
        return Measurement(measured.values, measured.reading.judged_emotion, key)

    def tabulate(
        self, tasks: Sequence[Task], records: Sequence[ClipRecord], root: Path, settings: MeasureSettings
    ) -> tuple[ResultTable, Sequence[FrameSeries]]:
        """Pool and bootstrap; features for FID and the plots come from the cache (or are computed again)."""
        from metrics.aggregate import ClipSetFeatures, aggregate

        _threads(self.threads)
        setup = _setup(settings, self.bundle)
        gathered = _Gathered(tasks, root, setup)
        values: list[ClipValue] = []
        for record in records:
            values.extend(gathered.add(record, settings.metrics))
        readings = [record.reading() for record in records]
        features = ClipSetFeatures(gathered.sets(), gathered.reference_set())
        table = aggregate(
            values, readings, setup.context, metrics=settings.metrics, features=features, seed=settings.seed
        )
        table = replace(table, worst_frames=tuple(gathered.worst))
        return _without_meaningless(table, {task.method.name: task.method for task in tasks}), gathered.series

    def report(self, root: Path) -> Path:
        """Write the HTML report."""
        import reports

        return reports.build(root)


def metrics_of(method: Method, names: Sequence[str]) -> tuple[str, ...]:
    """The metrics that mean something for a method's row."""
    from metrics.registry import get_metric

    return tuple(
        name
        for name in names
        if (not method.metrics or name in method.metrics)
        and (method.uses_reference or name != "reference_leakage")
        and (method.neutral or not get_metric(name).spec.neutral_only)
    )


def reading_of(task: Task) -> ClipReading:
    """What the metrics are told about a clip."""
    from metrics.results import ClipReading

    clip = task.clip
    shown = None if task.reference is None else task.reference.emotion
    return ClipReading(task.method.name, task.tracks[0], clip.id, clip.identity, clip.emotion, clip.level, shown)


class _Gathered:
    """Features and series of a whole run, read clip by clip."""

    def __init__(self, tasks: Sequence[Task], root: Path, setup: Setup) -> None:
        self._root, self._setup = root, setup
        self._tasks: dict[tuple[str, str, str], Task] = {
            (task.method.name, track, task.clip.id): task for task in tasks for track in task.tracks
        }
        self._found: dict[tuple[str, str], list[tuple[Floats, str]]] = {}
        self.series: list[FrameSeries] = []
        self.worst: list[WorstFrame] = []
        self._theirs: dict[str, ClipFeatures | None] = {}

    def add(self, record: ClipRecord, metrics: Sequence[str]) -> list[ClipValue]:
        """Take in one record; returns its clip values."""
        from metrics.measure import failed_values, frame_series

        method = self._tasks[record.key].method
        names = metrics_of(method, metrics)
        if record.status == "failed":
            return list(failed_values(record.reading(), replace(self._setup, metrics=names), record.reason))
        features = self._features(record, replace(self._setup, metrics=names))
        if features is not None:
            self.series.extend(frame_series(record.reading(), features, _truth(self._tasks[record.key].clip)))
            self.worst.extend(self._worst(record, features, replace(self._setup, metrics=names)))
            if features.features is not None and not method.metrics:
                self._found.setdefault((record.method, record.track), []).append((features.features, record.identity))
        return record.clip_values()

    def sets(self) -> dict[tuple[str, str], FeatureSet]:
        """Features for FID of every method on every track."""
        from metrics.fid import FeatureSet

        return {
            cell: FeatureSet(tuple(array for array, _ in found), tuple(name for _, name in found))
            for cell, found in self._found.items()
        }

    def reference_set(self) -> FeatureSet | None:
        """Features for FID of the clips that everything is measured against."""
        from eap.errors import MediaError
        from metrics.fid import FeatureSet
        from metrics.measure import features_of

        clips = {task.clip.id: task.clip for task in self._tasks.values()}
        found = []
        for name in sorted(clips):
            try:
                features = features_of(self._true_video(clips[name]), self._setup)
            except MediaError:
                continue  # the clip is a failed row of every method already, with this reason
            if features.features is not None:
                found.append((features.features, clips[name].identity))
        if not found:
            return None
        return FeatureSet(tuple(array for array, _ in found), tuple(name for _, name in found))

    def _true_video(self, clip: Clip) -> Path:
        """The clip that results are measured against: the dataset's, or the run's copy of it."""
        from benchmarks.produce import Places

        copy = Places(self._root, 0).truth(clip.id)
        return copy if copy.is_file() else Path(clip.video)

    def _worst(self, record: ClipRecord, features: ClipFeatures, setup: Setup) -> list[WorstFrame]:
        """Where a clip is worst, from what its measurement left in the cache."""
        from metrics.measure import gather, pair_of
        from metrics.worst_frames import worst_frames

        video = self._true_video(self._tasks[record.key].clip)
        pair = pair_of(self._root / record.media, video, setup) if setup.pixels else None
        measured = gather(features, self._reference(record.clip, video), pair, record.reading(), setup)
        return worst_frames(measured, record.reading(), setup)

    def _reference(self, clip: str, video: Path) -> ClipFeatures | None:
        """The true clip's landmarks, once a clip; nothing else of it is kept, for runs are long."""
        from eap.errors import MediaError
        from metrics.measure import features_of

        if clip not in self._theirs:
            try:
                found = features_of(video, self._setup)
                self._theirs[clip] = replace(
                    found, emotion=None, affect=None, features=None, sync_video=None, sync_audio=None
                )
            except MediaError:
                self._theirs[clip] = None  # the clip is a failed row of every method already, with this reason
        return self._theirs[clip]

    def _features(self, record: ClipRecord, setup: Setup) -> ClipFeatures | None:
        from eap.errors import MediaError
        from metrics.features.extract import load_features
        from metrics.measure import features_of

        if record.features and (found := load_features(record.features)) is not None:
            return found
        try:
            return features_of(self._root / record.media, setup)
        except MediaError:
            return None  # its values say so already


def _without_meaningless(table: ResultTable, methods: dict[str, Method]) -> ResultTable:
    """Leave out the cells for which a method's row means nothing, instead of showing them as missing."""

    def means_something(method: str, metric: str) -> bool:
        return metric in metrics_of(methods[method], [metric])

    return replace(
        table,
        values=tuple(item for item in table.values if means_something(item.method, item.metric)),
        clip_values=tuple(item for item in table.clip_values if means_something(item.method, item.metric)),
    )


@lru_cache(maxsize=8)
def _setup(settings: MeasureSettings, bundle: Path | None) -> Setup:
    from metrics.measure import set_up
    from metrics.protocols import get_protocol

    return set_up(
        settings.metrics,
        get_protocol(settings.protocol),
        _evaluators(settings.evaluators, settings.sync_crop, settings.protocol, bundle),
        world=settings.world,
        truth=settings.truth,
        force=settings.forced,
    )


def _threads(count: int) -> None:
    """Sums over other numbers of threads round otherwise, and pixels flip: a run must not depend on its workers."""
    import torch

    torch.set_num_threads(count)


@lru_cache(maxsize=2)
def _evaluators(name: str, sync_crop: str | None, protocol: str, bundle: Path | None) -> EvaluatorSet:
    from metrics.evaluators import BUNDLED, get_evaluators
    from metrics.evaluators.bundled import BundledEvaluators
    from metrics.protocols import get_protocol

    if name == BUNDLED and bundle is not None:
        return BundledEvaluators(bundle)
    return get_evaluators(name, sync_crop, eat=get_protocol(protocol).eat)


@lru_cache(maxsize=8)
def load_talker(name: str, bundle: Path | None = None) -> Model:
    """A bundled model, loaded once per process. WeightsError also for weights of another version's model."""
    import eap
    from eap.errors import WeightsError

    try:
        return eap.load(name, bundle)
    except (RuntimeError, KeyError, TypeError) as error:
        # Weights and code that do not fit would otherwise fail clip by clip, with a page of tensor names each.
        raise WeightsError(
            f"weights '{name}' do not fit the model of this version ({type(error).__name__})",
            fix="restore the bundle, or rebuild it with 'eap-bench train'",
        ) from error


def _truth(clip: Clip) -> Truth | None:
    return None if clip.truth is None else _load_truth(Path(clip.truth))


@lru_cache(maxsize=256)
def _load_truth(path: Path) -> Truth:
    from eap.data.truth import load_truth

    return load_truth(path)
