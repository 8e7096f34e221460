"""The record each metric declares, and how metrics are found: a decorator, and a look through this package."""

from __future__ import annotations

import math
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from eap.errors import ConfigError
from metrics.results import NOT_APPLICABLE, ClipReading, ClipValue, Signature

if TYPE_CHECKING:
    from metrics.features.clip import Measured
    from metrics.fid import FeatureSet

Need = Literal[
    "pixels",
    "landmarks",
    "emotion",
    "affect",
    "identity",
    "sync",
    "features",
    "loudness",
    "twin",
    "votes",
    "faces",
    "quality",
]
Pooling = Literal["mean", "median", "proportion"]
EVALUATOR_NEEDS: frozenset[Need] = frozenset({"landmarks", "emotion", "affect", "identity", "sync", "features"})
"""What networks give. Of the others: `pixels` are frame pairs, `loudness` is read from the sound, `twin` is a second
reference, `votes` are people's judgements of intensity, `faces` is how many faces an evaluator saw (never asked for by
a metric: where there is more than one, every value that rests on faces says so)."""
Group = Literal["Image", "Identity", "Lips and face", "Emotion", "Intensity", "Neutralization", "Naturalness", "Other"]

_NOT_METRICS = frozenset(
    {
        "aggregate",
        "dynamics",
        "eat2023",
        "intervals",
        "measure",
        "protocols",
        "registry",
        "results",
        "rundir",
        "scoring",
        "series",
        "statistics",
        "votes",
    }
)


class Unmeasurable(Exception):  # noqa: N818 - a counted outcome with a reason, not a fault
    """This clip should have a value and has none; the text is the reason shown in the report."""


class NotApplicable(Unmeasurable):
    """The metric's definition does not cover this clip; it is not counted as expected."""

    def __init__(self, why: str) -> None:
        super().__init__(f"{NOT_APPLICABLE}: {why}")


@dataclass(frozen=True, slots=True)
class Remarked:
    """A value that was measured, but not without a remark."""

    value: float
    remark: str
    weight: float = 1.0
    """How much the clip counts in a mean over clips (its frames, where a protocol pools frames)."""


@dataclass(frozen=True)
class MetricSpec:
    """What a metric is: declared beside its function, shown by `eap-bench metrics`, part of every signature."""

    name: str
    title: str
    unit: str
    higher_is_better: bool | None
    bounds: tuple[float, float]
    needs: tuple[Need, ...]
    source: str
    """The reference implementation or definition it equals."""
    parts: tuple[tuple[str, str], ...]
    """Fixed parts of the signature; protocol and evaluators are added."""
    reference: bool = True
    """Whether a reference clip is needed."""
    truth: bool = False
    """Whether it is measured against intensity truth (exact, or the reference's pseudo labels)."""
    pooling: Pooling = "mean"
    """How values of clips become the value of a method; `proportion` is a mean of zeros and ones."""
    target: float | None = None
    version: str = "v1"
    group: Group = "Other"
    help: str = ""
    """One plain sentence for the report."""
    default: bool = True
    """Whether it is measured where no metrics are named; others are measured when asked for by name."""
    neutral_only: bool = False
    """Whether it means something only for clips that ought to show no emotion (neutralized faces)."""
    sees: tuple[str, ...] = ()
    """Damages (`metrics.validity.damages`) that it must follow step by step: declared before they are measured."""


@dataclass(frozen=True, slots=True)
class SignatureContext:
    """What a run adds to the signatures of its metrics."""

    protocol: str
    crop: str
    evaluators: tuple[tuple[Need, str], ...] = ()
    """Need -> label of the network, e.g. `bundled-emotion-1a2b3c4d`."""
    truth: Literal["exact", "pseudo"] = "exact"
    world: Literal["fits", "forced", "refused"] = "fits"
    """Whether the evaluators know this kind of data."""

    @property
    def world_note(self) -> str:
        """What must stand beside a number of evaluators outside their world."""
        return {
            "fits": "",
            "forced": "forced: the bundled evaluators know only the embedded world",
            "refused": "refused: the bundled evaluators know only the embedded world",
        }[self.world]

    def sign(self, spec: MetricSpec) -> Signature:
        """The signature of a metric under this protocol and these evaluators."""
        parts: list[tuple[str, str]] = [(need, label) for need, label in self.evaluators if need in spec.needs]
        if {"pixels", "quality"} & set(spec.needs):
            parts.append(("crop", self.crop))
        if spec.truth:
            parts.append(("truth", self.truth))
        if self.world == "forced" and set(spec.needs) & EVALUATOR_NEEDS:
            parts.append(("world", "foreign"))
        return Signature(spec.name, (*parts, *spec.parts, ("protocol", self.protocol)), spec.version)


@dataclass(frozen=True)
class SetInputs:
    """All that a metric over many clips may look at: one method on one track."""

    method: str
    track: str
    readings: tuple[ClipReading, ...]
    """Of every method and track."""
    generated: FeatureSet | None
    reference: FeatureSet | None
    expected: tuple[ClipReading, ...]
    """The clips this method should have on this track."""


@dataclass(frozen=True)
class SetResult:
    """A value over many clips with its interval, or clip values still to be pooled (then `value` is None)."""

    value: float | None = None
    ci_low: float = float("nan")
    ci_high: float = float("nan")
    n_scored: int = 0
    n_expected: int = 0
    note: str = ""
    clip_values: tuple[tuple[ClipReading, float, str], ...] = ()


ClipFunction = Callable[["Measured"], float | Remarked]
SetFunction = Callable[[SetInputs], SetResult | None]


@dataclass(frozen=True)
class Metric:
    """A declared metric and its function: on one clip, or on all clips of a method and track."""

    spec: MetricSpec
    clip: ClipFunction | None = None
    over_clips: SetFunction | None = None


_METRICS: dict[str, Metric] = {}
_VARIANTS: dict[tuple[str, str], Metric] = {}
"""(Protocol, metric) -> what that protocol has in place of it."""


def _add(item: Metric) -> None:
    if item.spec.name in _METRICS:
        raise ValueError(f"metric {item.spec.name!r} is declared twice")
    _METRICS[item.spec.name] = item


def metric(spec: MetricSpec) -> Callable[[ClipFunction], ClipFunction]:
    """Declare a function of one clip as a metric."""

    def declare(function: ClipFunction) -> ClipFunction:
        _add(Metric(spec, clip=function))
        return function

    return declare


def set_metric(spec: MetricSpec) -> Callable[[SetFunction], SetFunction]:
    """Declare a function over the clips of one method and track as a metric."""

    def declare(function: SetFunction) -> SetFunction:
        _add(Metric(spec, over_clips=function))
        return function

    return declare


def variant(protocol: str, spec: Callable[[], MetricSpec]) -> Callable[[Any], Any]:
    """Declare how a protocol computes a metric that exists: a function of a clip, or over clips, as the metric's own.

    `spec` is called at once; it is a function only so that it can stand in a decorator and look the metric up.
    """

    def declare(function: Any) -> Any:
        record = spec()
        key = (protocol, record.name)
        if key in _VARIANTS:
            raise ValueError(f"{protocol} declares {record.name!r} twice")
        over_clips = get_declared(record.name).over_clips is not None
        _VARIANTS[key] = Metric(record, over_clips=function) if over_clips else Metric(record, clip=function)
        return function

    return declare


def get_declared(name: str) -> Metric:
    """A metric that is declared already, without looking for others. Raises KeyError."""
    return _METRICS[name]


@cache
def _import_all() -> None:
    import metrics

    for module in pkgutil.iter_modules(metrics.__path__):
        if not module.ispkg and module.name not in _NOT_METRICS:
            import_module(f"metrics.{module.name}")
    import_module("metrics.eat2023")


def all_metrics() -> tuple[Metric, ...]:
    """Every metric of this package, by name."""
    _import_all()
    return tuple(_METRICS[name] for name in sorted(_METRICS))


def default_metrics() -> tuple[Metric, ...]:
    """The metrics that are measured where none are named."""
    return tuple(item for item in all_metrics() if item.spec.default)


def get_metric(name: str, protocol: str = "") -> Metric:
    """The metric of that name, as `protocol` computes it. Raises ConfigError naming those there are."""
    _import_all()
    if (protocol, name) in _VARIANTS:
        return _VARIANTS[protocol, name]
    if name.startswith("pyiqa:"):
        from metrics.iqa import dynamic

        return dynamic(name)
    if name not in _METRICS:
        raise ConfigError(f"unknown metric {name!r}", fix=f"choose from: {', '.join(sorted(_METRICS))}")
    return _METRICS[name]


def clip_value(item: Metric, measured: Measured, reading: ClipReading, signature: Signature) -> ClipValue:
    """Run a clip metric; what cannot be measured becomes a named nan, never an exception."""
    value, reason, weight = float("nan"), "", 1.0
    if item.clip is None:
        raise ValueError(f"{item.spec.name} is a metric over many clips")
    try:
        outcome = item.clip(measured)
    except Unmeasurable as error:
        reason = str(error)
    else:
        given = outcome if isinstance(outcome, Remarked) else Remarked(outcome, "")
        value, reason, weight = given.value, given.remark, given.weight
        if not math.isfinite(value) and not reason:
            reason = f"the result is {value}"
    return as_clip_value(item.spec.name, signature, reading, value, reason, weight)


def as_clip_value(
    metric_name: str, signature: Signature, reading: ClipReading, value: float, reason: str, weight: float = 1.0
) -> ClipValue:
    """A clip value for the clip that `reading` names."""
    return ClipValue(
        metric_name, signature, reading.method, reading.track, reading.clip_id, reading.identity, reading.emotion,
        reading.level, float(value), reason, weight,
    )  # fmt: skip
