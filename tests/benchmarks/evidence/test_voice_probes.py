from __future__ import annotations

import numpy as np

from benchmarks.evidence.voice_probes import artefacts, spread
from eap.constants import EMOTIONS
from eap.synth.clip import Utterance
from eap.synth.timing import Segment


def made(emotion: str, frames: int, floor: float, seed: int) -> Utterance:
    """Noise of a length and a floor; alpha swings by .1."""
    rng = np.random.default_rng(seed)
    seconds = frames / 25
    segments = (
        Segment("sil", 0, 0.1, 0),
        Segment("aa", 0.1, seconds - 0.1, 1),
        Segment("sil", seconds - 0.1, seconds, 0),
    )
    audio = (rng.normal(size=frames * 640) * floor).astype(np.float32)
    alpha = (0.5 + 0.1 * np.where(np.arange(frames) % 2, 1, -1)).astype(np.float32)
    return Utterance(audio, 16000, alpha, np.full(frames, 150.0), segments, emotion, 2)


def told(length: int, floor: float, first: int) -> list[Utterance]:
    """Eight emotions, twelve clips each, that may differ in length (frames per class) and noise floor (factor)."""
    return [
        made(emotion, 50 + length * index, 0.01 * floor**index, first + 100 * index + k)
        for index, emotion in enumerate(EMOTIONS)
        for k in range(12)
    ]


def test_the_probes_find_what_gives_an_emotion_away_and_nothing_else() -> None:
    clean = artefacts(told(0, 1.0, 0), told(0, 1.0, 10_000))
    for name in ("noise_of_first_and_last_40_ms", "clip_length", "mean_level", "silence_at_both_ends_seconds"):
        assert clean[name] < 0.3, name
    assert clean["chance"] == 0.125
    noisy = artefacts(told(0, 2.0, 0), told(0, 2.0, 10_000))
    assert noisy["noise_of_first_and_last_40_ms"] > 0.8
    assert artefacts(told(3, 1.0, 0), told(3, 1.0, 10_000))["clip_length"] > clean["clip_length"] + 0.15


def test_the_spread_is_the_deviation_within_clips() -> None:
    clips = [made("sad", 50, 0.01, 0), made("happy", 50, 0.01, 1), made("neutral", 50, 0.01, 2)]
    both = [Utterance(**{**clip.__dict__, "level": level}) for clip in clips for level in (1, 2, 3)]
    assert spread(both) == {str(level): [0.1, 0.1, 0.1] for level in (1, 2, 3)}
