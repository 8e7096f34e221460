from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from user_study.statistics.comparisons import friedman, pairs, rater_means, tie_groups
from user_study.statistics.confusion import confusion
from user_study.statistics.crossed import Answers
from user_study.statistics.gains import headline


def groups(seed: int = 0, raters: int = 12, shift: float = 0.6) -> dict[str, Answers]:
    rng = np.random.default_rng(seed)
    rater, clip = np.indices((raters, 10)).reshape(2, -1)
    bias = rng.normal(0, 0.5, raters)[rater]
    return {
        name: Answers(3 + bias + shift * k + rng.normal(0, 0.7, len(rater)), rater, clip)
        for k, name in enumerate(("a", "b", "c"))
    }


def test_friedman_is_scipys_on_the_raters_means() -> None:
    found = friedman(groups())
    table = [rater_means(g, 12) for g in groups().values()]
    expected = stats.friedmanchisquare(*table)
    assert (found.statistic, found.p) == pytest.approx((expected.statistic, expected.pvalue))
    assert found.w == pytest.approx(expected.statistic / (12 * 2))


def test_friedman_by_hand_all_raters_rank_alike() -> None:
    """n raters, k = 3, all in one order: chi2 = n (k - 1), W = 1."""
    found = friedman(groups(shift=5.0, raters=7))
    assert (found.statistic, found.w) == pytest.approx((14.0, 1.0))


def test_friedman_leaves_out_and_counts_who_did_not_see_all() -> None:
    g = groups()
    g["c"] = g["c"].where(g["c"].rater != 4)
    assert (friedman(g).raters, friedman(g).left_out) == (11, 1)
    assert "three methods" in friedman({k: g[k] for k in "ab"}).note


def test_pairs_wilcoxon_holm_against_scipy() -> None:
    found = {(p.first, p.second): p for p in pairs(groups())}
    means = {k: rater_means(g, 12) for k, g in groups().items()}
    raw = {k: float(stats.wilcoxon(means[k[0]], means[k[1]]).pvalue) for k in found}
    assert {k: p.p for k, p in found.items()} == pytest.approx(raw)
    least = min(raw, key=lambda k: raw[k])
    assert found[least].p_holm == pytest.approx(3 * raw[least])
    assert found["a", "c"].differ
    assert found["a", "c"].difference.value == pytest.approx(float(means["a"].mean() - means["c"].mean()))


def test_a_pair_nobody_saw_both_of_has_no_p_and_does_not_harden_the_others() -> None:
    g = groups()
    g["d"] = Answers(g["a"].value, g["a"].rater + 50, g["a"].clip)
    found = {(p.first, p.second): p for p in pairs(g)}
    assert math.isnan(found["a", "d"].p)
    assert "0 raters saw both" in found["a", "d"].note
    assert found["a", "b"].p_holm == {(p.first, p.second): p for p in pairs(groups())}["a", "b"].p_holm


def test_tie_groups_start_with_the_best() -> None:
    found = pairs(groups(shift=1.5))
    assert tie_groups(["c", "b", "a"], found) == (("c",), ("b",), ("a",))
    assert tie_groups(["c", "b", "a"], pairs(groups(shift=0.0))) == (("c", "b", "a"),)


def test_headline_is_the_gain_over_the_lowest_ranked() -> None:
    g = groups(shift=1.0)
    found = headline("naturalness", g, ["a", "b", "c"])
    assert found is not None
    assert (found.method, found.lowest, found.shared_bottom) == ("c", "a", ())
    points = float(g["c"].value.mean() - g["a"].value.mean())
    assert found.points.value == pytest.approx(points)
    assert found.percent.value == pytest.approx(points / float(g["a"].value.mean()))
    focus = headline("naturalness", g, ["a", "b", "c"], focus="a")
    assert focus is not None
    assert (focus.method, focus.lowest) == ("a", "b")
    assert focus.points.value < 0
    assert headline("naturalness", g, ["a"]) is None
    assert headline("naturalness", g, ["a", "b"], focus="z") is None


def test_confusion_by_hand() -> None:
    found = confusion(np.array([0, 0, 0, 1]), np.array([0, 1, 2, 1]), ("fear", "happy"), ("fear", "happy", "unsure"))
    np.testing.assert_allclose(found.shares, [[1 / 3, 1 / 3, 1 / 3], [0.0, 1.0, 0.0]])
    assert found.balanced_accuracy == pytest.approx(2 / 3)
    assert [(shown, said) for shown, said, _ in found.worst(1)] == [("fear", "happy")]
    with pytest.raises(ValueError, match="no name"):
        confusion(np.array([2]), np.array([0]), ("fear", "happy"), ("fear",))
