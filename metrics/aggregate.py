"""From values of clips to values of methods: pooling, intervals by identity, confusion counts.

Everything here is a function of the journal (clip values and readings) and, for FID, of the clips' features.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from metrics.emotion import confusion
from metrics.fid import FeatureSet
from metrics.registry import (
    EVALUATOR_NEEDS,
    Metric,
    MetricSpec,
    SetInputs,
    SetResult,
    SignatureContext,
    all_metrics,
    as_clip_value,
    get_metric,
)
from metrics.results import ClipReading, ClipValue, ResultTable, Signature, Value
from metrics.statistics import RESAMPLES, SEED, cluster_bootstrap

Cell = tuple[str, str]
"""Method and track."""


@dataclass(frozen=True)
class ClipSetFeatures:
    """Features for FID: of each method's clips per track, and of the reference clips of the suite."""

    generated: Mapping[Cell, FeatureSet]
    reference: FeatureSet | None


def aggregate(
    clip_values: Iterable[ClipValue],
    readings: Sequence[ClipReading],
    context: SignatureContext,
    *,
    metrics: Sequence[str] | None = None,
    features: ClipSetFeatures | None = None,
    seed: int = SEED,
    resamples: int = RESAMPLES,
    notes: tuple[str, ...] = (),
) -> ResultTable:
    """Values per method, track and metric.

    `readings` names every clip that is expected of every method on every track, failed ones too: they are what
    `n_expected` counts. A clip value that is missing for an expected clip becomes a row "not measured".
    `metrics`: the names to report, in any order (default: all that have clip values, and those over many clips).
    Raises ValueError when one metric appears with two signatures: such numbers are never pooled.
    """
    names = metrics if metrics is not None else [item.spec.name for item in all_metrics()]
    chosen = [get_metric(name, context.protocol) for name in names]
    by_cell = _by_cell(readings)
    given: dict[str, dict[tuple[str, str, str], ClipValue]] = {}
    for item in clip_values:
        given.setdefault(item.metric, {})[item.method, item.track, item.clip_id] = item
    values: list[Value] = []
    rows: list[ClipValue] = []
    for metric in chosen:
        name = metric.spec.name
        if metric.over_clips is None and name not in given and metrics is None:
            continue
        signature = _one_signature(given.get(name, {}).values()) or context.sign(metric.spec)
        for cell, expected in by_cell.items():
            if metric.over_clips is None:
                mine = [_row(given.get(name, {}), metric.spec, signature, reading) for reading in expected]
                value = pool(metric.spec, signature, cell, mine, seed=seed, resamples=resamples)
            else:
                found = _over_clips(metric, signature, cell, expected, readings, features, seed, resamples)
                if found is None:
                    continue
                value, mine = found
            values.append(value)
            rows.extend(mine)
    noted = tuple(_with_world(value, context) for value in values)
    return ResultTable(noted, tuple(rows), confusion(tuple(readings)), notes)


def _with_world(value: Value, context: SignatureContext) -> Value:
    """The value with a word on evaluators that do not know this kind of data."""
    if not context.world_note or not set(get_metric(value.metric).spec.needs) & EVALUATOR_NEEDS:
        return value
    if context.world == "refused":
        return replace(value, note=context.world_note)
    return replace(value, note="; ".join(filter(None, (context.world_note, value.note))))


def pool(
    spec: MetricSpec,
    signature: Signature,
    cell: Cell,
    rows: Sequence[ClipValue],
    *,
    seed: int = SEED,
    resamples: int = RESAMPLES,
) -> Value:
    """One method's value from the values of its clips, with the bootstrap interval over identities."""
    scored = sorted((row for row in rows if row.scored), key=lambda row: row.clip_id)
    # A clip that counts as its frames is so many equal values of its identity: exact for a mean by clusters.
    counted = [row for row in scored for _ in range(max(round(row.weight), 1))]
    interval = cluster_bootstrap(
        [row.value for row in counted],
        [row.identity for row in counted],
        statistic=spec.pooling,
        seed=seed,
        resamples=resamples,
    )
    n_expected = sum(row.expected for row in rows)
    low, high = (float(np.clip(end, *spec.bounds)) for end in (interval.low, interval.high))
    return Value(
        spec.name, signature, *cell, interval.estimate, low, high, len(scored), n_expected,
        spec.unit, spec.higher_is_better, _note(interval.note, rows), spec.target,
    )  # fmt: skip


def _note(first: str, rows: Sequence[ClipValue]) -> str:
    """The interval's note, then how many clips are out of scope, and the reasons of those not scored."""
    parts = [first] if first else []
    outside = sum(not row.expected for row in rows)
    if outside:
        parts.append(f"{outside} of {len(rows)} clips are outside the definition")
    reasons: dict[str, int] = {}
    for row in rows:
        if row.expected and row.reason:
            kind = row.reason if row.scored else f"not scored: {row.reason}"
            reasons[kind] = reasons.get(kind, 0) + 1
    worst = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))[:3]
    parts.extend(f"{count} x {reason}" for reason, count in worst)
    return "; ".join(parts)


def _by_cell(readings: Sequence[ClipReading]) -> dict[Cell, list[ClipReading]]:
    cells: dict[Cell, list[ClipReading]] = {}
    for reading in readings:
        cells.setdefault((reading.method, reading.track), []).append(reading)
    return cells


def _one_signature(values: Iterable[ClipValue]) -> Signature | None:
    found = {item.signature for item in values}
    if len(found) > 1:
        names = " and ".join(sorted(str(item) for item in found))
        raise ValueError(f"numbers with different signatures cannot be pooled: {names}")
    return found.pop() if found else None


def _row(
    given: Mapping[tuple[str, str, str], ClipValue], spec: MetricSpec, signature: Signature, reading: ClipReading
) -> ClipValue:
    found = given.get((reading.method, reading.track, reading.clip_id))
    return found or as_clip_value(spec.name, signature, reading, math.nan, "not measured")


def _over_clips(
    metric: Metric,
    signature: Signature,
    cell: Cell,
    expected: Sequence[ClipReading],
    readings: Sequence[ClipReading],
    features: ClipSetFeatures | None,
    seed: int,
    resamples: int,
) -> tuple[Value, list[ClipValue]] | None:
    inputs = SetInputs(
        *cell,
        readings=tuple(readings),
        generated=features.generated.get(cell) if features else None,
        reference=features.reference if features else None,
        expected=tuple(expected),
    )
    result: SetResult | None = metric.over_clips(inputs) if metric.over_clips else None
    if result is None:
        return None
    spec = metric.spec
    if result.value is None:
        mine = [as_clip_value(spec.name, signature, *item) for item in result.clip_values]
        return pool(spec, signature, cell, mine, seed=seed, resamples=resamples), mine
    value = Value(
        spec.name, signature, *cell, result.value, result.ci_low, result.ci_high, result.n_scored, result.n_expected,
        spec.unit, spec.higher_is_better, result.note, spec.target,
    )  # fmt: skip
    return value, []
