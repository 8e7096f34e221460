"""Single pictures of a person at a fixed emotion and intensity, for looking: no clip, no time, no randomness."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eap.errors import DataError
from eap.synth.affect import AFFECTS
from eap.synth.clip import face_of
from eap.synth.performance import VIEW_ANGLES, manner, mix_speech
from eap.synth.phonemes import VISEME_CHANNELS


def still(
    identity: int,
    emotion: str = "neutral",
    alpha: float = 0.0,
    *,
    mouth: Sequence[float] | None = None,
    view: str = "front",
    size: int = 128,
) -> tuple[np.ndarray, np.ndarray]:
    """A picture (size, size, 3) uint8 and its landmarks (68, 2) in pixels.

    ``alpha`` 0..1 is the intensity; ``mouth`` a viseme as in `PHONEMES[...].mouth`, None for silence. Raises DataError
    for an unknown emotion or view.
    """
    if emotion not in AFFECTS or view not in VIEW_ANGLES:
        raise DataError(f"no picture of emotion {emotion!r}, view {view!r}", fix="use names of eap.constants")
    affect = AFFECTS[emotion]
    side = manner(identity).scorn_side
    units: dict[str, np.ndarray] = {}
    for name, full in affect.units.items():
        if emotion == "contempt" and name.endswith("L"):
            name = name[:-1] + side
        units[name] = np.array([full * alpha])
    channels = np.zeros((1, len(VISEME_CHANNELS))) if mouth is None else np.array([mouth])
    acts = {name: float(values[0]) for name, values in mix_speech(units, channels).items()}
    head = (*VIEW_ANGLES[view], 0.0)
    gaze = (alpha * affect.gaze[0], alpha * affect.gaze[1])
    return face_of(identity).draw(acts, head, gaze, tongue=float(channels[0, -1]), size=size)
