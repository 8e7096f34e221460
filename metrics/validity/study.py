"""The whole validation: plan, try every clip (in processes, resumable), judge every metric."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from eap.errors import ConfigError, MeasureError
from eap.synth.clip import ClipSpec, spec_id
from metrics.evaluators import get_evaluators
from metrics.features.extract import DAMAGED, store_arrays
from metrics.measure import Setup, set_up
from metrics.protocols import STRICT
from metrics.registry import Metric, all_metrics, get_metric
from metrics.validity.damages import NAMES, get_damage
from metrics.validity.judge import matrix
from metrics.validity.results import DamageInfo, MetricInfo, Validity
from metrics.validity.stage import FELT
from metrics.validity.trial import ClipTrial, Found, Order, labels, try_clip

FIRST_IDENTITY = 2400
"""People whom neither a training nor a suite uses."""
SENTENCES = (
    239, 260, 216, 238, 245, 256, 259, 277, 287, 212, 217, 218, 219, 226, 235, 248, 249, 250, 261, 264, 270, 276, 286,
    288,
)  # fmt: skip
"""Sentences with a pause in their first second, so that there is a silence in which lips can rest."""
VERSION = "2"
_AFTERWARDS = frozenset(
    {
        "aggregate.py",
        "intervals.py",
        "judge.py",
        "results.py",
        "rundir.py",
        "scoring.py",
        "statistics.py",
        "study.py",
        "weights.py",
        "download.py",
        "official.py",
    }
)
"""Modules that no trial depends on: a change of what is made of trials makes none of them anew."""
Progress = Callable[[int, int, str], None]
Errand = tuple[Order, Path]
"""A clip to be tried, and where its trial is kept."""
Mapper = Callable[[Callable[[Errand], str], Sequence[Errand]], Iterable[str]]
"""Maps a job over errands, giving the clips' ids as they are done: this process's `map`, or a pool's."""


@dataclass(frozen=True)
class Plan:
    """What is tried. Clips of one person say different sentences in different emotions."""

    identities: int = 8
    clips: int = 3
    """Clips of each person; emotions take turns over persons."""
    seconds: float = 2.0
    size: int = 96
    damages: tuple[str, ...] = NAMES
    metrics: tuple[str, ...] = ()
    """Empty: every metric that declares a damage."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.identities < 3 or self.clips < 1:
            raise ConfigError("a validation needs 3 persons or more, each with a clip", fix="ask for more")
        for name in self.damages:
            get_damage(name)

    def specs(self) -> list[ClipSpec]:
        """The clips, person by person, strongest level."""
        return [
            ClipSpec(
                FIRST_IDENTITY + person, FELT[(person * self.clips + k) % len(FELT)], 3,
                SENTENCES[(person * self.clips + k) % len(SENTENCES)], seconds=self.seconds, seed=self.seed,
            )
            for person in range(self.identities)
            for k in range(self.clips)
        ]  # fmt: skip

    def orders(self) -> list[Order]:
        """What is to be done, clip by clip: the voice and the face that replace a clip's are the next person's."""
        specs = self.specs()
        chosen = tuple(get_damage(name) for name in self.damages)
        after = specs[self.clips :] + specs[: self.clips]
        return [Order(spec, voice, voice.identity, self.size, chosen) for spec, voice in zip(specs, after, strict=True)]

    def chosen_metrics(self) -> tuple[Metric, ...]:
        """The metrics that are judged. Raises ConfigError for an unknown one."""
        if self.metrics:
            return tuple(get_metric(name) for name in self.metrics)
        return tuple(metric for metric in all_metrics() if metric.spec.sees)

    @property
    def versions(self) -> int:
        """Versions of each clip that are drawn and measured."""
        return len(labels([get_damage(name) for name in self.damages]))


def run(plan: Plan, work: Path, *, mapper: Mapper | None = None, progress: Progress | None = None) -> Validity:
    """Try every clip of a plan and judge its metrics; trials are kept in `work`, and a second call goes on from there.

    Raises ConfigError (unknown names), WeightsError, MeasureError (disk full).
    """
    began = time.monotonic()
    setup = _setup(plan)
    orders, code = plan.orders(), _code()
    places = {spec_id(order.spec): work / f"{_key(order, setup, code)}.npz" for order in orders}
    trials = {name: trial for name, path in places.items() if (trial := load_trial(path)) is not None}
    missing = [(order, places[spec_id(order.spec)]) for order in orders if spec_id(order.spec) not in trials]
    if progress is not None:
        progress(len(trials), len(orders), "")
    job = Job(plan)
    for done, name in enumerate((mapper or map)(job, missing), start=len(trials) + 1):
        if progress is not None:
            progress(done, len(orders), name)
        found = load_trial(places[name])
        if found is None:
            raise MeasureError(f"{places[name]}: the trial of {name} was not kept", fix="check the disk, run again")
        trials[name] = found
    ordered = [trials[spec_id(order.spec)] for order in orders]
    return judged(plan, setup, ordered).model_copy(update={"seconds": round(time.monotonic() - began, 1)})


@dataclass(frozen=True)
class Job:
    """Callable and picklable: tries one clip, keeps the trial, returns the clip's id."""

    plan: Plan

    def __call__(self, errand: Errand) -> str:
        """Try one clip."""
        import torch

        torch.set_num_threads(1)
        order, path = errand
        trial = try_clip(order, _setup(self.plan))
        save_trial(path, trial)
        return trial.clip_id


def judged(plan: Plan, setup: Setup, trials: Sequence[ClipTrial]) -> Validity:
    """The matrix of finished trials."""
    damages = [get_damage(name) for name in plan.damages]
    metrics = plan.chosen_metrics()
    cells = matrix(metrics, damages, trials)
    measured = {cell.metric for cell in cells}
    untested = [f"{m.spec.name}: {_why_untested(m, trials)}" for m in metrics if m.spec.name not in measured]
    silent = [f"{m.spec.name}: declares no damage" for m in all_metrics() if not m.spec.sees and not plan.metrics]
    return Validity(
        evaluators=setup.evaluators.weights() if setup.evaluators else {},
        clip_seconds=plan.seconds,
        size=plan.size,
        seed=plan.seed,
        identities=tuple(sorted({trial.identity for trial in trials})),
        clips=tuple(trial.clip_id for trial in trials),
        damages=tuple(DamageInfo(**asdict(damage)) for damage in damages),
        metrics=tuple(
            MetricInfo(
                name=m.spec.name, title=m.spec.title, unit=m.spec.unit, group=m.spec.group, sees=m.spec.sees,
                higher_is_better=m.spec.higher_is_better, target=m.spec.target,
                signature=str(setup.context.sign(m.spec)),
            )
            for m in metrics
            if m.spec.name in measured
        ),
        cells=cells,
        untested=tuple(untested + silent),
    )  # fmt: skip


def _why_untested(metric: Metric, trials: Sequence[ClipTrial]) -> str:
    reasons = [f.reasons.get(metric.spec.name, "") for trial in trials for f in trial.versions.values()]
    return next(filter(None, reasons), "no value under the damages that were asked for")


def _setup(plan: Plan) -> Setup:
    names = [metric.spec.name for metric in plan.chosen_metrics()]
    return set_up(names, STRICT, get_evaluators("bundled"), world="embedded")


@cache
def _code() -> str:
    """Hash of the code that plays, draws and measures, as this process found it."""
    root = Path(__file__).resolve().parents[2]
    found = hashlib.sha256()
    for folder in ("eap/synth", "eap/_media", "metrics"):
        for path in sorted((root / folder).rglob("*.py")):
            if path.name not in _AFTERWARDS:
                found.update(path.read_bytes())
    return found.hexdigest()


def _key(order: Order, setup: Setup, code: str) -> str:
    """What a trial depends on: clip, damages, metrics, weights, code."""
    weights = setup.evaluators.weights() if setup.evaluators else {}
    text = json.dumps([repr(order), setup.metrics, weights, code, VERSION], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def save_trial(path: Path, trial: ClipTrial) -> None:
    """Keep a trial: numbers as JSON, image features as arrays. Raises MeasureError when the disk is full."""
    plain = asdict(replace(trial, versions={k: replace(v, features=None) for k, v in trial.versions.items()}))
    arrays: dict[str, Any] = {
        f"features {label}": found.features for label, found in trial.versions.items() if found.features is not None
    }
    store_arrays(path, {"trial": np.array(json.dumps(plain)), **arrays})


def load_trial(path: Path) -> ClipTrial | None:
    """A trial that was kept; None when it is not there or damaged."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            plain = json.loads(str(stored["trial"]))
            features = {name[9:]: stored[name] for name in stored.files if name.startswith("features ")}
        versions = {
            label: Found(**{**found, "features": features.get(label)}) for label, found in plain.pop("versions").items()
        }
        return ClipTrial(**plain, versions=versions)
    except DAMAGED:
        return None
