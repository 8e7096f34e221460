"""Does judged intensity rank clips as people do? Correlation over clips of mean r with human votes of intensity.

CREMA-D's actors were rated by about ten people a clip: an intensity truth that no network had a hand in. One number a
clip, so the course within a clip is not judged here.
"""

from __future__ import annotations

import numpy as np

from metrics.features.clip import Array
from metrics.intensity import pcc
from metrics.registry import MetricSpec, SetInputs, SetResult, set_metric
from metrics.results import ClipReading
from metrics.statistics import cluster_bootstrap_of

MIN_CLIPS = 4


def rank(values: Array) -> Array:
    """(n,) average ranks of values; Spearman's correlation is Pearson's of ranks."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(values), np.float64)


def _usable(reading: ClipReading) -> bool:
    vote, judged = reading.vote, reading.judged_intensity
    return vote is not None and judged is not None and bool(np.isfinite(vote) and np.isfinite(judged))


def _correlation(inputs: SetInputs, *, ranked: bool) -> SetResult | None:
    asked = [reading for reading in inputs.expected if reading.vote is not None]
    usable = sorted((reading for reading in asked if _usable(reading)), key=lambda reading: reading.clip_id)
    lost = len(asked) - len(usable)
    reasons = [f"{lost} x no judged intensity, or no vote that is a number"] if lost else []
    outside = len(inputs.expected) - len(asked)
    if outside:
        reasons.append(f"{outside} of {len(inputs.expected)} clips were not voted on")
    if len(usable) < MIN_CLIPS:
        reasons.insert(0, f"{len(usable)} clips with a vote and a judgement, {MIN_CLIPS} are needed")
        return SetResult(float("nan"), n_expected=len(asked), note="; ".join(reasons))
    judged = np.array([reading.judged_intensity for reading in usable], np.float64)
    votes = np.array([reading.vote for reading in usable], np.float64)

    def statistic(index: np.ndarray) -> float:
        x, y = judged[index], votes[index]
        return pcc(rank(x), rank(y)) if ranked else pcc(x, y)

    found = cluster_bootstrap_of(statistic, [reading.identity for reading in usable])
    if not np.isfinite(found.estimate):
        constant = "judged intensity" if np.ptp(judged) == 0 else "every vote"
        return SetResult(0.0, n_scored=len(usable), n_expected=len(asked), note=f"{constant} is the same: counted as 0")
    note = "; ".join(filter(None, (found.note, *reasons)))
    return SetResult(found.estimate, found.low, found.high, len(usable), len(asked), note)


def _spec(name: str, title: str, how: str, words: str) -> MetricSpec:
    return MetricSpec(
        name=name,
        title=title,
        unit="",
        higher_is_better=True,
        bounds=(-1.0, 1.0),
        needs=("affect", "votes"),
        source=f"definition: {how} over clips of mean r and the mean vote of people (CREMA-D summaryTable.csv)",
        parts=(("clip", "mean-r"), ("correlation", how.lower()), ("pool", "over-clips")),
        reference=False,
        group="Intensity",
        help=words,
        default=False,
        sees=("intensity_mixed",),
    )


@set_metric(
    _spec("votes_pcc", "Human intensity PCC", "Pearson", "Correlation of judged intensity with people's votes.")
)
def votes_pcc(inputs: SetInputs) -> SetResult | None:
    """Pearson's correlation of mean r with the votes of people, over the clips of one method and track."""
    return _correlation(inputs, ranked=False)


@set_metric(
    _spec("votes_rank", "Human intensity rank", "Spearman", "Rank correlation of judged intensity with people's votes.")
)
def votes_rank(inputs: SetInputs) -> SetResult | None:
    """Spearman's correlation of mean r with the votes of people, over the clips of one method and track."""
    return _correlation(inputs, ranked=True)
