"""What each emotion does to a face and to a voice at intensity 1 (alpha = 1).

Facial action units follow the EMFACS prototypes (Friesen & Ekman 1983); valence and arousal follow the terms of
Russell & Mehrabian (1977) as listed in secondary sources, except contempt, which is our choice. Directions of the vocal
cues follow the review of Juslin & Laukka (2003); all magnitudes are our choice.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np

from eap.constants import EMOTIONS

LEVEL_PEAKS = (0.38, 0.68, 0.97)
"""Largest alpha of a clip of level 1, 2 and 3."""


@dataclass(frozen=True)
class Prosody:
    """Voice settings at alpha = 1; the defaults are the neutral voice. Interpolated linearly by alpha."""

    pitch: float = 0.0  # shift of F0, semitones
    pitch_range: float = 1.0  # factor on accents and declination
    gain: float = 0.0  # dB
    rate: float = 1.0  # factor on speaking rate
    tilt: float = 0.0  # dB per two octaves above 1 kHz; + is brighter
    breath: float = 0.04  # 0..1 share of aspiration noise
    jitter: float = 0.004  # cycle-to-cycle F0 noise (fraction)
    formants: float = 1.0  # factor on all formants (smile > 1, lowered larynx < 1)
    first_formant: float = 1.0  # factor on F1 alone (pharyngeal, tense voices > 1)
    final: float = -2.0  # end-of-sentence movement, semitones
    tremor: float = 0.0  # 7 Hz F0 and loudness tremor, semitones
    creak: float = 0.0  # 0..1 vocal fry: every second pulse weakened and delayed
    lilt: float = 0.0  # up-glide (down if < 0) over every stressed vowel, semitones
    rough: float = 0.0  # 0..1 depth of a 28 Hz loudness roughness
    nasal: float = 0.0  # 0..1 nasal colouring of vowels
    pressed: float = 0.0  # -1 lax .. 1 tense: shortens the open phase of the glottis
    punch: float = 0.0  # dB between stressed and unstressed syllables
    articulation: float = 1.0  # factor on mouth opening and on formant excursion

    def vector(self) -> np.ndarray:
        """The settings as one float64 vector in field order."""
        return np.array([getattr(self, f.name) for f in fields(self)], dtype=np.float64)


PROSODY_NAMES: tuple[str, ...] = tuple(f.name for f in fields(Prosody))


@dataclass(frozen=True)
class Affect:
    """One emotion at alpha = 1: action units, head and gaze offsets (radians), valence and arousal, voice."""

    valence: float = 0.0
    arousal: float = 0.0
    units: dict[str, float] = field(default_factory=dict)
    head: tuple[float, float, float] = (0.0, 0.0, 0.0)  # yaw, pitch (+ is down), roll
    gaze: tuple[float, float] = (0.0, 0.0)
    liveliness: float = 1.0  # factor on head movement that goes with speech rhythm
    voice: Prosody = Prosody()


AFFECTS: dict[str, Affect] = {
    "angry": Affect(
        -0.51,
        0.59,
        {"AU4": 1.0, "AU5": 0.55, "AU7": 0.8, "AU24": 0.75, "AU17": 0.35, "AU9": 0.15},
        head=(0.0, 0.06, 0.0),
        liveliness=1.7,
        voice=Prosody(
            pitch=2.5,
            pitch_range=1.6,
            gain=8.0,
            rate=1.15,
            tilt=7.0,
            breath=0.0,
            jitter=0.012,
            first_formant=1.10,
            final=-4.0,
            rough=0.7,
            pressed=1.0,
            punch=6.0,
            articulation=1.25,
        ),
    ),
    "contempt": Affect(
        -0.45,
        0.20,
        {"AU12L": 0.6, "AU14L": 1.0, "AU7": 0.25, "lidU": 0.16, "AU17": 0.15},
        head=(0.10, -0.07, 0.05),
        gaze=(-0.10, 0.06),
        liveliness=0.6,
        voice=Prosody(
            pitch=-3.5,
            pitch_range=0.45,
            gain=1.0,
            rate=0.88,
            tilt=-1.0,
            breath=0.0,
            jitter=0.01,
            formants=0.97,
            final=-5.0,
            creak=0.95,
            nasal=0.25,
            pressed=0.7,
            articulation=0.85,
        ),
    ),
    "disgusted": Affect(
        -0.60,
        0.35,
        {"AU9": 1.0, "AU10": 0.85, "AU15": 0.35, "AU16": 0.35, "AU17": 0.35, "AU4": 0.35, "AU7": 0.35},
        head=(0.06, 0.02, -0.03),
        gaze=(-0.05, 0.05),
        voice=Prosody(
            pitch=-1.5,
            pitch_range=1.2,
            gain=5.5,
            rate=0.82,
            tilt=-3.0,
            breath=0.05,
            jitter=0.02,
            formants=0.93,
            first_formant=1.16,
            final=-5.0,
            rough=0.85,
            nasal=0.9,
            punch=3.0,
            articulation=1.1,
        ),
    ),
    "fear": Affect(
        -0.64,
        0.60,
        {"AU1": 1.0, "AU2": 0.65, "AU4": 0.55, "AU5": 1.0, "AU7": 0.15, "AU20": 1.0, "AU25": 0.55, "AU26": 0.22},
        head=(0.0, -0.05, 0.0),
        liveliness=0.7,
        voice=Prosody(
            pitch=8.0,
            pitch_range=0.4,
            gain=1.5,
            rate=1.26,
            tilt=-1.0,
            breath=0.65,
            jitter=0.012,
            first_formant=0.9,
            final=1.0,
            tremor=1.5,
            pressed=0.4,
            articulation=0.9,
        ),
    ),
    "happy": Affect(
        0.81,
        0.51,
        {"AU6": 0.95, "AU12": 1.05, "AU25": 0.45, "AU26": 0.05},
        head=(0.0, -0.02, 0.03),
        liveliness=1.5,
        voice=Prosody(
            pitch=5.5,
            pitch_range=1.2,
            gain=3.5,
            rate=1.08,
            tilt=4.0,
            breath=0.10,
            jitter=0.004,
            formants=1.12,
            final=3.0,
            lilt=7.0,
            punch=2.0,
            articulation=1.1,
        ),
    ),
    "neutral": Affect(),
    "sad": Affect(
        -0.63,
        -0.27,
        {"AU1": 1.25, "AU4": 0.55, "AU15": 1.0, "AU17": 0.45, "lidU": 0.24, "AU7": 0.1},
        head=(0.03, 0.13, 0.04),
        gaze=(0.0, 0.16),
        liveliness=0.45,
        voice=Prosody(
            pitch=-1.0,
            pitch_range=0.4,
            gain=-7.0,
            rate=0.76,
            tilt=-7.0,
            breath=0.35,
            jitter=0.008,
            formants=0.98,
            final=-3.5,
            tremor=0.12,
            pressed=-1.0,
            articulation=0.75,
        ),
    ),
    "surprised": Affect(
        0.40,
        0.67,
        {"AU1": 1.0, "AU2": 1.0, "AU5": 1.0, "AU26": 0.6, "AU25": 0.45},
        head=(0.0, -0.07, 0.0),
        liveliness=1.2,
        voice=Prosody(
            pitch=5.5,
            pitch_range=2.3,
            gain=1.5,
            rate=0.97,
            tilt=0.0,
            breath=0.20,
            jitter=0.004,
            first_formant=1.1,
            final=9.0,
            lilt=-4.5,
            pressed=-0.4,
            punch=3.0,
            articulation=1.15,
        ),
    ),
}

if tuple(AFFECTS) != EMOTIONS:  # the order is the class index everywhere
    raise AssertionError("AFFECTS must list the emotions in the order of eap.constants.EMOTIONS")


def valence_arousal(emotion: str, alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Valence and arousal of each frame, in [-1, 1]: alpha (T,) times the emotion's anchor."""
    affect = AFFECTS[emotion]
    return (alpha * affect.valence).astype(np.float32), (alpha * affect.arousal).astype(np.float32)
