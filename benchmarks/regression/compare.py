"""Comparing two snapshots: clip-matched, clustered by identity, against the floors.

State of a comparison, with ``worse`` the mean (or median, as the metric pools) over clips of how much worse the run is,
[low, high] its interval over identities and ``floor`` the larger of the two floors:

    regressed      low > 0 and worse > floor
    improved       high < 0 and -worse > floor
    unchanged      the whole interval lies within -floor .. floor
    inconclusive   everything else: an effect as large as the floor is neither shown nor excluded
    missing        a number of the baseline has no counterpart in the run, and what is left shows no regression
    not comparable other signature, or a row without a model that became better: then the measuring has changed

Many comparisons are made at once. What keeps their false alarms rare are the floors: they stand above the A/A noise of
the pooled value (`benchmarks.noise`), so that noise alone does not get a vote however many intervals exclude 0 by
chance; docs/evidence/gate.json has the rate over all metrics together. Holm's p stands beside each for the reader.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np

from benchmarks.regression.config import GateConfig
from benchmarks.regression.snapshot import Key, Row, Series, Snapshot
from benchmarks.regression.verdict import Comparison, Problem, State

UNPAIRED = "a value over the whole set of clips cannot be paired clip by clip"
NO_DIRECTION = "neither high nor low is better"


def obstacles(run: Snapshot, baseline: Snapshot) -> tuple[Problem, ...]:
    """Why the two cannot be compared at all; empty when they can."""
    again = f"run the baseline's suite: eap-bench run --suite {baseline.suite}"
    if run.suite != baseline.suite:
        fix = f"{again}; or give the baseline of '{run.suite}'"
        return (_differs(f"the run is of suite '{run.suite}', the baseline of '{baseline.suite}'", fix),)
    accept = f"or move the baseline: eap-bench baseline accept --run {run.source}"
    found = []
    for word, mine, theirs in (
        ("protocol", run.protocol, baseline.protocol),
        ("kind of data", run.world, baseline.world),
        ("seed", run.seed, baseline.seed),
    ):
        if mine != theirs:
            found.append(_differs(f"{word} '{mine}' in the run, '{theirs}' in the baseline", f"{again}; {accept}"))
    if run.clip_hash != baseline.clip_hash:
        here, there = ({clip.id for clip in side.clips} for side in (run, baseline))
        what = f"the clip lists differ ({len(there - here)} only in the baseline, {len(here - there)} only in the run)"
        found.append(_differs(what, f"{again}; {accept}"))
    return tuple(found)


def _differs(what: str, fix: str) -> Problem:
    return Problem(State.NOT_COMPARABLE, what, fix)


def compare(
    run: Snapshot, baseline: Snapshot, config: GateConfig, *, methods: tuple[str, ...] = (),
    metrics: tuple[str, ...] = (),
) -> tuple[Comparison, ...]:  # fmt: skip
    """Every series of either side, in the baseline's order. ``methods`` and ``metrics`` restrict them (empty: all).

    The two must have passed `obstacles`.
    """
    keys = [*baseline.series, *(key for key in run.series if key not in baseline.series)]
    wanted = [key for key in keys if (not metrics or key[0] in metrics) and (not methods or key[1] in methods)]
    rows = {row.name: row for row in (*baseline.methods, *run.methods)}
    made = [_one(key, run, baseline, config, rows.get(key[1])) for key in wanted]
    return _with_holm(made)


def _one(key: Key, run: Snapshot, baseline: Snapshot, config: GateConfig, row: Row | None) -> Comparison:
    new, old = run.series.get(key), baseline.series.get(key)
    if old is None:
        assert new is not None
        return _new(new)
    result = _missing(key, old, run) if new is None else _both(new, old, run, baseline, config, row)
    if result.gated and key[0] in config.informational:
        result = replace(result, gated=False, why=_join("informational by eap-bench.toml", result.why))
    return result


def _new(series: Series) -> Comparison:
    why = "not in the baseline; gated once a baseline that holds it is accepted"
    return Comparison(
        *series.key, State.NOT_COMPARABLE, False, math.nan, series.value, series.unit, signature=str(series.signature),
        why=why,
    )  # fmt: skip


def _missing(key: Key, old: Series, run: Snapshot) -> Comparison:
    metric, method, track = key
    absent = f"method '{method}'" if method not in {row.name for row in run.methods} else f"metric '{metric}'"
    what = f"the run has no {absent}" + (f" on track '{track}'" if track not in run.tracks else "")
    fix = f"run all of the suite: eap-bench run --suite {run.suite}; or accept a baseline without it"
    return Comparison(
        *key, State.MISSING, old.n_scored > 0 and bool(old.clips), old.value, math.nan, old.unit,
        signature=str(old.signature), why=what, fix=fix, n_lost=old.n_scored,
    )  # fmt: skip


def _both(
    new: Series, old: Series, run: Snapshot, baseline: Snapshot, config: GateConfig, row: Row | None
) -> Comparison:
    floor = config.floor(new.metric).size(old.value)
    bare = Comparison(
        *new.key, State.NOT_COMPARABLE, True, old.value, new.value, new.unit, floor=floor, signature=str(new.signature)
    )
    if new.signature != old.signature:
        return replace(bare, why=_signatures(str(new.signature), str(old.signature)), fix=_version_fix(run))
    if not old.clips:
        return _whole_set(bare, new, old)
    before, after = baseline.values(old.key), run.values(new.key)
    lost = sorted(before.keys() - after.keys())
    if not before:
        return replace(bare, state=State.UNCHANGED, gated=False, why="the baseline has no number here")
    if not before.keys() & after.keys():
        why = f"none of {len(before)} clips has a number in the run{_main_reason(new, lost)}"
        return replace(bare, state=State.MISSING, n_lost=len(lost), why=why, fix=_lost_fix(run))
    measured = _measured(bare, new, before, after, baseline.identity_of, config.confidence)
    if measured.gated and row is not None and row.fixed and measured.state is State.IMPROVED:
        why = "this row holds no model and became better: what measures has changed"
        return replace(measured, state=State.NOT_COMPARABLE, why=why, fix=_version_fix(run))
    if lost and measured.state is not State.REGRESSED:
        why = f"{len(lost)} of {len(before)} clips have no number in the run{_main_reason(new, lost)}"
        return replace(measured, state=State.MISSING, n_lost=len(lost), why=why, fix=_lost_fix(run))
    return replace(measured, n_lost=len(lost))


def _measured(
    bare: Comparison, series: Series, before: Mapping[str, float], after: Mapping[str, float],
    identity_of: Mapping[str, str], confidence: float,
) -> Comparison:  # fmt: skip
    """The comparison with its numbers and the state that follows from them."""
    from metrics.statistics import paired_difference

    shared = sorted(before.keys() & after.keys())
    directed = series.higher_is_better is not None or series.target is not None
    old = {clip: cost(series, before[clip]) for clip in shared}
    new = {clip: cost(series, after[clip]) for clip in shared}
    interval = paired_difference(
        new, old, identity_of, statistic=pooling(series.metric), method="student", confidence=confidence
    )
    low, high = interval.low, interval.high
    if old == new:  # exact, also where one identity gives no interval
        low = high = 0.0
    p_paired, p_unpaired = p_values(old, new, identity_of)
    state = decide(interval.estimate, low, high, bare.floor)
    if not directed and state is not State.UNCHANGED:
        state = State.INCONCLUSIVE
    return replace(
        bare, state=state, gated=directed, worse=interval.estimate, worse_low=low, worse_high=high,
        n_pairs=interval.n, n_identities=interval.n_clusters, p_paired=p_paired, p_unpaired=p_unpaired,
        why=_join("" if directed else NO_DIRECTION, interval.note if state is State.INCONCLUSIVE else ""),
    )  # fmt: skip


def decide(worse: float, low: float, high: float, floor: float) -> State:
    """The state that numbers alone give; nan bounds (one identity) decide nothing."""
    if low > 0 and worse > floor:
        return State.REGRESSED
    if high < 0 and -worse > floor:
        return State.IMPROVED
    if -floor <= low and high <= floor:
        return State.UNCHANGED
    return State.INCONCLUSIVE


def cost(series: Series, value: float) -> float:
    """A clip's value as something of which less is better."""
    if series.higher_is_better is not None:
        return -value if series.higher_is_better else value
    return value if series.target is None else abs(value - series.target)


def pooling(metric: str) -> Literal["mean", "median"]:
    """How the metric pools clips; a metric that this version does not know is averaged."""
    from eap.errors import ConfigError
    from metrics.registry import get_metric

    try:
        return "median" if get_metric(metric).spec.pooling == "median" else "mean"
    except ConfigError:
        return "mean"


def p_values(old: Mapping[str, float], new: Mapping[str, float], identity_of: Mapping[str, str]) -> tuple[float, float]:
    """Two-sided p, paired and unpaired, of the same identity means: one-sample t of their differences, Welch's t.

    1 where nothing differs; nan with fewer than two identities.
    """
    groups: dict[str, list[str]] = {}
    for clip in sorted(old):
        groups.setdefault(identity_of[clip], []).append(clip)
    first = np.array([np.mean([old[clip] for clip in group]) for group in groups.values()])
    second = np.array([np.mean([new[clip] for clip in group]) for group in groups.values()])
    k = len(groups)
    if k < 2:
        return math.nan, math.nan
    difference = second - first
    if not difference.any():
        return 1.0, 1.0
    before, after = (float(side.var(ddof=1)) / k for side in (first, second))
    # By Welch and Satterthwaite; groups of one size.
    freedom = (k - 1) * (before + after) ** 2 / (before**2 + after**2) if before + after > 0 else k - 1.0
    paired = _p(float(difference.mean()), float(difference.std(ddof=1)) / math.sqrt(k), k - 1)
    return paired, _p(float(difference.mean()), math.sqrt(before + after), freedom)


def _p(mean: float, error: float, freedom: float) -> float:
    """Two-sided p of Student's t; 0 where the difference is the same everywhere, for then t is infinite."""
    from scipy import stats

    return 0.0 if error <= 1e-12 * abs(mean) else float(2 * stats.t.sf(abs(mean) / error, freedom))


def _whole_set(bare: Comparison, new: Series, old: Series) -> Comparison:
    """A value over the whole set: shown with the two intervals taken as independent, never gated."""
    bare = replace(bare, gated=False, why=UNPAIRED)
    if not (math.isfinite(new.value) and math.isfinite(old.value)):
        return replace(bare, state=State.UNCHANGED if new.n_scored == old.n_scored else State.MISSING)
    worse = cost(new, new.value) - cost(old, old.value)
    half = math.hypot((new.ci_high - new.ci_low) / 2, (old.ci_high - old.ci_low) / 2)
    low, high = (worse - half, worse + half) if worse else (0.0, 0.0)
    return replace(bare, state=decide(worse, low, high, bare.floor), worse=worse, worse_low=low, worse_high=high)


def _with_holm(made: list[Comparison]) -> tuple[Comparison, ...]:
    from metrics.statistics import holm

    tested = [index for index, item in enumerate(made) if item.gated and math.isfinite(item.p_paired)]
    adjusted = holm([made[index].p_paired for index in tested])
    for index, value in zip(tested, adjusted, strict=True):
        made[index] = replace(made[index], p_holm=value)
    return tuple(made)


def _signatures(new: str, old: str) -> str:
    ours, theirs = set(new.split("|")), set(old.split("|"))
    changed = f"{', '.join(sorted(theirs - ours)) or 'nothing'} became {', '.join(sorted(ours - theirs)) or 'nothing'}"
    return f"other signature: {changed}"


def _version_fix(run: Snapshot) -> str:
    return f"if that is meant, move the baseline: eap-bench baseline accept --run {run.source}"


def _lost_fix(run: Snapshot) -> str:
    return f"try the failed clips again: eap-bench run --suite {run.suite} --out {run.source} --retry-failed"


def _main_reason(series: Series, lost: list[str]) -> str:
    reasons: dict[str, int] = {}
    for clip in lost:
        if clip in series.reasons:
            reasons[series.reasons[clip]] = reasons.get(series.reasons[clip], 0) + 1
    if not reasons:
        return ""
    return f" ({max(sorted(reasons), key=lambda reason: reasons[reason])})"


def _join(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
