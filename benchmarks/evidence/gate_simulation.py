"""Simulated checks: A/A pairs drawn from measured noise, and regressions of known size planted on top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.evidence.common import Figures, wilson
from benchmarks.noise import differences
from benchmarks.regression.check import judge_snapshots
from benchmarks.regression.compare import compare
from benchmarks.regression.config import GateConfig
from benchmarks.regression.snapshot import Key, Series, Snapshot
from benchmarks.regression.verdict import Side, State, Verdict

Array = NDArray[np.float64]
BLANK = Verdict(Side("simulated"), Side("simulated"), ())


@dataclass(frozen=True)
class Noise:
    """Measured A/A differences of a run: for every series, clip id -> how much worse."""

    base: Snapshot
    moved: Mapping[Key, Mapping[str, float]]

    @classmethod
    def between(cls, base: Snapshot, other: Snapshot) -> Noise:
        """What the other run of the same thing measured differently."""
        keys = [key for key in base.series if key in other.series and base.series[key].clips]
        return cls(base, {key: differences(base, other, key) for key in keys})

    def draw(self, rng: np.random.Generator) -> Snapshot:
        """Another run of the same thing: each identity moves as an identity drawn with replacement did.

        One draw serves all series, so that metrics stay as dependent as they are.
        """
        people = sorted({clip.identity for clip in self.base.clips})
        lent = dict(zip(people, rng.choice(people, len(people)), strict=True))
        slots = _slots(self.base)
        own = {clip.id: slots.get((lent[clip.identity], clip.emotion, clip.level), clip.id) for clip in self.base.clips}
        harms = {key: {clip: moved.get(own[clip], moved[clip]) for clip in moved} for key, moved in self.moved.items()}
        return harmed(self.base, harms)


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
    """Share of whole checks (all metrics together) that an A/A pair does not pass, and of single comparisons."""
    rng = np.random.default_rng(seed)
    failed = singles = compared = unpaired = 0
    names: dict[str, int] = {}
    for _ in range(checks):
        verdict = judge_snapshots(noise.draw(rng), noise.base, config, BLANK)
        gated = [item for item in verdict.comparisons if item.gated]
        alarms = [item for item in gated if item.state in (State.REGRESSED, State.MISSING, State.NOT_COMPARABLE)]
        failed += bool(alarms)
        singles += len(alarms)
        compared += len(gated)
        unpaired += any(item.worse_low > 0 for item in gated)
        for item in alarms:
            names[item.where] = names.get(item.where, 0) + 1
    return {
        "checks": checks,
        "comparisons_per_check": compared // checks,
        "false_alarm_per_check": wilson(failed, checks).figures(),
        "false_alarm_per_comparison": singles / max(compared, 1),
        "interval_alone_would_alarm_per_check": wilson(unpaired, checks).figures(),
        "alarms": names,
    }


def detection(noise: Noise, config: GateConfig, keys: Sequence[Key], times: float, draws: int, seed: int) -> Figures:
    """How often a regression of ``times`` the floor is called regressed, per series and over all.

    The planted loss is the same on every clip, on top of A/A noise. On a metric that is 0 or 1 per clip, as many clips
    as the loss needs (rounded up) are flipped, drawn at random; where too few are right to lose, it cannot be planted.
    """
    rng = np.random.default_rng(seed)
    caught: dict[str, float] = {}
    impossible: list[str] = []
    for key in keys:
        series = noise.base.series[key]
        floor = config.floor(key[0]).size(series.value)
        hits = 0
        for _ in range(draws):
            planted = _plant(noise, key, times * floor, rng)
            if planted is None:
                break
            found = compare(planted, noise.base, config, methods=(key[1],), metrics=(key[0],))
            hits += any(item.key == key and item.state is State.REGRESSED for item in found)
        else:
            caught["/".join(key)] = hits / draws
            continue
        impossible.append("/".join(key))
    rates = list(caught.values())
    return {
        "times_floor": times,
        "draws_per_series": draws,
        "caught": wilson(round(sum(rates) * draws), len(rates) * draws).figures(),
        "series_below_95_percent": {name: rate for name, rate in caught.items() if rate < 0.95},
        "cannot_be_planted": impossible,
    }


def _plant(noise: Noise, key: Key, loss: float, rng: np.random.Generator) -> Snapshot | None:
    run = noise.draw(rng)
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
