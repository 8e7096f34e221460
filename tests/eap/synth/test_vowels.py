"""Vowels are measurable: linear prediction finds the formants each speaker aims at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import solve_toeplitz
from scipy.signal import decimate, lfilter

from eap.constants import FPS, RATE
from eap.errors import DataError
from eap.synth.clip import ClipSpec, utter
from eap.synth.phonemes import PHONEMES
from eap.synth.speech import formant_targets, synthesize
from eap.synth.timing import Segment
from eap.synth.voice import Speaker, speaker

VOWELS = ("aa", "ae", "eh", "iy", "uw", "er")


def sustained(symbol: str, voice: Speaker) -> np.ndarray:
    """Half a second of one vowel between silences, neutral: its middle 200 ms at 16 kHz."""
    segments = (Segment("sil", 0, 0.2, 0), Segment(symbol, 0.2, 0.7, 1), Segment("sil", 0.7, 0.8, 0))
    alpha = np.zeros(int(0.8 * FPS), np.float32)
    audio = synthesize(segments, "neutral", alpha, voice, np.random.default_rng(0)).audio
    return audio[int(0.35 * RATE) : int(0.55 * RATE)]


def formants(sound: np.ndarray) -> np.ndarray:
    """Resonances (Hz) between 150 and 4000 Hz narrower than 500 Hz, by autocorrelation LPC of order 12 at 8 kHz."""
    low = decimate(sound.astype(float), 2)
    low = lfilter([1, -0.95], [1], low) * np.hamming(len(low))
    correlation = np.correlate(low, low, "full")[len(low) - 1 : len(low) + 12]
    coefficients = solve_toeplitz(correlation[:-1] * (1 + 1e-6 * (np.arange(12) == 0)), correlation[1:])
    roots = np.roots(np.concatenate([[1], -coefficients]))
    roots = roots[roots.imag > 0]
    hertz, width = np.angle(roots) * 4000 / np.pi, -np.log(np.abs(roots)) * 8000 / np.pi
    return np.sort(hertz[(hertz > 150) & (hertz < 3900) & (width < 500)])


@pytest.mark.parametrize("identity", [1, 5])
def test_linear_prediction_finds_the_formants_of_the_vowels(identity: int) -> None:
    # A low voice without nasality: harmonics close enough to trace the resonances.
    voice = replace(speaker(identity, female=False), pitch=95.0, nasal=0.0, creak=0.0)
    wrong = []
    for symbol in VOWELS:
        found, wanted = formants(sustained(symbol, voice)), formant_targets(PHONEMES[symbol].formants, voice)
        for target in wanted[:2]:
            wrong.append(np.abs(found - target).min() / target)
    assert np.median(wrong) < 0.05
    assert max(wrong) < 0.2


def test_vowels_stay_apart_for_every_speaker() -> None:
    for identity in range(40):
        voice = speaker(identity, female=identity % 2 == 0)
        targets = np.log([formant_targets(PHONEMES[symbol].formants, voice)[:2] for symbol in VOWELS])
        gaps = np.linalg.norm(targets[:, None] - targets, axis=2)[~np.eye(len(VOWELS), dtype=bool)]
        assert gaps.min() > 0.12


def test_s_is_higher_than_sh_and_plosives_are_silent_before_they_burst() -> None:
    voice = speaker(1, female=False)

    def centre(symbol: str) -> float:
        power = np.abs(np.fft.rfft(sustained(symbol, voice))) ** 2
        return float((np.fft.rfftfreq(3200, 1 / RATE) * power).sum() / power.sum())

    assert centre("s") > centre("sh") + 1000 > centre("aa") + 2000


def test_forty_eight_kilohertz_is_the_same_performance() -> None:
    spec = ClipSpec(2, "happy", 2, 4)
    plain, fine = utter(spec), utter(spec, 48000)
    assert len(fine.audio) == 3 * len(plain.audio)
    np.testing.assert_array_equal(plain.f0, fine.f0)
    np.testing.assert_array_equal(plain.alpha, fine.alpha)
    same = decimate(fine.audio, 3, ftype="fir")
    assert np.corrcoef(plain.audio, same)[0, 1] > 0.95  # the noise alone is another draw
    assert fine.audio.std() == pytest.approx(plain.audio.std(), rel=0.05)
    np.testing.assert_array_equal(fine.audio, utter(spec, 48000).audio)
    with pytest.raises(DataError, match="22050"):
        utter(spec, 22050)


def test_silence_at_the_ends_says_nothing_of_the_emotion() -> None:
    """Neither the length nor the noise of the silence follows from the emotion."""
    lengths = {
        emotion: np.mean([utter(ClipSpec(k, emotion, 3, k)).segments[0].end for k in range(12)])
        for emotion in ("fear", "sad")
    }
    assert abs(lengths["fear"] - lengths["sad"]) < 0.05
    floors = [utter(ClipSpec(1, emotion, 3, 5)).audio[:800].std() for emotion in ("angry", "sad", "happy")]
    assert max(floors) < 1.15 * min(floors)
