"""Coarticulation: from phones in time to mouth channels per frame (after Cohen & Massaro's dominance functions, 1993).

Every segment pulls each channel towards its own value with a weight that decays exponentially away from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from eap.constants import FPS
from eap.synth.phonemes import (
    FUNNEL,
    JAW,
    PART,
    PHONEMES,
    PRESS,
    PUCKER,
    STRETCH,
    TUCK,
    VISEME_CHANNELS,
    Kind,
)
from eap.synth.timing import Segment

_DOMINANCE = {  # strength, time constant in seconds
    Kind.VOWEL: (0.9, 0.10),
    Kind.PLOSIVE: (1.0, 0.055),
    Kind.NASAL: (1.0, 0.06),
    Kind.FRICATIVE: (0.8, 0.065),
    Kind.LIQUID: (0.8, 0.075),
    Kind.SILENCE: (0.9, 0.085),
}
_CLOSED = 0.5  # press of a bilabial's own frame: 2.2 x .5 > 1 closes the lips fully


@lru_cache(maxsize=256)
def _target(symbol: str, stress: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Channel values, channel weights and time constant of one phone."""
    phoneme = PHONEMES[symbol]
    strength, constant = _DOMINANCE[phoneme.kind]
    mouth = np.array(phoneme.mouth)
    weights = np.full(len(VISEME_CHANNELS), strength) * np.where(mouth > 0.45, 1.6, 1.0)
    if phoneme.bilabial:
        weights[[JAW, PART]] *= 2.2
        weights[PRESS] *= 3
        constant = 0.05
    if symbol in ("f", "v"):
        weights[TUCK] *= 3
    if symbol in ("uw", "ow", "w", "sh", "ch", "jh"):
        weights[[PUCKER, FUNNEL]] *= 1.8
    if symbol in ("s", "z", "sh", "ch", "jh"):
        weights[JAW] *= 1.6
    if phoneme.kind is Kind.VOWEL:
        weights[JAW] *= 1.3
        mouth[JAW] *= (0.90, 1.10, 1.18)[stress]
    return mouth, weights, constant


def mouth_channels(segments: Sequence[Segment], frames: int, articulation: np.ndarray) -> np.ndarray:
    """Mouth channels (frames, 8) float32 in the order of `VISEME_CHANNELS`.

    ``articulation`` (frames,) scales jaw, parting, pucker and stretch. At the middle frame of every p, b and m the lips
    are pressed shut, whatever surrounds it.
    """
    time = (np.arange(frames) + 0.5) / FPS
    targets = [_target(segment.symbol, segment.stress) for segment in segments]
    values = np.stack([target[0] for target in targets])
    weights = np.stack([target[1] for target in targets])
    constants = np.array([target[2] for target in targets])
    middles = np.array([segment.middle for segment in segments])
    halves = np.array([0.5 * (segment.end - segment.start) for segment in segments])
    distance = np.maximum(np.abs(time[:, None] - middles) - 0.55 * halves, 0)
    pull = np.exp(-distance / constants)
    channels = (pull @ (weights * values)) / (pull @ weights + 1e-3)
    for segment in segments:
        if PHONEMES[segment.symbol].bilabial:
            frame = closure_frame(segment, frames)
            channels[frame, PRESS] = max(channels[frame, PRESS], _CLOSED)
            channels[frame, JAW] *= 0.3
            channels[frame, PART] = min(channels[frame, PART], 0.03)
    channels[:, [JAW, PART, PUCKER, STRETCH]] *= articulation[:, None]
    return np.asarray(channels, dtype=np.float32)


def closure_frame(segment: Segment, frames: int) -> int:
    """The video frame at which the lips of a bilabial segment meet."""
    return int(np.clip(round(segment.middle * FPS - 0.5), 0, frames - 1))
