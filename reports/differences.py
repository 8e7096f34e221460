"""Paired differences between two methods on the same clips, by `metrics.statistics` (identities resampled whole)."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from metrics.statistics import paired_difference, point_estimate, tie_groups
from reports.facts import MetricFacts
from reports.source import Run


@dataclass(frozen=True)
class Difference:
    """How much better method `a` is than `b` (positive: better), in the metric's unit, with a 95 % interval.

    `gain` is the mean over clips; for a metric with an ideal value it is how much closer to it `a` is, per clip.
    `low` and `high` are None when one identity leaves nothing to resample. `value_a`, `value_b` are pooled as the
    metric's own value.
    """

    value_a: float
    value_b: float
    gain: float
    low: float | None
    high: float | None
    n_clips: int
    n_identities: int

    @property
    def separated(self) -> bool:
        """Whether the interval excludes 0. Without an interval nothing is separated."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def scored(run: Run, metric: str, track: str) -> pd.DataFrame:
    """Rows of `clip_values` with a finite value for one metric on one track."""
    return run.scored.get((metric, track), run.clip_values.iloc[:0])


def by_method(run: Run, metric: str, track: str) -> dict[str, dict[str, float]]:
    """Method -> clip -> finite value."""
    return run.clip_numbers.get((metric, track), {})


def paired(
    run: Run, facts: MetricFacts, track: str, a: str, b: str, clips: Collection[str] | None = None
) -> Difference | None:
    """The paired difference of two methods on one track, or None when no clip was scored for both.

    `clips` narrows it to some of the clips.
    """
    values = by_method(run, facts.name, track)
    both = values.get(a, {}).keys() & values.get(b, {}).keys()
    shared = sorted(both if clips is None else both & set(clips))
    if not shared:
        return None
    cost = {m: {clip: facts.loss(values[m][clip]) for clip in shared} for m in (a, b)}
    interval = paired_difference(cost[b], cost[a], run.identities)
    known = math.isfinite(interval.low) and math.isfinite(interval.high)
    pooled = [point_estimate([values[m][clip] for clip in shared], facts.pooling) for m in (a, b)]
    return Difference(
        pooled[0],
        pooled[1],
        interval.estimate,
        interval.low if known else None,
        interval.high if known else None,
        interval.n,
        interval.n_clusters,
    )


def groups(run: Run, facts: MetricFacts, track: str, methods: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Methods in groups that cannot be told apart, best first; empty when fewer than two have values per clip."""
    values = {m: v for m, v in by_method(run, facts.name, track).items() if m in methods}
    ordered = {m: values[m] for m in methods if m in values}
    if len(ordered) < 2 or not facts.ranked:
        return ()
    return tie_groups(ordered, run.identities, higher_is_better=facts.higher_is_better, target=facts.target)
