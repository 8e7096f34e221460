from __future__ import annotations

import numpy as np
import pytest

from eap.synth.affect import valence_arousal
from eap.synth.clip import ClipSpec, render_clip
from metrics.validity.damages import FACE_CHANGES
from metrics.validity.stage import FELT, Scene, other_emotion, other_valence

SPEC = ClipSpec(2400, "happy", 3, 200, seconds=0.4)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene(SPEC, 32)


def test_played_as_it_is_it_is_the_clip(scene: Scene) -> None:
    """The stage plays takes with the world's own functions: it must not drift from how the world makes a clip."""
    assert np.array_equal(scene.drawn(scene.played()), scene.frames)
    assert len(scene.audio) == 640 * len(scene.frames)
    assert np.array_equal(scene.alpha[: len(scene.frames)], scene.truth.alpha)


def test_no_intensity_is_the_neutral_twin(scene: Scene) -> None:
    twin = render_clip(SPEC, size=32, supersample=1, twin=True).twin_frames
    assert twin is not None
    calm = scene.drawn(scene.played(alpha=0 * scene.alpha)).astype(int)
    assert np.abs(calm - twin).mean() < 0.25 * np.abs(scene.frames.astype(int) - twin).mean()


def test_faces_and_emotions_change(scene: Scene) -> None:
    assert not np.array_equal(scene.drawn(scene.played(), identity=2401), scene.frames)
    assert not np.array_equal(scene.drawn(scene.played(emotion="sad")), scene.frames)


@pytest.mark.parametrize("emotion", FELT)
def test_the_other_emotion_is_of_another_sign(emotion: str) -> None:
    """In valence, in arousal or in both: sagr, which counts signs, must have something to see."""
    mine, other = (np.array(valence_arousal(name, np.ones(1))) for name in (emotion, other_emotion(emotion)))
    assert (np.sign(mine) != np.sign(other)).any()
    assert np.sign(mine[0]) == -np.sign(valence_arousal(other_valence(emotion), np.ones(1))[0])


@pytest.mark.parametrize("name", sorted(FACE_CHANGES))
def test_changes_of_the_face_grow_from_nothing(scene: Scene, name: str) -> None:
    played = scene.played()

    def changed(grade: float) -> float:
        after = FACE_CHANGES[name](played, grade, np.random.default_rng(1))
        moved = [np.abs(after.units[unit] - played.units[unit]).max() for unit in played.units]
        return float(max(*moved, np.abs(after.head - played.head).max(), np.abs(after.tongue - played.tongue).max()))

    assert changed(0.0) == pytest.approx(0.0, abs=1e-6)
    assert 0 < changed(0.1) < changed(0.5) < changed(1.0)
