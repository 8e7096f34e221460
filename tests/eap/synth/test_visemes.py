from __future__ import annotations

import numpy as np

from eap.constants import FPS
from eap.synth.phonemes import JAW, PART, PRESS, PUCKER, STRETCH, TUCK
from eap.synth.timing import Segment
from eap.synth.visemes import closure_frame, mouth_channels


def say(*symbols: str, seconds: float = 0.12) -> tuple[list[Segment], int]:
    segments = [Segment(symbol, i * seconds, (i + 1) * seconds, 0) for i, symbol in enumerate(symbols)]
    return segments, int(np.ceil(len(symbols) * seconds * FPS))


def channels(*symbols: str, articulation: float = 1.0, seconds: float = 0.12) -> tuple[np.ndarray, list[Segment]]:
    segments, frames = say(*symbols, seconds=seconds)
    return mouth_channels(segments, frames, np.full(frames, articulation)), segments


def test_bilabials_close_even_between_open_vowels_and_at_speed() -> None:
    for symbol in ("p", "b", "m"):
        for seconds in (0.045, 0.07, 0.12):
            mouth, segments = channels("aa", symbol, "aa", seconds=seconds)
            frame = closure_frame(segments[1], len(mouth))
            assert mouth[frame, PRESS] >= 0.5
            assert mouth[frame, PART] <= 0.05
            assert mouth[frame, JAW] < 0.25


def test_channels_of_single_sounds() -> None:
    assert channels("aa", "aa", "aa")[0][4, JAW] > 0.6
    assert channels("uw", "uw", "uw")[0][4, PUCKER] > 0.8
    assert channels("iy", "iy", "iy")[0][4, STRETCH] > 0.5
    assert channels("f", "f", "f")[0][4, TUCK] > 0.8
    assert np.abs(channels("sil", "sil", "sil")[0]).max() < 1e-6


def test_neighbours_colour_a_consonant() -> None:
    rounded = channels("uw", "t", "uw")[0][4, PUCKER]
    plain = channels("iy", "t", "iy")[0][4, PUCKER]
    assert rounded > plain + 0.2


def test_articulation_opens_the_mouth() -> None:
    assert channels("aa", "t", "aa", articulation=1.25)[0][:, JAW].max() > channels("aa", "t", "aa")[0][:, JAW].max()


def test_mouth_is_nearly_shut_in_silence_before_speech() -> None:
    mouth, _ = channels("sil", "aa", "t", "aa", "sil", seconds=0.2)
    assert mouth[0, JAW] < 0.3 * mouth[:, JAW].max()
