from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from eap.constants import EMOTIONS, FPS
from eap.synth.affect import AFFECTS, LEVEL_PEAKS
from eap.synth.sentences import sentence
from eap.synth.timing import Schedule, intensity_curve, schedule, smooth_noise
from eap.synth.voice import speaker


def plan(number: int, emotion: str, level: int, take: int = 0) -> Schedule:
    words, voice = sentence(number), speaker(number, female=number % 2 == 0)
    curve = intensity_curve(words, emotion, level, np.random.default_rng([number, take]))
    return schedule(words, emotion, voice, curve, np.random.default_rng([number, take, 1]))


def test_segments_cover_the_clip_without_gaps_in_the_sentence_order() -> None:
    for number in range(10):
        made = plan(number, "fear", 3)
        segments = made.segments
        assert [segment.symbol for segment in segments] == [phone.symbol for phone in sentence(number).phones]
        assert segments[0].start == 0
        assert segments[-1].end == pytest.approx(made.frames / FPS)
        for left, right in pairwise(segments):
            assert left.end == right.start
            assert left.end > left.start


@pytest.mark.parametrize("emotion", [name for name in EMOTIONS if name != "neutral"])
def test_alpha_lies_in_bounds_peaks_at_its_level_and_moves(emotion: str) -> None:
    for level in (1, 2, 3):
        curves = [plan(number, emotion, level).alpha for number in range(12)]
        peaks = np.array([curve.max() for curve in curves])
        assert all(curve.min() >= 0 and curve.max() <= 1 for curve in curves)
        np.testing.assert_allclose(peaks, LEVEL_PEAKS[level - 1], rtol=0.12)
        if level == 3:
            assert 0.2 < np.mean([curve.std() for curve in curves]) < 0.42


def test_intensity_of_level_three_moves_enough_to_be_measured() -> None:
    radii = {name: np.hypot(AFFECTS[name].valence, AFFECTS[name].arousal) for name in EMOTIONS if name != "neutral"}
    deviations = [(plan(k, name, 3).alpha * radius).std() for name, radius in radii.items() for k in range(12)]
    assert 0.18 < np.mean(deviations) < 0.32


def test_levels_are_ordered_on_average() -> None:
    per_level = [
        np.mean([plan(number, "happy", level, take).alpha.mean() for number in range(8) for take in range(4)])
        for level in (1, 2, 3)
    ]
    assert per_level == sorted(per_level)


def test_neutral_has_no_intensity() -> None:
    assert not plan(4, "neutral", 1).alpha.any()


def test_apexes_lie_on_stressed_syllables() -> None:
    distances = []
    for number in range(40):
        made = plan(number, "angry", 3)
        beats = [segment.middle for segment in made.segments if segment.stress and segment.kind.value == "vowel"]
        apex = (int(made.alpha.argmax()) + 0.5) / FPS
        distances.append(min(abs(apex - beat) for beat in beats))
    assert np.median(distances) < 0.08


def test_rate_follows_the_emotion() -> None:
    def length(emotion: str) -> float:
        return float(np.mean([plan(number, emotion, 3).frames for number in range(12)]))

    neutral = np.mean([plan(number, "neutral", 1).frames for number in range(12)])
    assert length("fear") < neutral < length("sad")


def test_takes_differ() -> None:
    first, second = plan(3, "happy", 3, take=0), plan(3, "happy", 3, take=1)
    assert [segment.end for segment in first.segments] != [segment.end for segment in second.segments]


def test_smooth_noise_has_unit_variance() -> None:
    drawn = smooth_noise(np.random.default_rng(0), 20000, 8.0)
    assert drawn.std() == pytest.approx(1.0, abs=0.06)
    assert np.abs(np.diff(drawn)).max() < 0.6
