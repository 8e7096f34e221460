from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eap.constants import EMOTIONS
from eap.synth.performance import Motion, Performance, draw_motion, manner, mix_speech, perform
from eap.synth.phonemes import JAW, PRESS
from eap.synth.sentences import sentence
from eap.synth.timing import Schedule, intensity_curve, schedule
from eap.synth.voice import speaker


def take(emotion: str, number: int = 0, level: int = 3, identity: int = 0) -> tuple[Schedule, Motion]:
    words = sentence(number)
    curve = intensity_curve(words, emotion, level, np.random.default_rng([number, 1]))
    plan = schedule(words, emotion, speaker(identity, True), curve, np.random.default_rng([number, 2]))
    return plan, draw_motion(plan, manner(identity), np.random.default_rng([number, 3]))


def play(emotion: str, alpha: float | None = None, number: int = 0, view: str = "front") -> Performance:
    plan, motion = take("happy", number)
    steady = plan.alpha if alpha is None else np.full(plan.frames, alpha, np.float32)
    return perform(plan, emotion, steady, manner(0), motion, view)


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_zero_intensity_looks_neutral_whatever_the_emotion(emotion: str) -> None:
    silent, neutral = play(emotion, 0.0), play("neutral", 0.0)
    np.testing.assert_array_equal(silent.head, neutral.head)
    np.testing.assert_array_equal(silent.gaze, neutral.gaze)
    for name in set(silent.units) | set(neutral.units):
        zeros = np.zeros(len(silent.head))
        np.testing.assert_allclose(silent.units.get(name, zeros), neutral.units.get(name, zeros), atol=1e-7)


def test_the_twin_shares_blinks_mouth_and_shift() -> None:
    clip, twin = play("happy"), play("neutral", 0.0)
    np.testing.assert_array_equal(clip.shift, twin.shift)
    blinking = twin.units["lidUL"] > 0.8
    assert np.all(clip.units["lidUL"][blinking] > 0.7)


def test_closures_win_over_the_expression() -> None:
    for emotion in EMOTIONS:
        played = play(emotion, 1.0)
        closed = played.mouth[:, PRESS] >= 0.5
        assert closed.any()
        assert np.all(played.units["close"][closed] == 1)
        assert np.all(played.units["AU26"][closed] < 0.35)


def test_mixing_rules_by_hand() -> None:
    mouth = np.zeros((2, 8))
    mouth[0, JAW], mouth[1, PRESS] = 0.5, 0.6
    mixed = mix_speech({"AU24": np.ones(2), "AU26": np.full(2, 0.6)}, mouth)
    # open = .55 in frame 0: AU24 = 1 - .75 * .55 ; press .6 in frame 1 adds .6
    np.testing.assert_allclose(mixed["AU24"], [1 - 0.75 * 0.55, 1 + 0.6])
    # closure: 1.8 * .6 > 1, so .6 * (1 - .8) ; jaw .5 adds in frame 0
    np.testing.assert_allclose(mixed["AU26"], [0.6 + 0.5, 0.6 * 0.2])
    np.testing.assert_allclose(mixed["close"], [0, 1])


def test_units_grow_with_intensity() -> None:
    weak, strong = play("sad", 0.4), play("sad", 0.9)
    assert strong.units["AU15"].mean() > 2 * weak.units["AU15"].mean()


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_the_head_has_no_posture_for_an_emotion(emotion: str) -> None:
    # Without this take's own movement and beats nothing is left: hair and shoulders must not tell what a mask hides.
    plan, motion = take(emotion)
    still = replace(motion, head=np.zeros_like(motion.head), beat=np.zeros_like(motion.beat))
    played = perform(plan, emotion, np.ones(plan.frames, np.float32), manner(0), still)
    assert not played.head.any()


def test_contempt_is_on_one_side_and_always_the_same_of_a_person() -> None:
    sides = set()
    for identity in range(12):
        plan, motion = take("contempt", identity=identity)
        units = perform(plan, "contempt", np.ones(plan.frames, np.float32), manner(identity), motion).units
        assert ("AU14L" in units) != ("AU14R" in units)
        sides.add("L" if "AU14L" in units else "R")
        assert manner(identity) == manner(identity)
    assert sides == {"L", "R"}


def test_head_noise_is_modest_and_follows_the_camera() -> None:
    heads = np.concatenate([play("neutral", 0.0, number).head for number in range(20)])
    assert np.all(heads.std(axis=0) < (0.055, 0.04, 0.025))
    assert np.abs(heads).max() < 0.2
    turned = play("neutral", 0.0, view="right_30").head - play("neutral", 0.0).head
    np.testing.assert_allclose(turned[:, 0], 0.5, atol=1e-6)


def test_gaze_undoes_part_of_the_heads_turn() -> None:
    heads, gazes = [], []
    for number in range(12):
        played = play("neutral", 0.0, number)
        heads.append(played.head[:, 0])
        gazes.append(played.gaze[:, 0])
    assert np.corrcoef(np.concatenate(heads), np.concatenate(gazes))[0, 1] < -0.1
