"""Measuring one clip: gather its features, run the metrics, turn everything that goes wrong into a named reason."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from eap.errors import EapError, MeasureError, MediaError
from metrics.emotion import judge_clip
from metrics.features.clip import Array, ClipFeatures, Measured, PairFeatures
from metrics.features.eat import eat_compare, eat_crop, eat_features
from metrics.features.extract import extract
from metrics.features.pair import compare
from metrics.protocols import Protocol
from metrics.registry import (
    EVALUATOR_NEEDS,
    Need,
    SignatureContext,
    Unmeasurable,
    as_clip_value,
    clip_value,
    get_metric,
)
from metrics.results import ClipReading, ClipValue, FrameSeries

if TYPE_CHECKING:
    from eap.data.truth import Truth
    from metrics.evaluators import EvaluatorSet

World = Literal["embedded", "data"]


@dataclass(frozen=True)
class Setup:
    """How clips are measured: which metrics, under which protocol, by which evaluators."""

    metrics: tuple[str, ...]
    protocol: Protocol
    evaluators: EvaluatorSet | None
    context: SignatureContext

    @property
    def needs(self) -> frozenset[Need]:
        """The features that the metrics want of each clip."""
        wanted = {need for name in self.metrics for need in get_metric(name).spec.needs}
        return frozenset(wanted & (EVALUATOR_NEEDS | {"loudness"}))

    @property
    def twins(self) -> bool:
        """Whether the neutral twin of the reference is looked at."""
        return any("twin" in get_metric(name).spec.needs for name in self.metrics)

    @property
    def quality(self) -> tuple[str, ...]:
        """The metrics that pyiqa computes."""
        return tuple(name for name in self.metrics if "quality" in get_metric(name).spec.needs)

    @property
    def pixels(self) -> bool:
        """Whether frames are compared with the reference's."""
        return any("pixels" in get_metric(name).spec.needs for name in self.metrics)


def set_up(
    metrics: Sequence[str],
    protocol: Protocol,
    evaluators: EvaluatorSet | None,
    *,
    world: World,
    truth: Literal["exact", "pseudo"] = "exact",
    force: bool = False,
) -> Setup:
    """Check names and put the signatures together.

    Evaluators of the embedded world are refused on other data unless `force`: then their metrics stay in the table as
    rows without a number that say so. Raises ConfigError for an unknown metric.
    """
    names = tuple(dict.fromkeys(metrics))
    wanted = {need for name in names for need in get_metric(name).spec.needs}
    foreign = evaluators is not None and evaluators.embedded_only and world == "data"
    standing: Literal["fits", "forced", "refused"] = "fits"
    if foreign:
        standing = "forced" if force else "refused"
    labels: tuple[tuple[Need, str], ...] = ()
    if evaluators is not None:
        labels = tuple((need, evaluators.label(need)) for need in sorted(wanted & evaluators.provides))
    crop = protocol.crop
    if protocol.eat and evaluators is not None:
        crop += f"@{evaluators.label('landmarks')}"  # who finds the points decides where the crop lies
    context = SignatureContext(protocol.name, crop, labels, truth, standing)
    return Setup(names, protocol, None if standing == "refused" else evaluators, context)


@dataclass(frozen=True)
class ClipMeasurement:
    """All that was measured on one clip."""

    reading: ClipReading
    """As given, with the judged emotion."""
    values: tuple[ClipValue, ...]
    features: ClipFeatures | None
    reference: ClipFeatures | None


def measure_clip(
    generated: Path | str,
    reference: Path | str | None,
    reading: ClipReading,
    setup: Setup,
    *,
    truth: Truth | None = None,
    truth_reason: str = "",
    twin: Path | str | None = None,
    sound: Path | None = None,
    cache: bool = True,
) -> ClipMeasurement:
    """Every clip metric of `setup` on one clip. Bad media give values without a number and a reason, no exception.

    `reading` names the clip and its driving emotion; `truth` is the exact truth of the driving clip, where known, and
    `truth_reason` why one that was given cannot be used; `twin` is the reference's neutral twin; `sound` is the
    generated clip's sound where it lies in a file of its own. Raises MeasureError only when the cache cannot be
    written.
    """
    try:
        ours = features_of(generated, setup, sound=sound, cache=cache)
    except MediaError as error:
        return ClipMeasurement(reading, failed_values(reading, setup, error.message), None, None)
    theirs, broken = None, ""
    if reference is not None:
        try:
            theirs = features_of(reference, setup, cache=cache)
        except MediaError as error:
            broken = f"reference: {error.message}"
    pair = pair_of(Path(generated), Path(reference), setup, cache=cache) if setup.pixels and reference else None
    calm, calm_reason = _twin(twin, setup, cache)
    measured = gather(ours, theirs, pair, reading, setup, truth=truth, twin=calm, twin_reason=calm_reason)
    if setup.quality and not broken:
        measured = replace(measured, quality=_quality(Path(generated), reference, setup, cache))
    judged = replace(reading, judged_emotion=judged_emotion(ours), judged_intensity=judged_intensity(ours))
    return ClipMeasurement(judged, tuple(clip_values(measured, judged, setup, broken, truth_reason)), ours, theirs)


def gather(
    generated: ClipFeatures,
    reference: ClipFeatures | None,
    pair: PairFeatures | None,
    reading: ClipReading,
    setup: Setup,
    *,
    truth: Truth | None = None,
    twin: ClipFeatures | None = None,
    twin_reason: str = "",
) -> Measured:
    """What the clip metrics may look at, from features that are there already."""
    return Measured(
        generated=generated,
        reference=reference,
        pair=pair,
        emotion=reading.emotion,
        truth_intensity=truth.intensity.astype(np.float64) if truth is not None else None,
        truth_affect=np.stack([truth.valence, truth.arousal], axis=1).astype(np.float64) if truth is not None else None,
        twin=twin,
        twin_reason=twin_reason,
        max_length_difference=setup.protocol.max_length_difference,
    )


def features_of(path: Path | str, setup: Setup, *, sound: Path | None = None, cache: bool = True) -> ClipFeatures:
    """The features of one clip that the metrics of `setup` want, under its protocol. Raises MediaError."""
    read = eat_features if setup.protocol.eat else extract
    return read(Path(path), setup.evaluators, setup.needs, sound=sound, fps=setup.protocol.fps, cache=cache)


def _quality(generated: Path, reference: Path | str | None, setup: Setup, cache: bool) -> Mapping[str, Array | str]:
    """pyiqa's numbers per frame, of the aligned clips under eat-2023."""
    from metrics.features.quality import quality

    sides = [generated, None if reference is None else Path(reference)]
    if setup.protocol.eat:
        fps = setup.protocol.fps
        try:
            sides = [None if side is None else eat_crop(side, setup.evaluators, fps, cache=cache) for side in sides]
        except (Unmeasurable, EapError) as error:
            return dict.fromkeys(setup.quality, str(error))
    ours, theirs = sides
    return quality(ours or generated, theirs, setup.quality, setup.protocol, cache=cache)


def pair_of(generated: Path, reference: Path, setup: Setup, *, cache: bool = True) -> PairFeatures:
    """PSNR and SSIM by frame, as the protocol of `setup` pairs frames, or why there are none."""
    if setup.protocol.eat:
        return eat_compare(generated, reference, setup.evaluators, setup.protocol, cache=cache)
    return compare(generated, reference, setup.protocol, cache=cache)


def _twin(path: Path | str | None, setup: Setup, cache: bool) -> tuple[ClipFeatures | None, str]:
    """The landmarks of a neutral twin, or why there are none."""
    if not setup.twins or path is None:
        return None, "no neutral twin of the reference is known"
    try:
        found = extract(path, setup.evaluators, frozenset({"landmarks"}), fps=setup.protocol.fps, cache=cache)
    except MediaError as error:
        return None, f"twin: {error.message}"
    return found, ""


def clip_values(
    measured: Measured, reading: ClipReading, setup: Setup, broken: str = "", truth_reason: str = ""
) -> list[ClipValue]:
    """The clip metrics of `setup` on features.

    `broken` says why a reference, `truth_reason` why a truth that was given cannot be used. A value that was read
    under odd conditions (another frame rate, several faces) says so in its reason.
    """
    values = []
    for name in setup.metrics:
        metric = get_metric(name, setup.protocol.name)
        if metric.clip is None:
            continue
        signature = setup.context.sign(metric.spec)
        if metric.spec.reference and broken:
            values.append(as_clip_value(name, signature, reading, math.nan, broken))
        elif metric.spec.truth and truth_reason:
            values.append(as_clip_value(name, signature, reading, math.nan, truth_reason))
        elif setup.context.world == "refused" and set(metric.spec.needs) & EVALUATOR_NEEDS:
            values.append(as_clip_value(name, signature, reading, math.nan, setup.context.world_note))
        else:
            value = clip_value(metric, measured, reading, signature)
            remarks = conditions(measured, frozenset(metric.spec.needs)) if value.scored else []
            values.append(replace(value, reason="; ".join(filter(None, (value.reason, *remarks)))))
    return values


def conditions(measured: Measured, needs: frozenset[Need]) -> list[str]:
    """Remarks on what was read: frame rates that had to be changed, frames with more than one face."""
    remarks = []
    ours, theirs = measured.generated, measured.reference
    odd = [
        rate for rate in (ours.source_fps, theirs.source_fps if theirs else 0.0) if rate and abs(rate - ours.fps) > 0.01
    ]
    if odd:
        other = f", reference has {theirs.source_fps:g}" if theirs is not None else ""
        remarks.append(f"frame rate: {ours.source_fps:g} fps{other}; read at {ours.fps:g}")
    remarks.extend(text for need, text in sorted(ours.remarks.items()) if need in needs)
    if needs & EVALUATOR_NEEDS and ours.faces is not None and (crowded := int((ours.faces > 1).sum())):
        remarks.append(f"more than one face in {crowded} of {len(ours.faces)} frames: the largest was taken")
    return remarks


def failed_values(reading: ClipReading, setup: Setup, reason: str) -> tuple[ClipValue, ...]:
    """The values of a clip that could not be measured at all: every metric, no number, the reason."""
    return tuple(
        as_clip_value(name, setup.context.sign(get_metric(name, setup.protocol.name).spec), reading, math.nan, reason)
        for name in setup.metrics
        if get_metric(name).clip is not None
    )


def judged_emotion(features: ClipFeatures) -> str | None:
    """The emotion seen in a clip; None when nothing could be judged."""
    try:
        return judge_clip(features.need("emotion"))
    except Unmeasurable:
        return None


def judged_intensity(features: ClipFeatures) -> float | None:
    """Mean judged r of a clip over the frames with a face; None when nothing could be judged."""
    if features.affect is None:
        return None
    series = features.intensity()
    series = series[np.isfinite(series)]
    return float(series.mean()) if len(series) else None


def frame_series(reading: ClipReading, features: ClipFeatures, truth: Truth | None = None) -> list[FrameSeries]:
    """Valence, arousal and intensity per frame for the plots, and the true ones (`*_true`) where they are known."""
    series: list[FrameSeries] = []

    def add(name: str, values: Array) -> None:
        series.append(FrameSeries(reading.method, reading.track, reading.clip_id, name, tuple(map(float, values))))

    if features.affect is not None:
        add("valence", features.affect[:, 0].astype(np.float64))
        add("arousal", features.affect[:, 1].astype(np.float64))
        add("intensity", features.intensity())
    if truth is not None:
        add("valence_true", truth.valence.astype(np.float64))
        add("arousal_true", truth.arousal.astype(np.float64))
        add("intensity_true", truth.intensity.astype(np.float64))
    return series


def require_fit(setup: Setup) -> None:
    """Raise MeasureError when metrics were asked for that these evaluators refuse, or cannot serve, on this data."""
    if setup.context.world == "refused":
        names = [name for name in setup.metrics if set(get_metric(name).spec.needs) & EVALUATOR_NEEDS]
        if names:
            fix = "leave them out, or force it (force=True, --force) to measure all the same"
            raise MeasureError(f"{', '.join(names)}: {setup.context.world_note}", fix=fix)
    for name in setup.metrics if setup.evaluators is not None else ():
        for need in get_metric(name).spec.needs:
            if need in EVALUATOR_NEEDS and setup.evaluators is not None and (why := setup.evaluators.why_not(need)):
                raise MeasureError(f"{name}: {why}", fix="leave it out, or choose other evaluators")
