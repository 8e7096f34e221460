"""What each emotion does to a face and to a voice at intensity 1 (alpha = 1).

Facial action units follow the EMFACS prototypes (Friesen & Ekman 1983); valence and arousal follow the terms of
Russell & Mehrabian (1977) as listed in secondary sources, except contempt, which is our choice; magnitudes are our
choice. What the voice does: `eap.synth.prosody`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from eap.constants import EMOTIONS
from eap.synth.prosody import VOICES, Prosody

LEVEL_PEAKS = (0.38, 0.68, 0.97)
"""Largest alpha of a clip of level 1, 2 and 3."""


@dataclass(frozen=True)
class Affect:
    """One emotion at alpha = 1: action units, gaze offset (radians), valence and arousal, voice.

    It has no posture of the head: hair, neck and shoulders would tell the emotion with the face hidden.
    """

    valence: float = 0.0
    arousal: float = 0.0
    units: dict[str, float] = field(default_factory=dict)
    gaze: tuple[float, float] = (0.0, 0.0)
    liveliness: float = 1.0  # factor on head movement that goes with speech rhythm
    voice: Prosody = VOICES["neutral"]


AFFECTS: dict[str, Affect] = {
    "angry": Affect(
        -0.51,
        0.59,
        {"AU4": 1.1, "AU5": 0.75, "AU7": 0.75, "AU24": 0.9, "AU17": 0.40, "AU9": 0.20, "AU10": 0.12},
        liveliness=1.7,
        voice=VOICES["angry"],
    ),
    "contempt": Affect(
        -0.45,
        0.20,
        {"AU12L": 0.6, "AU14L": 1.0, "AU7": 0.25, "lidU": 0.16, "AU17": 0.15},
        gaze=(-0.10, 0.06),
        liveliness=0.6,
        voice=VOICES["contempt"],
    ),
    "disgusted": Affect(
        -0.60,
        0.35,
        {"AU9": 1.1, "AU10": 0.95, "AU15": 0.40, "AU16": 0.30, "AU17": 0.40, "AU4": 0.30, "AU7": 0.45, "AU6": 0.25},
        gaze=(-0.05, 0.05),
        voice=VOICES["disgusted"],
    ),
    "fear": Affect(
        -0.64,
        0.60,
        {
            "AU1": 1.05,
            "AU2": 0.55,
            "AU4": 0.70,
            "AU5": 1.0,
            "AU7": 0.15,
            "AU20": 1.1,
            "AU16": 0.30,
            "AU25": 0.50,
            "AU26": 0.18,
        },
        liveliness=0.7,
        voice=VOICES["fear"],
    ),
    "happy": Affect(
        0.81,
        0.51,
        {"AU6": 1.0, "AU12": 1.05, "AU25": 0.70, "AU26": 0.10},
        liveliness=1.5,
        voice=VOICES["happy"],
    ),
    "neutral": Affect(),
    "sad": Affect(
        -0.63,
        -0.27,
        {"AU1": 1.15, "AU4": 0.65, "AU15": 1.05, "AU17": 0.50, "lidU": 0.24, "AU7": 0.1},
        gaze=(0.0, 0.16),
        liveliness=0.45,
        voice=VOICES["sad"],
    ),
    "surprised": Affect(
        0.40,
        0.67,
        {"AU1": 1.1, "AU2": 1.1, "AU5": 1.0, "AU26": 0.8, "AU25": 0.40},
        liveliness=1.2,
        voice=VOICES["surprised"],
    ),
}

if tuple(AFFECTS) != EMOTIONS:  # the order is the class index everywhere
    raise AssertionError("AFFECTS must list the emotions in the order of eap.constants.EMOTIONS")


def valence_arousal(emotion: str, alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Valence and arousal of each frame, in [-1, 1]: alpha (T,) times the emotion's anchor."""
    affect = AFFECTS[emotion]
    return (alpha * affect.valence).astype(np.float32), (alpha * affect.arousal).astype(np.float32)
