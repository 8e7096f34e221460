"""Who speaks: the constant properties of one identity's voice, drawn from its number.

Mean F0 and tract factors lie in the ranges of adult men and women (Peterson & Barney 1952; Hillenbrand et al. 1995);
how far speakers differ in everything else is our choice.
"""

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
    first: float  # own factor on F1
    second: float  # own factor on F2
    third: float  # own factor on F3
    space: float  # factor on the distance of formants from a neutral tube: a small or a large vowel space
    damping: float  # factor on all bandwidths
    breath: float  # aspiration added to every voice, 0..1
    jitter: float  # roughness of F0 added to every voice, fraction
    creak: float  # vocal fry of every voice, 0..1
    nasal: float  # nasality of every voice, 0..1
    hiss: float  # factor on the frequencies of s, f, t ...


def speaker(identity: int, female: bool) -> Speaker:
    """The voice of an identity; ``female`` comes from the same identity's face. Deterministic."""
    rng = np.random.default_rng([identity, _STREAM])

    def about(centre: float, deviation: float) -> float:
        """A normal draw, at most two deviations away."""
        return float(centre + deviation * np.clip(rng.normal(), -2, 2))

    return Speaker(
        pitch=float(np.exp(rng.uniform(np.log(165), np.log(245)) if female else rng.uniform(np.log(85), np.log(142)))),
        tract=float(rng.uniform(1.10, 1.22) if female else rng.uniform(0.94, 1.07)),
        open_quotient=float(rng.uniform(0.52, 0.72)),
        tilt=float(rng.uniform(-2, 2)),
        fourth=float(rng.uniform(3200, 3900)),
        fifth=float(rng.uniform(4200, 5000)),
        pitch_range=float(rng.uniform(0.75, 1.25)),
        rate=float(rng.uniform(0.90, 1.12)),
        gain=float(rng.uniform(-1.2, 1.2)),
        first=about(1.0, 0.03),
        second=about(1.0, 0.03),
        third=about(1.0, 0.035),
        space=about(1.0, 0.06),
        damping=float(np.exp(about(0.0, 0.12))),
        breath=float(0.06 * rng.uniform() ** 2),
        jitter=float(0.003 * rng.uniform() ** 2),
        creak=float(0.10 * rng.uniform() ** 3),
        nasal=float(0.12 * rng.uniform() ** 2),
        hiss=about(1.0, 0.05),
    )
