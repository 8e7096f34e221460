"""Perceived intensity over time against r(t): correlation and concordance after taking off the raters' reaction time.

A hand on a slider follows the eye by half a second or more. The lag of a rater is looked for on the rater's *other*
clips (drawn to the panel's): a lag chosen on the clip it is scored on would find correlation in noise. Sliders have no
unit, so concordance is taken after one straight line per rater, over all methods alike, that brings mean and spread of
the slider to those of r.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metrics.intensity import MIN_TRUTH_STD, ccc, pcc
from user_study.statistics.crossed import Answers, Array, Estimate, codes, mean, nothing

MAX_LAG = 1.5
"""Longest reaction time looked for, in seconds."""
PANEL_WEIGHT = 5
"""As many traces of the panel are added to a rater's own when the lag is looked for (our choice)."""
LEAST_FRAMES = 10
RESAMPLES = 500


@dataclass(frozen=True, eq=False)
class Trace:
    """One trace on the frames of its clip: slider and reference r (T,), both finite, `fps` frames a second."""

    rater: str
    method: str
    clip: str
    slider: Array
    reference: Array
    fps: float


@dataclass(frozen=True, slots=True)
class ClipAgreement:
    """The raters' mean trace of one clip against r(t); intervals by drawing raters."""

    method: str
    clip: str
    raters: int
    pcc: Estimate
    ccc: Estimate


@dataclass(frozen=True, slots=True)
class MethodAgreement:
    """Means over a method's clips: of single traces (raters and clips drawn), and of the clips' mean traces."""

    method: str
    single_pcc: Estimate
    single_ccc: Estimate
    panel_pcc: float
    panel_ccc: float
    traces: int
    still: int
    """Traces whose slider never moved: scored 0, not dropped."""


@dataclass(frozen=True)
class TraceResult:
    """Everything that was found against one reference."""

    methods: tuple[MethodAgreement, ...]
    clips: tuple[ClipAgreement, ...]
    lag: float
    """Median over raters of the reaction time, in seconds."""
    lags: tuple[tuple[str, float], ...]
    left_out: int
    """Traces of clips whose r hardly moves (std < .02): there is no course to follow."""
    short: int
    """Traces with too few frames."""


def resample(t: Array, value: Array, times: Array) -> Array:
    """The slider at `times`: it stays where it was until it is moved. Samples may come in any order."""
    order = np.argsort(t, kind="stable")
    index = np.searchsorted(t[order], times, side="right") - 1
    return np.asarray(value[order][np.maximum(index, 0)], np.float64)


def agreement(
    traces: Sequence[Trace], *, max_lag: float = MAX_LAG, resamples: int = RESAMPLES, seed: int = 20240929
) -> TraceResult:
    """PCC and CCC of traces with their reference, per clip and method. No trace at all gives an empty result.

    `resamples`: how often raters are drawn for the interval of a clip.
    """
    moving = [t for t in traces if t.reference.std() >= MIN_TRUTH_STD]
    usable = [t for t in moving if len(t.slider) - round(max_lag * t.fps) >= LEAST_FRAMES]
    if not usable:
        return TraceResult((), (), math.nan, (), len(traces) - len(moving), len(moving))
    lags = find_lags(usable, max_lag)
    cut = [_cut(trace, lag) for trace, lag in zip(usable, lags, strict=True)]
    mapped = _to_reference(usable, cut)
    scores = np.array([_scores(x, r) for x, (_, r) in zip(mapped, cut, strict=True)])
    rater, clip = codes([t.rater for t in usable]), codes([t.clip for t in usable])
    methods = list(dict.fromkeys(t.method for t in usable))
    clips = tuple(_clips(usable, mapped, cut, resamples, seed))
    result = []
    for method in methods:
        mine = np.array([t.method == method for t in usable])
        panel = [c for c in clips if c.method == method]
        still = int(sum(np.ptp(t.slider) == 0 for t, keep in zip(usable, mine, strict=True) if keep))
        result.append(
            MethodAgreement(
                method, mean(Answers(scores[mine, 0], rater[mine], clip[mine])),
                mean(Answers(scores[mine, 1], rater[mine], clip[mine])),
                float(np.mean([c.pcc.value for c in panel])), float(np.mean([c.ccc.value for c in panel])),
                int(mine.sum()), still,
            )
        )  # fmt: skip
    own = {t.rater: [] for t in usable}  # type: dict[str, list[float]]
    for t, lag in zip(usable, lags, strict=True):
        own[t.rater].append(lag / t.fps)
    per_rater = tuple((name, float(np.median(values))) for name, values in sorted(own.items()))
    middle = float(np.median([lag for _, lag in per_rater]))
    return TraceResult(tuple(result), clips, middle, per_rater, len(traces) - len(moving), len(moving) - len(usable))


def find_lags(traces: Sequence[Trace], max_lag: float = MAX_LAG) -> list[int]:
    """Lag in frames of each trace: the one at which the rater's traces of other clips go best with their reference."""
    steps = max(round(max_lag * t.fps) for t in traces)
    table = np.stack([_covariances(t, max_lag, steps) for t in traces])
    rater, clip = codes([t.rater for t in traces]), codes([t.clip for t in traces])
    pair = np.unique(rater * (clip.max() + 1) + clip, return_inverse=True)[1]
    own = _sums(table, rater) - _sums(table, pair)
    others = len(traces) - np.bincount(clip)[clip]
    panel = (table.sum(axis=0) - _sums(table, clip)) / np.maximum(others, 1)[:, None]
    return [int(lag) for lag in (own + PANEL_WEIGHT * panel).argmax(axis=1)]


def _sums(table: Array, code: np.ndarray) -> Array:
    """(N, L) for each row the sum of all rows of its group."""
    total = np.zeros((int(code.max()) + 1, table.shape[1]))
    np.add.at(total, code, table)
    return np.asarray(total[code])


def _covariances(trace: Trace, max_lag: float, steps: int) -> Array:
    """(steps + 1,) covariance of slider and reference at every lag, over the frames that all lags have."""
    frames = len(trace.slider) - round(max_lag * trace.fps)
    r = trace.reference[:frames] - trace.reference[:frames].mean()
    spread = max(float(trace.slider.std()), 1e-9) * max(float(r.std()), 1e-9)
    last = len(trace.slider) - frames
    rows = [r @ trace.slider[min(lag, last) : min(lag, last) + frames] / frames / spread for lag in range(steps + 1)]
    return np.asarray(rows, np.float64)


def _cut(trace: Trace, lag: int) -> tuple[Array, Array]:
    frames = len(trace.slider) - lag
    return trace.slider[lag:], trace.reference[:frames]


def _to_reference(traces: Sequence[Trace], cut: Sequence[tuple[Array, Array]]) -> list[Array]:
    """Every slider on the scale of r: one straight line per rater over all of the rater's traces."""
    every = np.concatenate([r for _, r in cut])
    centre, spread = float(every.mean()), float(every.std())
    lines: dict[str, tuple[float, float]] = {}
    for name in {t.rater for t in traces}:
        mine = np.concatenate([x for t, (x, _) in zip(traces, cut, strict=True) if t.rater == name])
        lines[name] = float(mine.mean()), float(mine.std())
    return [
        centre + (x - lines[t.rater][0]) * (spread / lines[t.rater][1] if lines[t.rater][1] > 1e-9 else 0.0)
        for t, (x, _) in zip(traces, cut, strict=True)
    ]


def _scores(x: Array, r: Array) -> tuple[float, float]:
    """PCC and CCC; a slider that stays where it is follows nothing: 0."""
    found = pcc(x, r), ccc(x, r)
    return tuple(value if math.isfinite(value) else 0.0 for value in found)  # type: ignore[return-value]


def _clips(
    traces: Sequence[Trace], mapped: list[Array], cut: Sequence[tuple[Array, Array]], resamples: int, seed: int
) -> list[ClipAgreement]:
    groups: dict[tuple[str, str], list[int]] = {}
    for index, trace in enumerate(traces):
        groups.setdefault((trace.method, trace.clip), []).append(index)
    rng = np.random.default_rng(seed)
    found = []
    for (method, clip), members in groups.items():
        frames = min(len(mapped[i]) for i in members)
        table = np.stack([mapped[i][:frames] for i in members])
        r = cut[members[0]][1][:frames]
        raters = len({traces[i].rater for i in members})
        value = _scores(table.mean(axis=0), r)
        if len(members) < 3:
            none = nothing("fewer than 3 traces: no interval")
            pair = [
                Estimate(v, none.low, none.high, none.se, none.df, len(members), raters, 1, none.note) for v in value
            ]
        else:
            weights = rng.multinomial(len(members), np.full(len(members), 1 / len(members)), size=resamples)
            drawn = np.array([_scores(x, r) for x in weights @ table / len(members)])
            low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
            pair = [
                Estimate(
                    v,
                    float(low[k]),
                    float(high[k]),
                    float(drawn[:, k].std()),
                    len(members) - 1,
                    len(members),
                    raters,
                    1,
                )
                for k, v in enumerate(value)
            ]
        found.append(ClipAgreement(method, clip, raters, pair[0], pair[1]))
    return found
