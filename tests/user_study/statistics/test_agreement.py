from __future__ import annotations

import numpy as np
import pytest

from tests.user_study.statistics.golden import GOLDEN, ratings
from user_study.statistics.agreement import Level, components, krippendorff_alpha
from user_study.statistics.crossed import Answers


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
def test_equals_the_krippendorff_package(level: Level) -> None:
    """krippendorff 0.9.0; see make_golden.py."""
    found = krippendorff_alpha(ratings(gaps=True), level, resamples=200)
    assert found.value == pytest.approx(GOLDEN["alpha"][level], abs=1e-9)
    assert found.low < found.value < found.high


def test_by_hand_two_raters_of_four_clips() -> None:
    """0 0 | 1 1 | 0 1 | 0 0: o01 = 1 + 1, n0 = 5, n1 = 3, alpha = 1 - 7 * 2 / (2 * 15) = 8 / 15."""
    a = Answers.of([0, 1, 0, 0, 0, 1, 1, 0], ["a"] * 4 + ["b"] * 4, list("wxyz") * 2)
    assert krippendorff_alpha(a, "nominal").value == pytest.approx(8 / 15)


def test_the_canonical_example() -> None:
    """Krippendorff (2011), Computing Krippendorff's alpha-reliability, section C: nominal .743, ordinal .815, .849."""
    rows = ["1 2 3 3 2 1 4 1 2 * * *", "1 2 3 3 2 2 4 1 2 5 * 3", "* 3 3 3 2 3 4 2 2 5 1 *", "1 2 3 3 2 4 4 1 2 5 1 *"]
    triples = [
        (float(v), f"r{i}", f"c{j:02d}")
        for i, row in enumerate(rows)
        for j, v in enumerate(row.split())
        if v != "*"
    ]  # fmt: skip
    value, rater, clip = zip(*triples, strict=True)
    found = {
        level: krippendorff_alpha(Answers.of(value, rater, clip), level).value
        for level in ("nominal", "ordinal", "interval")
    }
    assert found == pytest.approx({"nominal": 0.7434, "ordinal": 0.8154, "interval": 0.8491}, abs=5e-5)


def test_names_of_labels_and_units_of_scales_do_not_matter() -> None:
    a = ratings(gaps=True)
    renamed = Answers((a.value * 2) % 5, a.rater, a.clip)
    assert krippendorff_alpha(renamed, "nominal").value == pytest.approx(krippendorff_alpha(a, "nominal").value)
    scaled = Answers(a.value * 7 - 3, a.rater, a.clip)
    assert krippendorff_alpha(scaled, "interval").value == pytest.approx(krippendorff_alpha(a, "interval").value)
    bent = Answers(a.value**3, a.rater, a.clip)
    assert krippendorff_alpha(bent, "ordinal").value == pytest.approx(krippendorff_alpha(a, "ordinal").value)


def test_chance_is_zero_and_no_variation_is_no_alpha() -> None:
    rng = np.random.default_rng(0)
    rater, clip = np.indices((20, 60)).reshape(2, -1)
    found = krippendorff_alpha(Answers(rng.integers(0, 4, 1200).astype(float), rater, clip), "nominal", resamples=200)
    assert abs(found.value) < 0.02
    assert "all answers are the same" in krippendorff_alpha(Answers(np.ones(1200), rater, clip), "nominal").note
    assert "no clip has two" in krippendorff_alpha(Answers.of([1, 2], ["a", "b"], ["x", "y"]), "nominal").note


def test_icc_equals_pingouins_in_a_full_table() -> None:
    """pingouin 0.7.0, ICC(A,1) and ICC(A,k); see make_golden.py."""
    found = components(ratings(gaps=False))
    assert found.icc_single == pytest.approx(GOLDEN["icc2"]["ICC(A,1)"], abs=1e-9)
    assert found.icc_mean(12) == pytest.approx(GOLDEN["icc2"]["ICC(A,k)"], abs=1e-9)


def test_icc_of_shrout_and_fleiss() -> None:
    """Shrout & Fleiss (1979), table 2: ICC(2,1) = .29, ICC(2,4) = .62."""
    table = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)
    clip, rater = np.indices(table.shape).reshape(2, -1)
    found = components(Answers(table.ravel(), rater, clip))
    assert found.icc_single == pytest.approx(0.29, abs=0.005)
    assert found.icc_mean(4) == pytest.approx(0.62, abs=0.005)


def test_components_are_found_again_in_a_sparse_table() -> None:
    found, true = [], []
    for seed in range(120):
        rng = np.random.default_rng(seed)
        rater, clip = np.nonzero(rng.random((30, 40)) < 0.3)
        own, shown, rest = rng.normal(0, 0.5, 30), rng.normal(0, 0.8, 40), rng.normal(0, 0.6, len(rater))
        c = components(Answers(own[rater] + shown[clip] + rest, rater, clip))
        found.append((c.rater, c.clip, c.rest))
        true.append((own.var(ddof=1), shown.var(ddof=1), rest.var(ddof=1)))
    np.testing.assert_allclose(np.mean(found, axis=0), np.mean(true, axis=0), atol=0.02)
