from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eap.constants import EMOTIONS
from metrics.emotion import SEVEN, confusion, emotion_accuracy, emotion_accuracy_7, judge_clip
from metrics.features.clip import ClipFeatures, Floats, Measured
from metrics.registry import NotApplicable, Unmeasurable
from metrics.results import ClipReading


def _probabilities(seed: int, n: int = 20) -> Floats:
    return np.random.default_rng(seed).dirichlet(np.ones(8), n).astype(np.float32)


def test_by_hand() -> None:
    frames = np.full((3, 8), 0.01, np.float32)
    frames[:, 0] = (0.9, 0.2, 0.2)  # product .036
    frames[:, 4] = (0.06, 0.75, 0.75)  # product .03375: more frames, smaller product
    assert judge_clip(frames) == "angry"
    frames[0, 4] = 0.07
    assert judge_clip(frames) == "happy"


def test_one_certain_frame_does_not_decide() -> None:
    frames = np.full((10, 8), 1e-12, np.float32)
    frames[:, 4], frames[:, 0] = 0.9, 0.1
    frames[0] = np.eye(8)[0]
    assert judge_clip(frames) == "happy"


@given(st.integers(0, 1000))
def test_order_of_frames_and_lost_frames_change_nothing(seed: int) -> None:
    frames = _probabilities(seed)
    shuffled = np.random.default_rng(seed).permutation(frames)
    with_lost = np.concatenate([np.full((2, 8), np.nan, np.float32), shuffled])
    assert judge_clip(with_lost) == judge_clip(frames)


def _clip(probabilities: Floats | None) -> ClipFeatures:
    return ClipFeatures("k", 20, 96, 96, 25.0, True, emotion=probabilities)


def test_accuracy_of_one_clip() -> None:
    frames = _probabilities(5)
    judged = judge_clip(frames)
    other = next(name for name in EMOTIONS if name != judged)
    assert emotion_accuracy(Measured(_clip(frames), emotion=judged)) == 1.0
    assert emotion_accuracy(Measured(_clip(frames), emotion=other)) == 0.0


@pytest.mark.parametrize(
    ("frames", "emotion", "reason"),
    [
        (None, "happy", "emotion was not computed"),
        (_probabilities(1), None, "not known"),
        (np.full((3, 8), np.nan, np.float32), "happy", "no frame has a face"),
    ],
)
def test_what_cannot_be_judged_says_so(frames: Floats | None, emotion: str | None, reason: str) -> None:
    with pytest.raises(Unmeasurable, match=reason):
        emotion_accuracy(Measured(_clip(frames), emotion=emotion))


def test_confusion_equals_a_cross_table() -> None:
    rng = np.random.default_rng(2)
    truth, judged = rng.choice(EMOTIONS, 60), rng.choice(EMOTIONS, 60)
    readings = tuple(
        ClipReading("m", "neutral", str(i), "a", str(t), 3, judged_emotion=str(j))
        for i, (t, j) in enumerate(zip(truth, judged, strict=True))
    )
    table = pd.crosstab(pd.Series(truth), pd.Series(judged))
    matrix = table.reindex(index=EMOTIONS, columns=EMOTIONS, fill_value=0).to_numpy()
    found = np.zeros((8, 8), int)
    for cell in confusion((*readings, ClipReading("m", "neutral", "lost", "a", "happy", 3))):
        found[EMOTIONS.index(cell.emotion), EMOTIONS.index(cell.judged)] = cell.count
    assert (found == matrix).all()


def test_seven_classes_leave_contempt_out() -> None:
    probabilities = np.full((4, 8), 0.02)
    probabilities[:, EMOTIONS.index("contempt")] = 0.5
    probabilities[:, EMOTIONS.index("sad")] = 0.3
    assert judge_clip(probabilities) == "contempt"
    assert judge_clip(probabilities, SEVEN) == "sad"
    clip = ClipFeatures("k", 4, 96, 96, 25.0, True, emotion=probabilities.astype(np.float32))
    assert emotion_accuracy_7(Measured(clip, emotion="sad")) == 1.0
    assert emotion_accuracy_7(Measured(clip, emotion="happy")) == 0.0
    assert emotion_accuracy(Measured(clip, emotion="sad")) == 0.0
    with pytest.raises(NotApplicable, match="contempt is none of the 7 classes"):
        emotion_accuracy_7(Measured(clip, emotion="contempt"))
