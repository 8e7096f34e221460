from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from metrics.intervals import Statistic
from metrics.statistics import (
    Method,
    cluster_bootstrap,
    compare_methods,
    holm,
    paired_difference,
    tie_groups,
    wilcoxon,
)


def _clustered(seed: int, k: int = 8, per: int = 6, between: float = 1.0) -> tuple[list[float], list[str]]:
    rng = np.random.default_rng(seed)
    values = rng.normal(0, between, (k, 1)) + rng.normal(0, 1, (k, per))
    return [float(v) for v in values.ravel()], [f"id{i}" for i in range(k) for _ in range(per)]


def test_two_clusters_by_hand() -> None:
    # Two clusters of one value: resamples are {0,0}, {0,1}, {1,0}, {1,1}; the plain 95 % percentiles are 0 and 1.
    interval = cluster_bootstrap([0.0, 1.0], ["a", "b"], method="percentile", expand=False)
    assert (interval.estimate, interval.low, interval.high) == (0.5, 0.0, 1.0)
    assert interval.note == "too few identities (2) for a trustworthy interval"


def test_constant_cluster_means_have_no_width() -> None:
    interval = cluster_bootstrap([1.0, 3.0, 1.0, 3.0, 1.0, 3.0], ["a", "a", "b", "b", "c", "c"])
    assert (interval.low, interval.high) == (2.0, 2.0)


@pytest.mark.parametrize("statistic", ["mean", "median"])
def test_equals_a_loop_over_resamples(statistic: Statistic) -> None:
    values, names = _clustered(3, k=5, per=3)
    values, names = values[:-1], names[:-1]  # unequal clusters
    found = cluster_bootstrap(
        values, names, statistic=statistic, method="percentile", resamples=200, seed=9, expand=False
    )
    groups = {name: [v for v, n in zip(values, names, strict=True) if n == name] for name in sorted(set(names))}
    weights = np.random.default_rng(9).multinomial(5, np.full(5, 0.2), size=200)
    draws = []
    for row in weights:
        drawn = [v for count, group in zip(row, groups.values(), strict=True) for v in group * int(count)]
        draws.append(np.mean(drawn) if statistic == "mean" else np.median(drawn))
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(draws, [0.025, 0.975])), abs=1e-12)


def test_bca_equals_scipy_on_clusters_of_one() -> None:
    values = [float(v) for v in np.random.default_rng(1).exponential(1.0, 40)]
    names = [str(i) for i in range(40)]
    found = cluster_bootstrap(values, names, method="bca", resamples=20_000, expand=False)
    expected = stats.bootstrap((values,), np.mean, method="BCa", n_resamples=20_000, rng=1).confidence_interval
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.02)
    plain = cluster_bootstrap(values, names, method="percentile", resamples=20_000, expand=False)
    assert found.high > plain.high  # skewed to the right: BCa moves up


@given(st.integers(0, 1000), st.sampled_from(["auto", "percentile", "bca", "student"]))
def test_order_of_clips_changes_nothing_and_affine_maps_carry_over(seed: int, method: Method) -> None:
    values, names = _clustered(seed, k=6, per=3)
    order = np.random.default_rng(seed).permutation(len(values))
    first = cluster_bootstrap(values, names, method=method, resamples=300)
    second = cluster_bootstrap([values[i] for i in order], [names[i] for i in order], method=method, resamples=300)
    assert first == second
    if method == "bca":
        return  # its levels count draws equal to the estimate, which rounding decides
    moved = cluster_bootstrap([2 * v + 5 for v in values], names, method=method, resamples=300)
    assert (moved.low, moved.high) == pytest.approx((2 * first.low + 5, 2 * first.high + 5), rel=1e-9, abs=1e-9)


def test_nothing_and_one_identity_say_so() -> None:
    assert cluster_bootstrap([], []).note == "nothing was scored"
    one = cluster_bootstrap([1.0, 2.0], ["a", "a"])
    assert (one.estimate, one.note) == (1.5, "no interval: one identity only")
    assert np.isnan([one.low, one.high]).all()
    with pytest.raises(ValueError, match="finite"):
        cluster_bootstrap([1.0, float("nan")], ["a", "b"])


def _methods(gaps: Mapping[str, float]) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
    rng = np.random.default_rng(4)
    clips = {f"{i}_{j}": f"id{i}" for i in range(10) for j in range(5)}
    base = {clip: rng.normal(0, 1) for clip in clips}
    values = {name: {c: base[c] + gap + rng.normal(0, 0.1) for c in clips} for name, gap in gaps.items()}
    return values, clips


def test_paired_difference_sees_through_shared_difficulty() -> None:
    values, clusters = _methods({"a": 0.2, "b": 0.0})
    values["a"]["0_0"] = float("nan")
    found = paired_difference(values["a"], values["b"], clusters)
    assert found.n == 49
    assert 0.1 < found.low < 0.2 < found.high < 0.25


def test_tie_groups_and_comparisons() -> None:
    values, clusters = _methods({"c": -0.5, "a": 0.0, "b": 0.005})
    values["empty"] = {"0_0": float("nan")}
    assert tie_groups(values, clusters, higher_is_better=True) == (("a", "b"), ("c",), ("empty",))
    assert tie_groups(values, clusters, higher_is_better=False)[0] == ("c",)
    del values["empty"]
    found = {(item.first, item.second): item for item in compare_methods(values, clusters)}
    assert found["c", "a"].differ
    assert not found["a", "b"].differ
    assert found["c", "a"].p == pytest.approx(2 / 2**10)


def test_ranking_by_target() -> None:
    clusters = {str(i): f"id{i}" for i in range(8)}
    values = {
        "low": dict.fromkeys(clusters, 0.4),
        "right": dict.fromkeys(clusters, 0.95),
        "high": dict.fromkeys(clusters, 1.3),
    }
    assert tie_groups(values, clusters, higher_is_better=None, target=1.0) == (("right",), ("high",), ("low",))
    with pytest.raises(ValueError, match="direction or a target"):
        tie_groups(values, clusters, higher_is_better=None)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx((0.03, 0.06, 0.06))
    assert holm([]) == ()
    with pytest.raises(ValueError, match="lie in"):
        holm([1.2])


def test_wilcoxon_edges() -> None:
    assert wilcoxon([1.0, 2.0], [1.0, 2.0]) == 1.0
    assert np.isnan(wilcoxon([], []))
    assert wilcoxon([1, 2, 3, 4, 5], [0, 0, 0, 0, 0]) == pytest.approx(2 / 32)


def test_golden(shared_dir: Path) -> None:
    golden = json.loads((shared_dir / "reference/stats/golden.json").read_text())
    data = np.load(shared_dir / "reference/stats/data.npz")
    columns = data["wilcoxon_cont_24x4"].T
    for name, other in (("c0_c1", 1), ("c0_c2", 2), ("c0_c3_zeros", 3)):
        assert wilcoxon(columns[0], columns[other]) == pytest.approx(golden["wilcoxon"][name]["wilcox_auto"][1])
    likert = data["wilcoxon_likert_20x2"].T
    assert wilcoxon(likert[0], likert[1]) == pytest.approx(golden["wilcoxon"]["likert"]["wilcox_auto"][1])
    assert holm(golden["multiple"]["p"]) == pytest.approx(golden["multiple"]["holm"])
