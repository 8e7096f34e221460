from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cityblock

from eap.constants import EMOTIONS
from metrics.emotion_probability import emotion_probability
from metrics.features.clip import ClipFeatures, Floats, Measured
from metrics.registry import Remarked, Unmeasurable


def _measured(probabilities: Floats | None, emotion: str | None) -> Measured:
    return Measured(ClipFeatures("k", 20, 96, 96, 25.0, True, emotion=probabilities), emotion=emotion)


def _frames(seed: int, n: int = 20) -> Floats:
    return np.random.default_rng(seed).dirichlet(np.ones(8), n).astype(np.float32)


def test_by_hand() -> None:
    frames = np.zeros((4, 8), np.float32)
    happy, sad = EMOTIONS.index("happy"), EMOTIONS.index("sad")
    frames[:, happy], frames[:, sad] = (0.5, 0.75, 1.0, 0.25), (0.5, 0.25, 0.0, 0.75)
    assert emotion_probability(_measured(frames, "happy")) == 0.625
    assert emotion_probability(_measured(frames, "sad")) == 0.375
    assert emotion_probability(_measured(frames, "angry")) == 0.0


@given(st.integers(0, 500), st.sampled_from(EMOTIONS))
def test_is_what_total_variation_leaves(seed: int, emotion: str) -> None:
    """Half the L1 distance of the clip's mean distribution from certainty is what is missing to 1."""
    frames = _frames(seed)
    certain = np.eye(8)[EMOTIONS.index(emotion)]
    left = 1 - cityblock(frames.astype(np.float64).mean(axis=0), certain) / 2
    assert emotion_probability(_measured(frames, emotion)) == pytest.approx(left, abs=1e-6)


@given(st.integers(0, 500))
def test_order_of_frames_and_of_other_emotions_change_nothing(seed: int) -> None:
    frames, rng = _frames(seed), np.random.default_rng(seed)
    before = emotion_probability(_measured(frames, "happy"))
    others = [i for i in range(8) if EMOTIONS[i] != "happy"]
    moved = rng.permutation(frames)
    moved[:, others] = moved[:, rng.permutation(others)]
    assert emotion_probability(_measured(moved, "happy")) == pytest.approx(before, abs=1e-12)


def test_all_emotions_share_one() -> None:
    frames = _frames(3)
    shares = [emotion_probability(_measured(frames, name)) for name in EMOTIONS]
    assert sum(float(share) for share in shares if not isinstance(share, Remarked)) == pytest.approx(1.0, abs=1e-6)


def test_frames_without_a_face_are_told_and_left_out() -> None:
    frames = _frames(1, 6)
    whole = emotion_probability(_measured(frames[2:], "sad"))
    frames[:2] = np.nan
    found = emotion_probability(_measured(frames, "sad"))
    assert isinstance(found, Remarked)
    assert (found.value, found.remark) == (whole, "face lost in 2 of 6 frames")


@pytest.mark.parametrize(
    ("frames", "emotion", "reason"),
    [
        (None, "happy", "emotion was not computed"),
        (_frames(1), None, "not known"),
        (np.full((3, 8), np.nan, np.float32), "happy", "no frame has a face"),
    ],
)
def test_what_cannot_be_judged_says_so(frames: Floats | None, emotion: str | None, reason: str) -> None:
    with pytest.raises(Unmeasurable, match=reason):
        emotion_probability(_measured(frames, emotion))
