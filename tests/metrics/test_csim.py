from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cosine as scipy_distance

from metrics.csim import cosine, csim
from metrics.features.clip import ClipFeatures, Measured
from metrics.registry import Unmeasurable


def _clip(embedding: list[float] | None) -> ClipFeatures:
    array = None if embedding is None else np.array(embedding, np.float32)
    return ClipFeatures("k", 5, 96, 96, 25.0, True, identity=array, missing={"identity": "no face in any frame"})


def test_by_hand() -> None:
    assert csim(Measured(_clip([1.0, 0.0]), _clip([0.6, 0.8]))) == pytest.approx(0.6, abs=1e-7)
    assert csim(Measured(_clip([0.6, 0.8]), _clip([0.6, 0.8]))) == pytest.approx(1.0, abs=1e-7)


@given(st.integers(0, 500), st.floats(0.01, 100))
def test_independent_reference_and_invariance(seed: int, scale: float) -> None:
    a, b = np.random.default_rng(seed).standard_normal((2, 16))
    assert cosine(a, b) == pytest.approx(1 - float(scipy_distance(a, b)), abs=1e-9)
    assert cosine(scale * a, b) == pytest.approx(cosine(b, a), abs=1e-9)


def test_no_face_is_a_reason() -> None:
    with pytest.raises(Unmeasurable, match="generated: no face in any frame"):
        csim(Measured(_clip(None), _clip([1.0, 0.0])))
    with pytest.raises(Unmeasurable, match="reference: no face"):
        csim(Measured(_clip([1.0, 0.0]), _clip(None)))
    with pytest.raises(Unmeasurable, match="no frame has a face"):
        csim(Measured(_clip([0.0, 0.0]), _clip([1.0, 0.0])))
