from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.features.clip import ClipFeatures, Measured
from metrics.registry import NotApplicable, Unmeasurable
from metrics.silent_lip import restlessness, silent_lip, silent_steps
from tests.metrics.test_movement import Points, moving

LEVEL = np.array([-70.0] * 8 + [-20.0] * 8 + [-70.0] * 4)


def _clip(points: Points, loudness: Points) -> ClipFeatures:
    return ClipFeatures(
        "k", len(points), 96, 96, 25.0, True, landmarks=points.astype(np.float32), loudness=loudness.astype(np.float32)
    )


def test_silence_without_its_edges() -> None:
    # Frames 0-7 and 16-19 are silent; 7 and 16 are edges, the ends of the clip are not.
    steps = np.flatnonzero(silent_steps(LEVEL))
    assert steps.tolist() == [0, 1, 2, 3, 4, 5, 17, 18]
    unknown = LEVEL.copy()
    unknown[18:] = np.nan
    assert np.flatnonzero(silent_steps(unknown)).tolist() == [0, 1, 2, 3, 4, 5]
    assert not silent_steps(np.full(5, np.nan)).any()


def test_by_hand() -> None:
    opening = np.zeros(20)
    opening[2] = 0.08  # steps 1 and 2 change by .08 each, six others by 0
    opening[10:14] = 1.0  # speech does not count
    assert restlessness(opening, silent_steps(LEVEL)) == pytest.approx(0.16 / 8)
    course = np.zeros(20)
    course[2] = 1.0
    assert silent_lip(Measured(_clip(moving(course, lips=4.8), LEVEL))) == pytest.approx(2 * 4.8 / 60 / 8, rel=1e-4)


@given(st.integers(0, 300), st.floats(-40, 40))
def test_overall_level_and_what_happens_in_speech_change_nothing(seed: int, gain: float) -> None:
    rng = np.random.default_rng(seed)
    points = moving(rng.uniform(0, 1, 20), lips=5.0)
    value = silent_lip(Measured(_clip(points, LEVEL)))
    points[9:14, 60:] += rng.normal(0, 5, (5, 8, 2))
    assert silent_lip(Measured(_clip(points, LEVEL + gain))) == pytest.approx(value, rel=1e-5)


def test_no_silence_and_no_face_in_it() -> None:
    points = moving(np.zeros(20))
    with pytest.raises(NotApplicable, match="only 0 steps of silence"):
        silent_lip(Measured(_clip(points, np.full(20, -20.0))))
    points[:8], points[16:] = np.nan, np.nan
    with pytest.raises(Unmeasurable, match="no face in the silent frames"):
        silent_lip(Measured(_clip(points, LEVEL)))
