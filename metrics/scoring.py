"""`metrics.score`: the numbers for a file or folder of results against a file or folder of references."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from eap.constants import EMOTIONS
from eap.errors import ConfigError, DataError, MediaError
from metrics.aggregate import ClipSetFeatures, aggregate
from metrics.features.clip import ClipFeatures, Floats
from metrics.features.extract import RATE
from metrics.fid import FeatureSet
from metrics.measure import Setup, World, failed_values, features_of, measure_clip, require_fit, set_up
from metrics.protocols import get_protocol
from metrics.registry import EVALUATOR_NEEDS, default_metrics, get_metric
from metrics.results import ClipReading, ClipValue, ResultTable
from metrics.statistics import SEED

if TYPE_CHECKING:
    from eap.data.clip import Clip
    from eap.data.truth import Truth
    from metrics.evaluators import EvaluatorSet

TRACK = "all"
"""Scoring two folders knows no reference tracks."""
CEILING = "ground-truth"
"""The row of the references themselves, encoded once more."""
Progress = Callable[[int, int, str], None]

_CLIP_NAME = re.compile(rf"(?P<identity>[^_]+)_.+_(?P<emotion>{'|'.join(EMOTIONS)})_(?P<level>[1-3])_[^_]+")
_MEAD_ID = re.compile(
    rf"(?P<identity>[^/]+)/(?:video|1|2)/[^/]+/(?P<emotion>{'|'.join(EMOTIONS)})/level_(?P<level>[1-3])/[^/]+"
)


def score(
    generated: Path | str,
    reference: Path | str,
    metrics: Sequence[str] | None = None,
    protocol: str = "strict",
    evaluators: EvaluatorSet | Literal["bundled", "official", "mediapipe"] | None = "bundled",
    *,
    sync_crop: str | None = None,
    force: bool = False,
    world: World | None = None,
    method: str | None = None,
    votes: Path | str | Mapping[str, float] | None = None,
    ceiling: bool = False,
    seed: int = SEED,
    cache: bool = True,
    progress: Progress | None = None,
) -> ResultTable:
    """Measure `generated` against `reference`: two video files, or two folders paired by file name.

    Every reference is expected: a missing, unreadable, silent or unequally long result is a counted row with its
    reason. `metrics`: names, default all that two folders allow. `evaluators=None` leaves only what needs none;
    "official" and "mediapipe" are published networks for real faces, with `sync_crop` one of
    `metrics.evaluators.crops.SYNC_CROPS` (default: the protocol's). The bundled evaluators know the embedded world
    alone (`world`: default "embedded" when every reference has its `.truth.npz` beside it): elsewhere their metrics
    are rows that say "refused", or an error when asked for by name, unless `force`. `method` names the row (default:
    the name of `generated`). `votes`: people's votes of intensity, clip name -> vote (0..1 or 0..100), or a CSV file
    of them (CREMA-D's summaryTable.csv). `ceiling` adds the row "ground-truth": every reference, encoded once more,
    measured as a result. `progress(done, total, clip)`.

    Raises DataError (no such path, nothing pairs), ConfigError (unknown metric or protocol), WeightsError,
    MeasureError (refused metrics asked for by name; cache not writable).
    """
    generated, reference = Path(generated), Path(reference)
    pairs = _pair(generated, reference)
    embedded = all(item.reference.truth is not None for item in pairs.items)
    names = _names(metrics, evaluators)
    wanted = {need for name in names for need in get_metric(name).spec.needs}
    aligned = get_protocol(protocol).eat and "pixels" in wanted  # its crop is found by landmarks
    needed = bool(wanted & EVALUATOR_NEEDS) or aligned
    setup = set_up(
        names,
        get_protocol(protocol),
        _evaluators(evaluators, sync_crop, protocol) if needed else None,
        world=world or ("embedded" if embedded else "data"),
        truth="exact" if embedded else "pseudo",
        force=force,
    )
    if metrics is not None:
        require_fit(setup)
    asked = _votes(votes)
    gathered = _Gathered(asked)
    total = len(pairs.items) * (2 if ceiling else 1)
    for done, item in enumerate(pairs.items):
        if progress is not None:
            progress(done, total, item.reference.id)
        _measure(item, method or generated.stem, setup, embedded, cache, gathered)
    if ceiling:
        _measure_ceiling(pairs.items, setup, embedded, cache, gathered, progress)
    if progress is not None:
        progress(total, total, "")
    notes = (*pairs.notes, *([setup.context.world_note] if setup.context.world_note else []))
    return aggregate(
        gathered.values,
        gathered.readings,
        setup.context,
        metrics=setup.metrics,
        features=gathered.features(),
        seed=seed,
        notes=notes,
    )


@dataclass(frozen=True)
class _Pair:
    """A reference and its result, or why there is none."""

    reference: Clip
    generated: Clip | None
    reason: str = ""

    @property
    def reading(self) -> tuple[str, str | None, int | None]:
        """Identity, emotion and level, from the clip's name or its place in a MEAD folder."""
        if matched := _MEAD_ID.fullmatch(self.reference.id):
            return matched["identity"], matched["emotion"], int(matched["level"])
        clip = self.reference
        if clip.emotion is None and self.generated is not None and self.generated.emotion is not None:
            clip = self.generated
        return clip.identity, clip.emotion, clip.level


@dataclass(frozen=True)
class _Pairs:
    items: tuple[_Pair, ...]
    notes: tuple[str, ...]


@dataclass
class _Gathered:
    """What comes together clip by clip."""

    votes: Mapping[str, float] = field(default_factory=dict)
    values: list[ClipValue] = field(default_factory=list)
    readings: list[ClipReading] = field(default_factory=list)
    ours: dict[str, list[tuple[Floats, str]]] = field(default_factory=dict)
    theirs: list[tuple[Floats, str]] = field(default_factory=list)

    def keep(self, features: ClipFeatures | None, identity: str, side: list[tuple[Floats, str]]) -> None:
        """Remember a clip's image features for FID."""
        if features is not None and features.features is not None:
            side.append((features.features, identity))

    def features(self) -> ClipSetFeatures:
        """Both sides as FID wants them."""

        def as_set(side: list[tuple[Floats, str]]) -> FeatureSet | None:
            return FeatureSet(tuple(item[0] for item in side), tuple(item[1] for item in side)) if side else None

        ours = {(method, TRACK): found for method, side in self.ours.items() if (found := as_set(side)) is not None}
        return ClipSetFeatures(ours, as_set(self.theirs))

    def vote(self, clip: Clip) -> float | None:
        """People's vote on a reference, under its id or its file's name."""
        return self.votes.get(clip.id, self.votes.get(clip.video.stem))


def _measure(item: _Pair, method: str, setup: Setup, exact: bool, cache: bool, gathered: _Gathered) -> None:
    identity, emotion, level = item.reading
    vote = gathered.vote(item.reference)
    reading = ClipReading(method, TRACK, item.reference.id, identity, emotion, level, vote=vote)
    if item.generated is None:
        gathered.values.extend(failed_values(reading, setup, item.reason))
        gathered.readings.append(reading)
        if method != CEILING:
            gathered.keep(_reference_features(item.reference.video, setup, cache), identity, gathered.theirs)
        return
    truth, broken = _truth(item.reference) if exact else (None, "")
    found = measure_clip(
        item.generated.video,
        item.reference.video,
        reading,
        setup,
        truth=truth,
        truth_reason=broken,
        twin=item.reference.twin,
        sound=item.generated.audio,
        cache=cache,
    )
    gathered.values.extend(found.values)
    gathered.readings.append(found.reading)
    gathered.keep(found.features, identity, gathered.ours.setdefault(method, []))
    if method == CEILING:
        return  # the reference's own features are there already
    reference = found.reference or _reference_features(item.reference.video, setup, cache)
    gathered.keep(reference, identity, gathered.theirs)


def _measure_ceiling(
    items: Sequence[_Pair], setup: Setup, exact: bool, cache: bool, gathered: _Gathered, progress: Progress | None
) -> None:
    """Every reference as its own result, encoded once more as results are."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="eap-ceiling-") as folder:
        for done, item in enumerate(items):
            if progress is not None:
                progress(len(items) + done, 2 * len(items), item.reference.id)
            path = Path(folder) / f"{done}.mp4"
            reason = _encode_again(item.reference, path, setup.protocol.fps)
            copy = replace(item.reference, video=path, audio=None, truth=None, twin=None)
            again = _Pair(item.reference, None if reason else copy, reason)
            _measure(again, CEILING, setup, exact, cache, gathered)


def _encode_again(clip: Clip, path: Path, fps: float) -> str:
    """Write a reference anew; returns why it could not be."""
    import numpy as np

    from eap.media import read_audio, read_frames, write_video

    try:
        frames = np.concatenate(list(read_frames(clip.video, fps=fps)))
        audio = None
        if _has_sound(clip.sound):
            audio = read_audio(clip.sound, RATE)
        write_video(path, frames, fps=fps, audio=audio, rate=RATE)
    except (MediaError, ValueError) as error:
        return f"reference: {error}"
    return ""


def _has_sound(path: Path) -> bool:
    """Whether a file has sound. Raises MediaError when it cannot be read."""
    from eap.media import probe

    return bool(probe(path).has_audio)


def _votes(given: Path | str | Mapping[str, float] | None) -> Mapping[str, float]:
    from metrics.votes import read_votes, scaled

    if given is None:
        return {}
    if isinstance(given, str | Path):
        return read_votes(given)
    return scaled({str(name): float(vote) for name, vote in given.items()})


def _truth(clip: Clip) -> tuple[Truth | None, str]:
    from eap.data.truth import load_truth

    if clip.truth is None:
        return None, ""
    try:
        return load_truth(clip.truth), ""
    except DataError as error:
        return None, error.message


def _reference_features(path: Path, setup: Setup, cache: bool) -> ClipFeatures | None:
    if "features" not in setup.needs or setup.evaluators is None:
        return None
    try:
        return features_of(path, setup, cache=cache)
    except MediaError:
        return None  # the clip's own rows say so


def _names(metrics: Sequence[str] | None, evaluators: object) -> tuple[str, ...]:
    if metrics is not None:
        chosen = [get_metric(name) for name in metrics]
        if paired := [item.spec.name for item in chosen if item.spec.name == "reference_leakage"]:
            fix = "run a suite with both reference tracks"
            raise DataError(f"{paired[0]} compares two reference tracks; two folders have none", fix=fix)
        return tuple(item.spec.name for item in chosen)
    usable = [item.spec for item in default_metrics() if item.spec.name != "reference_leakage"]
    usable = [spec for spec in usable if not spec.neutral_only]  # a folder of results is taken for emotional faces
    if evaluators is None:
        usable = [spec for spec in usable if not set(spec.needs) & EVALUATOR_NEEDS]
    return tuple(spec.name for spec in usable)


def _evaluators(given: EvaluatorSet | str | None, sync_crop: str | None, protocol: str) -> EvaluatorSet | None:
    if isinstance(given, str):
        from metrics.evaluators import get_evaluators

        return get_evaluators(given, sync_crop, eat=get_protocol(protocol).eat)
    if sync_crop is not None:
        raise ConfigError("sync_crop goes with evaluators given by name", fix="give it to the evaluators themselves")
    return given


def _pair(generated: Path, reference: Path) -> _Pairs:
    from eap.data.folder import pair_folders, read_folder
    from eap.data.mead import AUDIO_SUFFIXES

    for path in (generated, reference):
        if not path.exists():
            raise DataError(f"{path}: no such file or folder", fix="check the path")
    if generated.is_file() != reference.is_file():
        raise DataError(f"{generated} and {reference}: a file and a folder cannot be paired", fix="give two of a kind")
    if generated.is_file():
        return _Pairs((_Pair(_file_clip(reference), _file_clip(generated)),), ())
    read_folder(reference)  # its own error, before any about pairing
    found = pair_folders(generated, reference)
    bad = {item.path.with_suffix("").name: item for item in found.rejected if item.path.is_relative_to(generated)}
    items = [_Pair(theirs, ours) for ours, theirs in found.pairs]
    for clip in found.missing:
        rejected = bad.get(clip.video.stem)
        items.append(_Pair(clip, None, f"generated file: {rejected.reason}" if rejected else "no generated file"))
    items.sort(key=lambda item: item.reference.id)
    # Sound in folders of its own (MEAD) belongs to no video by name and is no fault.
    faults = [item for item in found.rejected if item.path.suffix.lower() not in AUDIO_SUFFIXES]
    return _Pairs(tuple(items), _notes(found.extra, [f"{item.path.name}: {item.reason}" for item in faults]))


def _notes(extra: Sequence[Clip], rejected: Sequence[str]) -> tuple[str, ...]:
    notes = []
    if extra:
        names = ", ".join(clip.id for clip in extra[:3])
        notes.append(f"{len(extra)} generated files have no reference and were not scored: {names}")
    if rejected:
        notes.append(f"{len(rejected)} files could not be used: {'; '.join(rejected[:3])}")
    return tuple(notes)


def _file_clip(path: Path) -> Clip:
    from eap.data.clip import Clip
    from eap.data.mead import TRUTH_SUFFIX

    truth = path.with_name(path.stem + TRUTH_SUFFIX)
    name = _CLIP_NAME.fullmatch(path.stem)
    return Clip(
        id=path.stem,
        identity=name["identity"] if name else path.stem,
        emotion=name["emotion"] if name else None,
        level=int(name["level"]) if name else None,
        view="front",
        sentence=path.stem,
        video=path,
        truth=truth if truth.is_file() else None,
    )
