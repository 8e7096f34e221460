"""Who speaks: the constant properties of one identity's voice, drawn from its number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_STREAM = 99  # keeps the voice's draws apart from those of the face


@dataclass(frozen=True)
class Speaker:
    """Constants of a voice. Frequencies in Hz, factors relative to the phoneme table's adult male."""

    pitch: float  # mean F0 of neutral speech, Hz
    tract: float  # vocal tract factor on all formants
    open_quotient: float  # open share of the glottal cycle
    tilt: float  # dB per two octaves
    fourth: float  # F4, Hz, before the tract factor
    fifth: float  # F5, Hz, before the tract factor
    pitch_range: float  # factor on F0 movement
    rate: float  # factor on speaking rate
    gain: float  # dB


def speaker(identity: int, female: bool) -> Speaker:
    """The voice of an identity; ``female`` comes from the same identity's face. Deterministic."""
    rng = np.random.default_rng([identity, _STREAM])
    return Speaker(
        pitch=float(rng.uniform(175, 235) if female else rng.uniform(92, 140)),
        tract=float(rng.uniform(1.12, 1.20) if female else rng.uniform(0.96, 1.06)),
        open_quotient=float(rng.uniform(0.55, 0.70)),
        tilt=float(rng.uniform(-2, 2)),
        fourth=float(rng.uniform(3300, 3800)),
        fifth=float(rng.uniform(4300, 4900)),
        pitch_range=float(rng.uniform(0.8, 1.2)),
        rate=float(rng.uniform(0.93, 1.08)),
        gain=float(rng.uniform(-1.2, 1.2)),
    )
