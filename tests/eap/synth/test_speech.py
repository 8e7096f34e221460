from __future__ import annotations

import numpy as np
import pytest

from eap.constants import FPS, RATE
from eap.synth.sentences import sentence
from eap.synth.speech import Speech, synthesize
from eap.synth.timing import Schedule, intensity_curve, schedule
from eap.synth.voice import Speaker, speaker

PER_FRAME = RATE // FPS


def neutral_plan(number: int, voice: Speaker) -> Schedule:
    words = sentence(number)
    curve = intensity_curve(words, "neutral", 1, np.random.default_rng(0))
    return schedule(words, "neutral", voice, curve, np.random.default_rng(1))


def speak(number: int, emotion: str, alpha: float, identity: int = 0) -> tuple[Speech, Schedule]:
    """The same phones in the same time whatever the emotion, at a constant intensity."""
    voice = speaker(identity, female=identity % 2 == 0)
    plan = neutral_plan(number, voice)
    constant = np.full(plan.frames, alpha, np.float32)
    return synthesize(plan.segments, emotion, constant, voice, np.random.default_rng(2)), plan


def autocorrelation_f0(audio: np.ndarray, frame: int, low: float = 60, high: float = 450) -> tuple[float, float]:
    """F0 in Hz and periodicity of the 60 ms round a frame, from the first strong autocorrelation peak."""
    centre = int((frame + 0.5) * PER_FRAME)
    part = audio[max(0, centre - 480) : centre + 480].astype(np.float64)
    part = (part - part.mean()) * np.hanning(len(part))
    shape = np.correlate(part, part, "full")[len(part) - 1 :]
    window = np.correlate(np.hanning(len(part)), np.hanning(len(part)), "full")[len(part) - 1 :]
    shape = shape / shape[0] / np.maximum(window / window[0], 0.1)
    lags = np.arange(int(RATE / high), int(RATE / low))
    best = shape[lags].max()
    for lag in lags[1:-1]:
        if shape[lag] > 0.85 * best and shape[lag - 1] <= shape[lag] >= shape[lag + 1]:
            return RATE / float(lag), float(shape[lag])
    return 0.0, 0.0


@pytest.mark.parametrize("identity", [0, 1, 2, 3])
def test_measured_pitch_is_the_pitch_of_the_truth(identity: int) -> None:
    errors = []
    for number in range(3):
        speech, _ = speak(number, "neutral", 0.0, identity)
        for frame in np.flatnonzero(speech.f0):
            measured, periodicity = autocorrelation_f0(speech.audio, int(frame))
            if periodicity > 0.7:
                errors.append(12 * np.log2(measured / speech.f0[frame]))
    assert len(errors) > 40
    assert abs(np.median(errors)) < 0.2  # semitones
    assert np.percentile(np.abs(errors), 80) < 0.8


def test_length_range_and_determinism() -> None:
    first, plan = speak(0, "happy", 0.7)
    again, _ = speak(0, "happy", 0.7)
    assert first.audio.shape == (plan.frames * PER_FRAME,)
    assert first.audio.dtype == np.float32
    assert np.abs(first.audio).max() <= 1
    np.testing.assert_array_equal(first.audio, again.audio)
    np.testing.assert_array_equal(first.f0, again.f0)


def test_zero_intensity_is_the_neutral_voice() -> None:
    np.testing.assert_array_equal(speak(1, "angry", 0.0)[0].audio, speak(1, "neutral", 0.0)[0].audio)


def test_silence_is_quiet_and_unvoiced() -> None:
    speech, plan = speak(0, "neutral", 0.0)
    energy = np.square(speech.audio.reshape(plan.frames, PER_FRAME)).mean(axis=1)
    assert speech.f0[0] == speech.f0[-1] == 0
    assert energy[0] < 1e-4 * energy.max()
    assert energy[-1] < 1e-3 * energy.max()
    voiced = speech.f0 > 0
    assert 0.3 < voiced.mean() < 0.9
    assert energy[voiced].mean() > 10 * energy[~voiced].mean()


def level_db(speech: Speech) -> float:
    return float(20 * np.log10(speech.audio[:].std()))


def mean_pitch(speech: Speech) -> float:
    return float(12 * np.log2(speech.f0[speech.f0 > 0]).mean())


def brightness(speech: Speech) -> float:
    """Share of the energy above 2 kHz, dB."""
    power = np.abs(np.fft.rfft(speech.audio)) ** 2
    high = np.fft.rfftfreq(len(speech.audio), 1 / RATE) > 2000
    return float(10 * np.log10(power[high].sum() / power.sum()))


def mean_over(measure: object, emotion: str, alpha: float = 1.0) -> float:
    assert callable(measure)
    return float(np.mean([measure(speak(number, emotion, alpha, number)[0]) for number in range(6)]))


def test_emotions_move_the_voice_in_their_directions() -> None:
    loud = {name: mean_over(level_db, name) for name in ("neutral", "angry", "happy", "sad", "contempt")}
    assert loud["angry"] > loud["happy"] > loud["neutral"] > loud["contempt"] > loud["sad"]
    pitch = {name: mean_over(mean_pitch, name) for name in ("neutral", "fear", "happy", "surprised", "contempt")}
    assert min(pitch["fear"], pitch["happy"], pitch["surprised"]) > pitch["neutral"] + 2
    assert pitch["contempt"] < pitch["neutral"] - 2
    bright = {name: mean_over(brightness, name) for name in ("neutral", "angry", "sad")}
    assert bright["angry"] > bright["neutral"] + 2
    assert bright["sad"] < bright["neutral"] - 2


@pytest.mark.parametrize("emotion", ["angry", "sad", "happy"])
def test_loudness_follows_alpha_step_by_step(emotion: str) -> None:
    steps = [mean_over(level_db, emotion, alpha) for alpha in (0.0, 0.38, 0.68, 0.97)]
    assert np.all(np.diff(steps) < 0) if emotion == "sad" else np.all(np.diff(steps) > 0)


def test_final_contours() -> None:
    def final_move(emotion: str) -> float:
        moves = []
        for number in range(6):
            f0 = speak(number, emotion, 1.0, number)[0].f0
            voiced = f0[f0 > 0]
            moves.append(12 * np.log2(voiced[-2:].mean() / np.median(voiced)))
        return float(np.mean(moves))

    assert final_move("surprised") > final_move("neutral") + 3
    assert final_move("contempt") < 0


def test_creak_doubles_the_period() -> None:
    """Vocal fry weakens every second pulse: energy appears at half of F0."""

    def half_pitch_share(emotion: str) -> float:
        shares = []
        for number in range(6):
            speech, _ = speak(number, emotion, 1.0, number)
            for frame in np.flatnonzero(speech.f0)[::4]:
                part = speech.audio[frame * PER_FRAME - 640 : frame * PER_FRAME + 1280]
                power = np.abs(np.fft.rfft(part * np.hanning(len(part)), 16384)) ** 2
                bin_of = 16384 / RATE * speech.f0[frame]
                at_half = power[int(1.5 * bin_of) - 8 : int(1.5 * bin_of) + 9].max()
                at_full = power[int(bin_of) - 8 : int(2 * bin_of) + 9].max()
                shares.append(10 * np.log10(at_half / at_full))
        return float(np.median(shares))

    assert half_pitch_share("contempt") > half_pitch_share("neutral") + 10


def test_speakers_differ_by_sex_and_number() -> None:
    assert speaker(7, True).pitch > 160 > 145 > speaker(7, False).pitch
    assert speaker(7, True) == speaker(7, True) != speaker(8, True)
    women = [speaker(identity, True) for identity in range(60)]
    for name in ("pitch", "tract", "first", "second", "space", "tilt", "damping", "breath", "hiss"):
        assert len({round(getattr(voice, name), 3) for voice in women}) > 15, name
