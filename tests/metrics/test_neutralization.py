from __future__ import annotations

import numpy as np
import pytest

from eap.constants import NEUTRAL
from metrics.features.clip import ClipFeatures, Measured
from metrics.lmd import FACE, landmark_distance
from metrics.neutralization import neutral_probability, neutral_residual, twin_distance
from metrics.registry import Remarked, Unmeasurable


def _clip(seed: int = 0, lost: int = 0, n: int = 6) -> ClipFeatures:
    rng = np.random.default_rng(seed)
    emotion = rng.dirichlet(np.ones(8), n).astype(np.float32)
    affect = rng.uniform(-1, 1, (n, 2)).astype(np.float32)
    landmarks = rng.uniform(10, 90, (n, 68, 2)).astype(np.float32)
    for array in (emotion, affect, landmarks):
        array[:lost] = np.nan
    return ClipFeatures("k", n, 96, 96, 25.0, True, emotion=emotion, affect=affect, landmarks=landmarks)


def test_by_hand() -> None:
    clip = _clip()
    assert clip.emotion is not None
    assert clip.affect is not None
    assert neutral_probability(Measured(clip)) == pytest.approx(clip.emotion[:, NEUTRAL].mean())
    assert neutral_residual(Measured(clip)) == pytest.approx(np.sqrt((clip.affect**2).sum(axis=1)).mean())


def test_distance_to_the_twin() -> None:
    clip, twin = _clip(1), _clip(2)
    assert clip.landmarks is not None
    assert twin.landmarks is not None
    expected = landmark_distance(clip.landmarks, twin.landmarks, FACE)[0]
    assert twin_distance(Measured(clip, twin=twin)) == pytest.approx(expected)
    assert twin_distance(Measured(clip, twin=clip)) == 0.0
    with pytest.raises(Unmeasurable, match="no neutral twin"):
        twin_distance(Measured(clip))
    with pytest.raises(Unmeasurable, match="length differs: 6 frames, twin has 9"):
        twin_distance(Measured(clip, twin=_clip(2, n=9)))


def test_lost_faces() -> None:
    for function in (neutral_probability, neutral_residual):
        found = function(Measured(_clip(lost=2)))
        assert isinstance(found, Remarked)
        assert found.remark == "face lost in 2 of 6 frames"
        with pytest.raises(Unmeasurable, match="no frame has a face"):
            function(Measured(_clip(lost=6)))
