from __future__ import annotations

import numpy as np
import pytest

from eap.constants import EMOTIONS, FPS, RATE
from eap.errors import DataError
from eap.synth.action_units import AU_NAMES
from eap.synth.clip import (
    ClipSpec,
    WorldClip,
    identity_name,
    is_female,
    render_clip,
    render_moments,
    sentence_name,
    spec_id,
)

SHORT = 0.4


def test_a_clip_follows_from_its_specification_alone() -> None:
    spec = ClipSpec(3, "happy", 2, 5, seconds=SHORT)
    first = render_clip(spec, size=64, twin=True)
    render_clip(ClipSpec(4, "sad", 1, 6, seconds=SHORT), size=64)
    again = render_clip(spec, size=64, twin=True)
    for name in ("frames", "audio", "twin_frames", "twin_audio"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    for name in ("landmarks", "alpha", "valence", "au", "phoneme", "viseme", "head", "f0"):
        np.testing.assert_array_equal(getattr(first.truth, name), getattr(again.truth, name))


def test_pictures_do_not_change_sound_or_truth() -> None:
    spec = ClipSpec(3, "fear", 3, 9, seconds=SHORT)
    drawn, heard = render_clip(spec, size=64), render_clip(spec, size=64, frames=False)
    assert heard.frames is None
    np.testing.assert_array_equal(drawn.audio, heard.audio)
    # Pixels, in single precision along two ways of posing the mesh: a thousandth of one is their rounding.
    np.testing.assert_allclose(drawn.truth.landmarks, heard.truth.landmarks, atol=1e-3)


def test_moments_are_frames_of_the_clip() -> None:
    spec = ClipSpec(5, "angry", 2, 12)
    seen, clip = render_moments(spec, 4, size=48), render_clip(spec, size=48)
    assert clip.frames is not None
    assert seen.at[0] == 0 and seen.at[-1] == len(clip.frames) - 1 and (np.diff(seen.at) > 5).all()
    np.testing.assert_array_equal(seen.frames, clip.frames[seen.at])
    np.testing.assert_array_equal(seen.landmarks, clip.truth.landmarks[seen.at])
    np.testing.assert_array_equal(seen.affect[:, 0], clip.truth.alpha[seen.at])
    np.testing.assert_array_equal(seen.affect[:, 2], clip.truth.arousal[seen.at])
    with pytest.raises(DataError, match="0 moments"):
        render_moments(spec, 0)


def test_shapes_and_units_of_the_truth() -> None:
    clip = render_clip(ClipSpec(0, "sad", 3, 1), size=96, frames=False)
    truth, count = clip.truth, len(clip.truth)
    assert clip.audio.shape == (count * RATE // FPS,)
    assert clip.audio.dtype == np.float32
    assert truth.landmarks.shape == (count, 68, 2)
    assert 0 < truth.landmarks.min() < truth.landmarks.max() < 96 * 1.15
    assert truth.au.shape == (count, len(AU_NAMES))
    assert truth.au_names == AU_NAMES
    assert truth.viseme.shape == (count, 8)
    assert truth.head.shape == (count, 3)
    assert truth.fps == 25.0
    np.testing.assert_allclose(truth.intensity, truth.alpha * np.hypot(0.63, 0.27), rtol=1e-5)
    assert {"sil"} < set(truth.phoneme)
    assert truth.phoneme[0] == truth.phoneme[-1] == "sil"


def lip_gap(clip: WorldClip) -> np.ndarray:
    """Inner lip gap per frame in pixels."""
    points = clip.truth.landmarks
    return np.asarray(np.linalg.norm(points[:, [61, 62, 63]] - points[:, [67, 66, 65]], axis=2).mean(axis=1))


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_lips_meet_on_p_b_and_m(emotion: str) -> None:
    clip = render_clip(ClipSpec(2, emotion, 1 if emotion == "neutral" else 3, 11), size=128, frames=False)
    closed = clip.truth.viseme[:, 5] >= 0.5
    assert closed.sum() >= 2
    assert set(clip.truth.phoneme[closed]) <= {"p", "b", "m"} | set(clip.truth.phoneme)
    assert lip_gap(clip)[closed].max() < 0.6
    assert lip_gap(clip).max() > 4


def rising_spec() -> ClipSpec:
    """The first take in whose first 1.6 s an emotion is both almost absent and strong."""
    for take in range(40):
        spec = ClipSpec(1, "angry", 3, 2, take=take, seconds=1.6)
        alpha = render_clip(spec, size=64, frames=False).truth.alpha
        if alpha.min() < 0.1 and alpha.max() > 0.8:
            return spec
    raise AssertionError("no take of 40 rises")


def test_the_neutral_twin_is_aligned_and_neutral() -> None:
    clip = render_clip(rising_spec(), size=64, twin=True)
    assert clip.frames is not None
    assert clip.twin_frames is not None
    assert clip.twin_audio is not None
    assert clip.twin_frames.shape == clip.frames.shape
    assert clip.twin_audio.shape == clip.audio.shape
    # Where alpha is almost 0 both look alike, where it is high they do not.
    difference = np.abs(clip.frames.astype(float) - clip.twin_frames).mean(axis=(1, 2, 3))
    low, high = clip.truth.alpha < 0.1, clip.truth.alpha > 0.7
    assert low.any()
    assert high.any()
    assert difference[high].min() > 2 * difference[low].max()
    # The same words at the same times.
    loud = np.square(clip.audio.reshape(-1, 640)).mean(axis=1)
    calm = np.square(clip.twin_audio.reshape(-1, 640)).mean(axis=1)
    assert np.corrcoef(np.log(loud + 1e-6), np.log(calm + 1e-6))[0, 1] > 0.9


def test_neutral_clips_have_no_intensity() -> None:
    truth = render_clip(ClipSpec(0, "neutral", 1, 0), size=64, frames=False).truth
    assert not truth.alpha.any()
    assert not truth.intensity.any()


def test_sentences_are_shared_by_identities_emotions_and_levels() -> None:
    def spoken(identity: int, emotion: str, level: int) -> list[str]:
        phonemes = render_clip(ClipSpec(identity, emotion, level, 8), size=64, frames=False).truth.phoneme
        return [str(now) for before, now in zip(["", *phonemes[:-1]], phonemes, strict=True) if now != before]

    reference = spoken(0, "neutral", 1)
    for other in (spoken(5, "neutral", 1), spoken(0, "sad", 3), spoken(5, "sad", 1)):
        # Very short phones may fall between two frame centres; all the others come in the same order.
        assert len(set(reference) ^ set(other)) <= 2
        assert abs(len(other) - len(reference)) <= 4


def test_light_and_background_do_not_tell_the_emotion() -> None:
    corners = []
    for emotion in EMOTIONS:
        spec = ClipSpec(2, emotion, 1 if emotion == "neutral" else 3, 4, seconds=0.2)
        frames = render_clip(spec, size=64).frames
        assert frames is not None
        corners.append(np.median(frames[:, :3, :3].astype(float), axis=(0, 1, 2)))
    assert np.ptp(corners, axis=0).max() <= 1.0


def test_views_turn_the_head_and_keep_the_performance() -> None:
    front = render_clip(ClipSpec(0, "happy", 3, 0), size=64, frames=False)
    left = render_clip(ClipSpec(0, "happy", 3, 0, view="left_30"), size=64, frames=False)
    np.testing.assert_array_equal(front.audio, left.audio)
    np.testing.assert_allclose(left.truth.head[:, 0] - front.truth.head[:, 0], -0.5, atol=1e-5)


def test_seconds_cut_the_clip_and_nothing_else() -> None:
    whole = render_clip(ClipSpec(0, "happy", 3, 0), size=64, frames=False)
    cut = render_clip(ClipSpec(0, "happy", 3, 0, seconds=1.0), size=64, frames=False)
    assert len(cut.truth) == 25
    np.testing.assert_array_equal(cut.audio, whole.audio[:16000])
    np.testing.assert_array_equal(cut.truth.landmarks, whole.truth.landmarks[:25])


def test_takes_and_seeds_differ() -> None:
    alphas = [
        render_clip(ClipSpec(0, "happy", 3, 0, take=take, seed=seed), size=64, frames=False).truth.alpha
        for take, seed in ((0, 0), (1, 0), (0, 1))
    ]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        shared = min(len(alphas[one]), len(alphas[other]))
        assert np.abs(alphas[one][:shared] - alphas[other][:shared]).max() > 0.05


def test_names() -> None:
    spec = ClipSpec(3, "angry", 3, 12)
    sex = "W" if is_female(3) else "M"
    assert identity_name(3) == f"{sex}003"
    assert spec_id(spec) == f"{sex}003_front_angry_3_012"
    assert sentence_name(ClipSpec(3, "angry", 3, 12, take=1)) == "1012"
    assert spec_id(ClipSpec(3, "angry", 3, 12, wild=True, seed=2)).endswith("_012_s2_wild")


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"emotion": "angst"}, "emotion"),
        ({"level": 4}, "level"),
        ({"emotion": "neutral", "level": 2}, "level"),
        ({"view": "behind"}, "view"),
        ({"identity": -1}, "identity"),
        ({"seconds": 0.0}, "seconds"),
    ],
)
def test_wrong_specifications_are_refused(values: dict[str, object], word: str) -> None:
    known: dict[str, object] = {"identity": 0, "emotion": "happy", "level": 1, "sentence": 0}
    with pytest.raises(DataError, match=word):
        ClipSpec(**{**known, **values})  # type: ignore[arg-type]
