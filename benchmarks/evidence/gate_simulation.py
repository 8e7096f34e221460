"""Simulated checks: A/A pairs drawn from measured noise, regressions of known size planted on top; and how often the
interval of a difference holds the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np
from numpy.typing import NDArray

from benchmarks.evidence.common import Figures, wilson
from benchmarks.noise import differences
from benchmarks.regression.check import judge_snapshots
from benchmarks.regression.compare import compare, pooling
from benchmarks.regression.config import GateConfig
from benchmarks.regression.snapshot import Key, Series, Snapshot
from benchmarks.regression.verdict import Comparison, Side, State, Verdict
from metrics.statistics import Method, cluster_bootstrap

Array = NDArray[np.float64]
METHODS: Mapping[str, Method] = {"gate": "student", "tables": "auto"}
BLANK = Verdict(Side("simulated"), Side("simulated"), ())


@dataclass(frozen=True)
class Noise:
    """Measured A/A differences of a run: for every series, clip id -> how much worse."""

    base: Snapshot
    moved: Mapping[Key, Mapping[str, float]]

    @classmethod
    def between(cls, base: Snapshot, other: Snapshot, fixed: Snapshot) -> Noise:
        """What ``other``, the same thing measured again, found different; rows without a model: what ``fixed`` did."""
        still = {row.name for row in base.methods if row.fixed}
        keys = [key for key in base.series if key in other.series and base.series[key].clips]
        return cls(base, {key: differences(base, fixed if key[1] in still else other, key) for key in keys})

    def draw(self, rng: np.random.Generator) -> dict[Key, dict[str, float]]:
        """Another run of the same thing, as what it moves: each identity as one drawn with replacement did.

        One draw serves all series, so that metrics stay as dependent as they are.
        """
        people = sorted({clip.identity for clip in self.base.clips})
        lent = dict(zip(people, rng.choice(people, len(people)), strict=True))
        slots = _slots(self.base)
        own = {clip.id: slots.get((lent[clip.identity], clip.emotion, clip.level), clip.id) for clip in self.base.clips}
        return {key: {clip: moved.get(own[clip], moved[clip]) for clip in moved} for key, moved in self.moved.items()}


def _slots(base: Snapshot) -> dict[tuple[str, str | None, int | None], str]:
    return {(clip.identity, clip.emotion, clip.level): clip.id for clip in base.clips}


def harmed(base: Snapshot, harms: Mapping[Key, Mapping[str, float]]) -> Snapshot:
    """The snapshot with clips made worse by these amounts (better, where negative), in the metric's unit."""
    series = dict(base.series)
    for key, amounts in harms.items():
        old = base.series[key]
        values = tuple(
            value if value is None else worse(old, value, amounts.get(clip.id, 0.0))
            for clip, value in zip(base.clips, old.clips, strict=True)
        )
        series[key] = replace(old, clips=values)
    return replace(base, series=series)


def worse(series: Series, value: float, by: float) -> float:
    """A clip's value made worse; with a target, moved away from it on the side where it lies."""
    if series.higher_is_better is not None:
        return value - by if series.higher_is_better else value + by
    if series.target is None:
        return value + by
    away = max(abs(value - series.target) + by, 0.0)
    return series.target + away if value >= series.target else series.target - away


def false_alarms(noise: Noise, config: GateConfig, checks: int, seed: int) -> Figures:
    """Share of whole checks (all metrics together) that an A/A pair does not pass, and of single comparisons.

    A comparison can only fail where its pooled difference exceeds the floor, so only checks with such a one are
    compared in full; the first tenth all are, to say what intervals alone would do.
    """
    rng = np.random.default_rng(seed)
    failed = singles = intervals = 0
    names: dict[str, int] = {}
    whole = max(checks // 10, 1)
    for number in range(checks):
        harms = noise.draw(rng)
        suspects = number < whole or any(_exceeds(noise.base.series[key], harms[key], config) for key in harms)
        if not suspects:
            continue
        gated = [
            i for i in judge_snapshots(harmed(noise.base, harms), noise.base, config, BLANK).comparisons if i.gated
        ]
        alarms = [item for item in gated if item.state in (State.REGRESSED, State.MISSING, State.NOT_COMPARABLE)]
        failed += bool(alarms)
        singles += len(alarms)
        intervals += number < whole and any(item.worse_low > 0 for item in gated)
        for item in alarms:
            names[item.where] = names.get(item.where, 0) + 1
    compared = checks * len(noise.moved)
    return {
        "checks": checks,
        "comparisons_per_check": len(noise.moved),
        "false_alarm_per_check": wilson(failed, checks).figures(),
        "false_alarm_per_comparison": singles / compared,
        "intervals_without_floors_would_alarm_per_check": wilson(intervals, whole).figures(),
        "alarms": names,
    }


def _exceeds(series: Series, harms: Mapping[str, float], config: GateConfig) -> bool:
    values = np.array(list(harms.values()))
    pooled = float(np.median(values) if pooling(series.metric) == "median" else values.mean())
    return abs(pooled) > config.floor(series.metric).size(series.value)


def detection(noise: Noise, config: GateConfig, keys: Sequence[Key], times: float, draws: int, seed: int) -> Figures:
    """How often a regression of ``times`` the floor is called regressed, per series and over all; how often unchanged.

    The planted loss is the same on every clip, on top of A/A noise. On a metric that is 0 or 1 per clip, as many clips
    as the loss needs (rounded up) are flipped, drawn at random; where too few are right to lose, it cannot be planted.
    """
    rng = np.random.default_rng(seed)
    caught: dict[str, float] = {}
    impossible: list[str] = []
    unchanged = 0
    for key in keys:
        series = noise.base.series[key]
        floor = config.floor(key[0]).size(series.value)
        found: list[Comparison] = []
        for _ in range(draws):
            planted = _plant(noise, key, times * floor, rng)
            if planted is None:
                break
            judged = compare(planted, noise.base, config, methods=(key[1],), metrics=(key[0],))
            found.append(next(item for item in judged if item.key == key))
        else:
            caught["/".join(key)] = sum(item.state is State.REGRESSED for item in found) / draws
            unchanged += sum(item.state is State.UNCHANGED for item in found)
            continue
        impossible.append("/".join(key))
    rates = list(caught.values())
    total = len(rates) * draws
    return {
        "times_floor": times,
        "draws_per_series": draws,
        "caught": wilson(round(sum(rates) * draws), total).figures() if total else None,
        "called_unchanged": wilson(unchanged, total).figures() if total else None,
        "series_below_95_percent": {name: rate for name, rate in caught.items() if rate < 0.95},
        "cannot_be_planted": impossible,
    }


def _plant(noise: Noise, key: Key, loss: float, rng: np.random.Generator) -> Snapshot | None:
    run = harmed(noise.base, noise.draw(rng))
    values = run.values(key)
    if not {*values.values()} <= {0.0, 1.0}:
        return harmed(run, {key: dict.fromkeys(values, loss)})
    series = noise.base.series[key]
    good = 1.0 if series.higher_is_better else 0.0
    losing = sorted(clip for clip, value in values.items() if value == good)
    wanted = int(np.ceil(loss * len(values) - 1e-9))
    if wanted > len(losing):
        return None
    flipped = rng.choice(losing, wanted, replace=False)
    return harmed(run, {key: dict.fromkeys((str(clip) for clip in flipped), 1.0)})


DIFFERENCES: Mapping[str, tuple[float, Callable[[Array], Array]]] = {
    "every clip moves": (0.0, lambda z: z),
    "some clips lose much": (float(np.exp(0.5)) - 1.0, lambda z: np.exp(z) - 1.0),
    "some judgements flip": (0.0, lambda z: (z > 1.5).astype(np.float64) - (z < -1.5)),
}
"""How two runs may differ clip by clip: true mean, and differences from standard normal noise."""


def coverage(identities: int, clips: int = 4, sets: int = 1000, seed: int = 3) -> Figures:
    """How often the gate's interval of a mean difference holds the truth, beside that of our tables, and their widths.

    Noise shared by an identity's clips makes .3 of the variance.
    """
    rng = np.random.default_rng(seed)
    names = [f"id{i}" for i in range(identities) for _ in range(clips)]
    told: Figures = {}
    for kind, (truth, make) in DIFFERENCES.items():
        shared, own = rng.standard_normal((sets, identities, 1)), rng.standard_normal((sets, identities, clips))
        values = make(np.sqrt(0.3) * shared + np.sqrt(0.7) * own).reshape(sets, -1)
        row: Figures = {}
        for name, method in METHODS.items():
            found = [cluster_bootstrap(data, names, method=method) for data in values]
            held = sum(item.low <= truth <= item.high for item in found)
            row[name] = {**wilson(held, sets).figures(), "median_width": median(i.high - i.low for i in found)}
        told[kind] = row
    return told
