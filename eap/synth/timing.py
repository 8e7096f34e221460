"""When everything happens in a clip: the intensity curve tied to stressed syllables, and the phones in seconds.

The curve is drawn over the sentence's neutral time, because the speaking rate itself depends on it; `schedule` then
stretches both together, so that an apex stays on its syllable.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from eap.constants import FPS
from eap.synth.affect import LEVEL_PEAKS
from eap.synth.phonemes import PHONEMES, Kind
from eap.synth.prosody import VOICES
from eap.synth.sentences import Sentence
from eap.synth.voice import Speaker

_GRID = 100  # samples per neutral second of the drawn curve
_TAKE_RATE = 0.03  # standard deviation of log rate between takes
_EDGE = 0.25  # standard deviation of the log length of the silence at either end
_SHAPES = ("rise", "rise-fall", "fall", "swell", "two-peaks")


@dataclass(frozen=True)
class Segment:
    """One phone in clip time: seconds from `start` to `end`."""

    symbol: str
    start: float
    end: float
    stress: int

    @property
    def middle(self) -> float:
        """Centre in seconds."""
        return 0.5 * (self.start + self.end)

    @property
    def kind(self) -> Kind:
        """Manner of articulation."""
        return PHONEMES[self.symbol].kind


@dataclass(frozen=True)
class Schedule:
    """Segments that cover [0, frames / 25) seconds, and alpha at video frame centres (frames,) float32."""

    segments: tuple[Segment, ...]
    alpha: np.ndarray
    frames: int


def smooth_noise(rng: np.random.Generator, n: int, sigma: float) -> np.ndarray:
    """Gaussian noise (n,) of unit variance, smoothed with a Gaussian of ``sigma`` samples."""
    margin = int(4 * sigma)
    drawn = gaussian_filter1d(rng.normal(size=n + 2 * margin), sigma, mode="nearest")[margin : margin + n]
    return np.asarray(drawn * np.sqrt(2 * np.sqrt(np.pi) * sigma))


def _beats(sentence: Sentence) -> np.ndarray:
    """Neutral centre times of the stressed vowels (first vowel of a diphthong)."""
    ends = np.cumsum([phone.seconds for phone in sentence.phones])
    beats, last_word = [], -2
    for phone, end in zip(sentence.phones, ends, strict=True):
        if phone.stress and PHONEMES[phone.symbol].kind is Kind.VOWEL and phone.word != last_word:
            beats.append(end - phone.seconds / 2)
            last_word = phone.word
    return np.array(beats)


def _ramp(time: np.ndarray, start: float, end: float) -> np.ndarray:
    """Raised-cosine step from 0 at ``start`` to 1 at ``end``."""
    return 0.5 - 0.5 * np.cos(np.pi * np.clip((time - start) / (end - start), 0, 1))


def _envelope(rng: np.random.Generator, time: np.ndarray, beats: np.ndarray) -> np.ndarray:
    """One of five courses of an emotion, its onset and offset placed at stressed syllables; values 0..1."""
    shape = _SHAPES[int(rng.integers(len(_SHAPES)))]
    low = rng.uniform(0.02, 0.14)
    onset, offset = rng.uniform(0.22, 0.40), rng.uniform(0.30, 0.55)
    last = len(beats) - 1
    first_half = int(rng.integers(0, max(1, (last + 1) // 2)))
    late = int(rng.integers(min(first_half + 1, last), last)) if last > first_half + 1 else last
    rise = _ramp(time, beats[first_half] - onset, beats[first_half])
    if shape == "rise":
        onset_beat = int(rng.integers(0, max(1, last)))
        course = _ramp(time, beats[onset_beat] - onset, beats[onset_beat])
    elif shape == "rise-fall":
        course = rise * (1 - _ramp(time, beats[late] + 0.05, beats[late] + 0.05 + offset))
    elif shape == "fall":
        leave = beats[min(int(rng.integers(0, max(1, last))), last)]
        course = 1 - _ramp(time, leave + 0.05, leave + 0.05 + offset)
    elif shape == "swell":
        course = _ramp(time, 0.0, beats[last])
    else:
        dip = 0.5 * (beats[0] + beats[last])
        width = 0.28 * (beats[last] - beats[0]) + 0.05
        course = _ramp(time, beats[0] - onset, beats[0]) * (1 - np.exp(-0.5 * ((time - dip) / width) ** 2))
    return np.asarray(low + (1 - low) * course)


def intensity_curve(sentence: Sentence, emotion: str, level: int, rng: np.random.Generator) -> np.ndarray:
    """Alpha over the neutral time of a sentence, 100 samples a second, in [0, 1].

    The largest value is near the level's peak (.38, .68, .97); stressed syllables pulse above what lies between them.
    Neutral: zeros, after the same draws.
    """
    n = int(np.ceil(sentence.seconds * _GRID)) + 1
    time = np.arange(n) / _GRID
    beats = _beats(sentence)
    envelope = _envelope(rng, time, beats)
    depth = rng.uniform(0.15, 0.30)
    pulses = np.exp(-0.5 * ((time[:, None] - beats) / 0.13) ** 2).max(axis=1)
    envelope = envelope * (1 - depth + depth * pulses)
    envelope = envelope / envelope.max()
    peak = LEVEL_PEAKS[level - 1] * rng.uniform(0.94, 1.03)
    wobble = 0.03 * smooth_noise(rng, n, 30.0) * (0.3 + 0.7 * envelope)
    if emotion == "neutral":
        return np.zeros(n)
    return np.asarray(np.clip(peak * envelope + wobble * LEVEL_PEAKS[level - 1], 0, 1))


def schedule(
    sentence: Sentence, emotion: str, speaker: Speaker, curve: np.ndarray, rng: np.random.Generator
) -> Schedule:
    """Phones in seconds at this speaker's and emotion's rate, and alpha per video frame.

    ``curve`` is `intensity_curve` of the same sentence. From take to take phones vary by 5 %, the whole rate by 3 %,
    the silence at both ends by 25 %. The clip is as long as the sentence, filled up with silence to a whole frame.
    """
    neutral = np.array([phone.seconds for phone in sentence.phones])
    ends = np.cumsum(neutral)
    grid = np.arange(len(curve)) / _GRID
    at_phone = np.interp(ends - neutral / 2, grid, curve)
    voice = VOICES[emotion]
    rate = speaker.rate * (1 + at_phone * (voice.rate - 1)) * np.exp(_TAKE_RATE * np.clip(rng.normal(), -2, 2))
    vowel = np.array([phone.stress > 0 and PHONEMES[phone.symbol].kind is Kind.VOWEL for phone in sentence.phones])
    rate /= np.where(vowel, 1 + at_phone * (voice.drawl - 1), 1)
    spoken = neutral / rate * np.exp(0.05 * rng.normal(size=len(neutral)))
    # Silence before and after says nothing of the emotion: neither its rate nor the speaker's touches it.
    edges = np.array([0, -1])
    spoken[edges] = neutral[edges] * np.exp(_EDGE * np.clip(rng.normal(size=2), -2, 2))
    borders = np.concatenate([[0.0], np.cumsum(spoken)])
    frames = int(np.ceil(borders[-1] * FPS - 1e-6))
    borders[-1] = frames / FPS
    segments = tuple(
        Segment(phone.symbol, float(start), float(end), phone.stress)
        for phone, start, end in zip(sentence.phones, borders[:-1], borders[1:], strict=True)
    )
    centres = (np.arange(frames) + 0.5) / FPS
    alpha = np.interp(np.interp(centres, borders, np.concatenate([[0.0], ends])), grid, curve)
    return Schedule(segments, alpha.astype(np.float32), frames)
