from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from metrics.human_intensity import votes_pcc, votes_rank
from metrics.registry import SetInputs, SetResult
from metrics.results import ClipReading


def _inputs(judged: list[float | None], votes: list[float | None]) -> SetInputs:
    readings = tuple(
        ClipReading("m", "all", f"c{i:02d}", f"id{i % 6}", "happy", 3, judged_intensity=a, vote=b)
        for i, (a, b) in enumerate(zip(judged, votes, strict=True))
    )
    return SetInputs("m", "all", readings, None, None, readings)


def _found(result: SetResult | None) -> SetResult:
    assert result is not None
    return result


def test_equals_scipy_and_has_an_interval() -> None:
    rng = np.random.default_rng(0)
    judged = [float(v) for v in rng.uniform(0, 1, 24)]
    votes: list[float | None] = [float(np.clip(v + rng.normal(0, 0.2), 0, 1)) for v in judged]
    inputs = _inputs([*judged], votes)
    linear, ranked = _found(votes_pcc(inputs)), _found(votes_rank(inputs))
    assert linear.value == pytest.approx(float(pearsonr(judged, votes).statistic))
    assert ranked.value == pytest.approx(float(spearmanr(judged, votes).statistic))
    assert linear.ci_low < float(linear.value or 0) < linear.ci_high
    assert (linear.n_scored, linear.n_expected) == (24, 24)


def test_what_is_missing_is_counted() -> None:
    judged: list[float | None] = [0.1, 0.2, 0.3, 0.4, 0.5, None, 0.6]
    votes: list[float | None] = [0.1, 0.2, 0.3, 0.4, math.nan, 0.6, None]
    found = _found(votes_pcc(_inputs(judged, votes)))
    assert found.value == pytest.approx(1.0)
    assert (found.n_scored, found.n_expected) == (4, 6)
    assert "2 x no judged intensity, or no vote that is a number" in found.note
    assert "1 of 7 clips were not voted on" in found.note
    few = _found(votes_pcc(_inputs(judged[:3], votes[:3])))
    assert math.isnan(few.value or 0)
    assert few.note.startswith("3 clips with a vote and a judgement, 4 are needed")


def test_a_constant_judge_says_so() -> None:
    found = _found(votes_rank(_inputs([0.4] * 6, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6])))
    assert (found.value, found.note) == (0.0, "judged intensity is the same: counted as 0")
