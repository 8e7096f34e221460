from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from metrics.features.clip import ClipFeatures, Measured
from metrics.intensity import ccc, pcc, rmse, sagr
from metrics.registry import ClipFunction, NotApplicable, Remarked, get_metric

Affect = NDArray[np.float64]
COLUMN = {"valence": 0, "arousal": 1}


def _affect(seed: int, n: int = 30) -> Affect:
    return np.asarray(np.random.default_rng(seed).uniform(-0.9, 0.9, (n, 2)))


def _clip(affect: Affect) -> ClipFeatures:
    return ClipFeatures("k", len(affect), 96, 96, 25.0, True, affect=affect.astype(np.float32))


def _metric(name: str) -> ClipFunction:
    function = get_metric(name).clip
    assert function is not None
    return function


def test_by_hand() -> None:
    truth = np.array([[0.1, 0.5], [0.2, 0.5], [0.3, 0.6]])
    generated = np.array([[0.2, -0.5], [0.3, 0.5], [0.4, 0.6]])
    measured = Measured(_clip(generated), truth_affect=truth)
    assert _metric("valence_rmse")(measured) == pytest.approx(0.1, abs=1e-6)
    assert _metric("valence_pcc")(measured) == pytest.approx(1.0, abs=1e-6)
    # variances 2/300 each, gap of means .1: 2 (2/300) / (4/300 + .01) = 4/7
    assert _metric("valence_ccc")(measured) == pytest.approx(4 / 7, abs=1e-5)
    assert _metric("valence_sagr")(measured) == 1.0
    assert _metric("arousal_sagr")(measured) == pytest.approx(2 / 3)
    assert _metric("arousal_rmse")(measured) == pytest.approx(1 / np.sqrt(3), abs=1e-6)


@given(st.integers(0, 500), st.sampled_from(["valence", "arousal"]))
def test_independent_functions_on_exact_truth_and_on_pseudo_labels(seed: int, series: str) -> None:
    generated, reference, truth = (_affect(seed + i).astype(np.float32).astype(np.float64) for i in range(3))
    k = COLUMN[series]
    exact = Measured(_clip(generated), _clip(reference), truth_affect=truth)
    pseudo = Measured(_clip(generated), _clip(reference))
    for name, function in (("pcc", pcc), ("ccc", ccc), ("sagr", sagr), ("rmse", rmse)):
        found = _metric(f"{series}_{name}")
        assert found(exact) == pytest.approx(function(generated[:, k], truth[:, k]), abs=1e-9)
        assert found(pseudo) == pytest.approx(function(generated[:, k], reference[:, k]), abs=1e-9)


def test_scopes() -> None:
    neutral = np.zeros((30, 2))
    measured = Measured(_clip(_affect(1)), truth_affect=neutral)
    for name, words in (("valence_pcc", "true valence hardly moves"), ("arousal_ccc", "true arousal hardly moves"),
                        ("valence_sagr", "true valence is 0 throughout")):  # fmt: skip
        with pytest.raises(NotApplicable, match=words):
            _metric(name)(measured)
    assert _metric("valence_rmse")(measured) == pytest.approx(rmse(_affect(1)[:, 0], neutral[:, 0]), abs=1e-6)
    constant = Measured(_clip(np.full((30, 2), 0.3)), truth_affect=_affect(2))
    assert _metric("arousal_pcc")(constant) == Remarked(0.0, "generated arousal is constant: counted as 0")
