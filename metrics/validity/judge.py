"""What trials say of a metric: does it follow a damage, how little of it is enough, what else moves it.

tau: Kendall's rank correlation of the grade (0 among them) with the pooled value, signed so that 1 means "worse at
every step". For a metric whose best value is a target in the middle, moving one way at every step is what counts.
seen: the smallest grade from which on the paired 95 % interval of the change, identities being the sample, excludes 0.
effect: the change at the strongest grade as a share of the largest change this metric shows under any damage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from metrics.fid import frechet_from_features, stack
from metrics.human_intensity import rank
from metrics.intensity import pcc
from metrics.intervals import Statistic
from metrics.leakage import clip_leakage
from metrics.registry import Metric, MetricSpec
from metrics.results import ClipReading
from metrics.statistics import cluster_bootstrap, point_estimate
from metrics.validity.damages import STRENGTHS, Damage, version
from metrics.validity.results import Cell
from metrics.validity.trial import BASE, REFERENCE, SHARED, ClipTrial, Found, residue, strength

Rows = list[tuple[ClipTrial, Found]]
SEED = 7


def assembled(trials: Sequence[ClipTrial], damage: Damage, grade: float) -> Rows:
    """The clips as a damage leaves them at a grade; shares are nested: more of it spoils the same clips and others."""
    if damage.kind == "residue":
        return [(trial, trial.versions[residue(grade)]) for trial in trials]
    if damage.kind not in ("share", "mixed"):
        label = BASE if grade == 0 else version(damage.name, grade)
        return [(trial, trial.versions[label]) for trial in trials]
    order = np.random.default_rng(SEED).permutation(len(trials))
    spoilt = set(order[: round(grade * len(trials))].tolist())
    if damage.kind == "mixed":
        rows = of_all_strengths(trials)
        return [(trial, across(rows, i) if i in spoilt else found) for i, (trial, found) in enumerate(rows)]
    label = SHARED[damage.name]
    return [(trial, trial.versions[label if i in spoilt else BASE]) for i, trial in enumerate(trials)]


def of_all_strengths(trials: Sequence[ClipTrial]) -> Rows:
    """Clips weakened in turn, with the votes they would get: true intensity is proportional to what is played."""
    rows = []
    for i, trial in enumerate(trials):
        weakening = STRENGTHS[i % len(STRENGTHS)]
        rows.append((replace(trial, vote=trial.vote * (1 - weakening)), trial.versions[strength(weakening)]))
    return rows


def across(rows: Rows, index: int) -> Found:
    """What was measured on the clip at the other end of people's ranking: the most intense for the least."""
    ranking = sorted(range(len(rows)), key=lambda i: (rows[i][0].vote, rows[i][0].clip_id))
    return rows[ranking[len(rows) - 1 - ranking.index(index)]][1]


@dataclass(frozen=True)
class _Curve:
    """A metric along the grades of a damage, grade 0 first."""

    values: list[float]
    changes: list[tuple[float, float, float]]
    """Change from grade 0 with its interval."""
    n: int


def cell(metric: Metric, damage: Damage, trials: Sequence[ClipTrial]) -> Cell | None:
    """One field of the matrix, its effect not yet set against others; None when the metric has no values there."""
    spec = metric.spec
    if spec.neutral_only != (damage.kind == "residue"):
        return None  # neutral faces have a damage of their own, and no other metric speaks of them
    if damage.kind == "mixed" and "votes" not in spec.needs:
        return None  # values of a clip against its own reference say nothing of another clip's
    grades = (0.0, *damage.grades)
    rows = [assembled(trials, damage, grade) for grade in grades]
    curve = _of_clips(spec, rows) if metric.clip is not None else _of_sets(spec, rows)
    if curve is None:
        return None
    return Cell(
        metric=spec.name,
        damage=damage.name,
        declared=damage.name in spec.sees,
        tau=tau(spec, grades, curve.values),
        grades=grades,
        values=tuple(curve.values),
        changes=tuple(change for change, _, _ in curve.changes),
        lows=tuple(low for _, low, _ in curve.changes),
        highs=tuple(high for _, _, high in curve.changes),
        seen=smallest_seen(grades, curve.changes),
        effect=0.0,
        n=curve.n,
    )


def tau(spec: MetricSpec, grades: Sequence[float], values: Sequence[float]) -> float:
    """Kendall's tau-b of grade and loss; 0 when the value never changes."""
    from scipy.stats import kendalltau

    found = float(kendalltau(grades, values).statistic)
    if not np.isfinite(found):
        return 0.0
    if spec.higher_is_better is None:
        return abs(found)
    return -found if spec.higher_is_better else found


def smallest_seen(grades: Sequence[float], changes: Sequence[tuple[float, float, float]]) -> float | None:
    """The smallest grade from which on every interval excludes 0; None when the strongest is not seen."""
    seen = None
    for grade, (_, low, high) in list(zip(grades, changes, strict=True))[:0:-1]:
        if not (low > 0 or high < 0):
            break
        seen = grade
    return seen


def _of_clips(spec: MetricSpec, rows: Sequence[Rows]) -> _Curve | None:
    """Clips that have a value at every grade: a change is a change of the same clips."""
    table = np.array([[found.values.get(spec.name, np.nan) for _, found in row] for row in rows])
    kept = np.isfinite(table).all(axis=0)
    if kept.sum() < 2:
        return None
    names = [trial.identity for (trial, _), keep in zip(rows[0], kept, strict=True) if keep]
    table = table[:, kept]
    values = [point_estimate(row, spec.pooling) for row in table]
    kind: Statistic = "median" if spec.pooling == "median" else "mean"
    changes = []
    for row in table:
        # Student's t, as of all paired differences: where few clips change, bootstrap-t knows no bounds.
        found = cluster_bootstrap(row - table[0], names, statistic=kind, method="student")
        changes.append((found.estimate, found.low, found.high))
    return _Curve(values, changes, int(kept.sum()))


def _of_sets(spec: MetricSpec, rows: Sequence[Rows]) -> _Curve | None:
    """A metric over many clips; its change is jackknifed over identities."""
    function = _SET_VALUES.get(spec.name)
    if function is None:
        return None
    identities = sorted({trial.identity for trial, _ in rows[0]})
    whole = np.array([function(row, rows[0]) for row in rows])
    if not np.isfinite(whole).all():
        return None
    parts = np.array([[function(_without(row, name), _without(rows[0], name)) for row in rows] for name in identities])
    changes = [_jackknifed(whole[i] - whole[0], parts[:, i] - parts[:, 0]) for i in range(len(rows))]
    return _Curve([float(value) for value in whole], changes, len(rows[0]))


def _without(row: Rows, identity: str) -> Rows:
    return [(trial, found) for trial, found in row if trial.identity != identity]


def _jackknifed(change: float, left_out: np.ndarray) -> tuple[float, float, float]:
    from scipy.stats import t

    k = len(left_out)
    error = float(np.sqrt((k - 1) / k * ((left_out - left_out.mean()) ** 2).sum()))
    half = float(t.ppf(0.975, k - 1)) * error
    return float(change), float(change) - half, float(change) + half


def _fid(row: Rows) -> float:
    true = [trial.versions[REFERENCE].features for trial, _ in row if REFERENCE in trial.versions]
    sides = [[found.features for _, found in row], true]
    known = [[features for features in side if features is not None] for side in sides]
    if any(len(side) < 2 for side in known):
        return float("nan")
    return frechet_from_features(stack(known[0]), stack(known[1]))


def _leakage(row: Rows, base: Rows) -> float:
    values = []
    for (trial, found), (_, calm) in zip(row, base, strict=True):
        reading = ClipReading(
            "m", "emotional", trial.clip_id, trial.identity, trial.emotion, trial.level, trial.other_emotion,
            found.judged_emotion,
        )  # fmt: skip
        values.append(clip_leakage(reading, replace(reading, track="neutral", judged_emotion=calm.judged_emotion))[0])
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def _votes(row: Rows, *, ranked: bool) -> float:
    pairs = [(f.judged_intensity, trial.vote) for trial, f in row if f.judged_intensity is not None]
    judged, votes = np.array(pairs, np.float64).T
    return pcc(rank(judged), rank(votes)) if ranked else pcc(judged, votes)


_SET_VALUES: dict[str, Callable[[Rows, Rows], float]] = {
    "fid": lambda row, _: _fid(row),
    "reference_leakage": _leakage,
    "votes_pcc": lambda row, _: _votes(row, ranked=False),
    "votes_rank": lambda row, _: _votes(row, ranked=True),
}


def matrix(metrics: Sequence[Metric], damages: Sequence[Damage], trials: Sequence[ClipTrial]) -> tuple[Cell, ...]:
    """Every metric under every damage, effects set against the largest of the same metric (+: worse, -: better)."""
    cells = [found for metric in metrics for damage in damages if (found := cell(metric, damage, trials)) is not None]
    specs = {metric.spec.name: metric.spec for metric in metrics}
    largest: dict[str, float] = {}
    for item in cells:
        largest[item.metric] = max(largest.get(item.metric, 0.0), *(abs(change) for change in item.changes))
    return tuple(
        item.model_copy(update={"effect": _effect(specs[item.metric], item, largest[item.metric])}) for item in cells
    )


def _effect(spec: MetricSpec, item: Cell, largest: float) -> float:
    if largest <= 0:
        return 0.0
    change = item.changes[-1]
    if spec.higher_is_better is None:
        target = spec.target or 0.0
        worse = abs(item.values[-1] - target) >= abs(item.values[0] - target)
        return abs(change) / largest * (1 if worse else -1)
    return (-change if spec.higher_is_better else change) / largest
