"""What each emotion does to a voice at intensity 1 (alpha = 1).

Directions follow reviews of vocal expression: Juslin & Laukka (2003, table 7: pitch, its range and contour, loudness,
rate, high-frequency energy, first formant, jitter, attacks), Scherer (1986, 2003), Banse & Scherer (1996; contempt and
disgust); a smile shortens the tract (Tartter 1980); laughed speech pulses the breath about five times a second
(Bachorowski, Smoski & Owren 2001); a tense voice has a short open phase and a breathy one a long (Gobl & Ni Chasaide
2003). All magnitudes are our choice, and so are creak, drawl and nasality of contempt and the pharyngeal colour of
disgust. Read from the literature as remembered, not from the tables themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np


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
    shimmer: float = 0.02  # cycle-to-cycle amplitude noise (fraction)
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
    drawl: float = 1.0  # factor on the length of stressed vowels alone
    laugh: float = 0.0  # 0..1 depth of breath pulses at 5 Hz in loudness, with half a semitone of F0

    def vector(self) -> np.ndarray:
        """The settings as one float64 vector in field order."""
        return np.array([getattr(self, f.name) for f in fields(self)], dtype=np.float64)


PROSODY_NAMES: tuple[str, ...] = tuple(f.name for f in fields(Prosody))

VOICES: dict[str, Prosody] = {
    # loud, bright, pressed, rough; strong beats, falling end
    "angry": Prosody(
        pitch=3.0,
        pitch_range=1.6,
        gain=7.0,
        rate=1.15,
        tilt=7.5,
        breath=0.0,
        jitter=0.014,
        shimmer=0.10,
        first_formant=1.12,
        final=-4.5,
        rough=0.75,
        pressed=1.0,
        punch=7.0,
        articulation=1.25,
    ),
    # low, flat, creaking, drawled
    "contempt": Prosody(
        pitch=-4.0,
        pitch_range=0.4,
        gain=0.5,
        rate=0.90,
        tilt=-1.0,
        breath=0.0,
        jitter=0.01,
        formants=0.96,
        final=-5.5,
        creak=1.0,
        lilt=-2.0,
        nasal=0.45,
        pressed=0.8,
        articulation=0.85,
        drawl=1.45,
    ),
    # slow, pharyngeal (high F1, lowered larynx), nasal, rough
    "disgusted": Prosody(
        pitch=-1.5,
        pitch_range=1.3,
        gain=4.5,
        rate=0.82,
        tilt=-3.5,
        breath=0.06,
        jitter=0.022,
        shimmer=0.14,
        formants=0.91,
        first_formant=1.20,
        final=-5.0,
        lilt=-4.0,
        rough=0.9,
        nasal=0.95,
        pressed=0.2,
        punch=4.0,
        articulation=1.1,
    ),
    # high and flat, trembling, breathy, fast
    "fear": Prosody(
        pitch=8.0,
        pitch_range=0.4,
        gain=0.5,
        rate=1.26,
        tilt=-1.0,
        breath=0.65,
        jitter=0.016,
        shimmer=0.10,
        first_formant=0.88,
        final=1.0,
        tremor=1.9,
        pressed=0.4,
        articulation=0.9,
        drawl=0.85,
    ),
    # smiling tract, rising vowels, laughter in the breath, bright and clear
    "happy": Prosody(
        pitch=5.0,
        pitch_range=1.3,
        gain=6.0,
        rate=1.08,
        tilt=4.5,
        breath=0.10,
        jitter=0.003,
        formants=1.15,
        final=3.0,
        lilt=8.0,
        pressed=0.1,
        punch=2.0,
        articulation=1.1,
        laugh=0.6,
    ),
    "neutral": Prosody(),
    # soft, dark, slow, lax, sinking
    "sad": Prosody(
        pitch=-1.0,
        pitch_range=0.4,
        gain=-6.5,
        rate=0.76,
        tilt=-7.5,
        breath=0.38,
        jitter=0.008,
        formants=0.97,
        final=-3.5,
        tremor=0.12,
        pressed=-1.0,
        articulation=0.75,
        drawl=1.1,
    ),
    # very wide pitch with falling swoops on the beats, rising end, airy and lax, open vowels
    "surprised": Prosody(
        pitch=6.0,
        pitch_range=2.5,
        gain=1.5,
        rate=0.97,
        tilt=-1.0,
        breath=0.28,
        jitter=0.004,
        first_formant=1.14,
        final=9.0,
        lilt=-6.0,
        pressed=-0.6,
        punch=4.0,
        articulation=1.2,
        drawl=1.25,
    ),
}
"""Voice of each emotion at alpha = 1, in the order of `eap.constants.EMOTIONS`."""
