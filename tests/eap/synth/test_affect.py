from __future__ import annotations

import numpy as np
import pytest

from eap.constants import EMOTIONS
from eap.synth.affect import AFFECTS, LEVEL_PEAKS, valence_arousal
from eap.synth.prosody import PROSODY_NAMES, Prosody


def test_anchors_have_the_signs_of_the_circumplex() -> None:
    signs = {name: (np.sign(AFFECTS[name].valence), np.sign(AFFECTS[name].arousal)) for name in EMOTIONS}
    assert signs["happy"] == signs["surprised"] == (1, 1)
    assert signs["angry"] == signs["fear"] == signs["disgusted"] == signs["contempt"] == (-1, 1)
    assert signs["sad"] == (-1, -1)
    assert signs["neutral"] == (0, 0)


def test_valence_and_arousal_are_alpha_times_the_anchor() -> None:
    valence, arousal = valence_arousal("happy", np.array([0.0, 0.5, 1.0]))
    np.testing.assert_allclose(valence, [0, 0.405, 0.81], atol=1e-7)
    np.testing.assert_allclose(np.hypot(valence, arousal)[2], np.hypot(0.81, 0.51), rtol=1e-6)
    assert not np.any(valence_arousal("neutral", np.ones(3)))


def test_levels_grow() -> None:
    assert list(LEVEL_PEAKS) == sorted(LEVEL_PEAKS)


def test_a_voice_as_a_vector_keeps_every_field() -> None:
    vector = Prosody(pitch=3.0, articulation=1.5).vector()
    assert len(vector) == len(PROSODY_NAMES)
    assert vector[PROSODY_NAMES.index("pitch")] == 3.0
    assert vector[PROSODY_NAMES.index("articulation")] == 1.5


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_units_are_known_to_the_face(emotion: str) -> None:
    from eap.synth.action_units import AU_NAMES

    assert set(AFFECTS[emotion].units) <= set(AU_NAMES)
