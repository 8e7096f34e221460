"""A spectrogram as a picture, for looking."""

from __future__ import annotations

import numpy as np

_WINDOW, _HOP = 400, 100  # samples at 16 kHz: 25 ms and 6.25 ms
_RANGE = 70.0  # dB shown below the loudest point

_INK = np.array(
    [[0, 0, 4], [30, 17, 72], [81, 18, 124], [131, 38, 129], [183, 55, 121], [229, 80, 100], [251, 135, 97],
     [254, 194, 135], [252, 253, 191]], dtype=np.float64
)  # fmt: skip
"""Nine points of matplotlib's "magma" (CC0), so that no plotting library is needed."""


def spectrogram(audio: np.ndarray, rate: int) -> np.ndarray:
    """Picture (201, n, 3) uint8 of mono sound: low frequencies at the bottom, 70 dB below the loudest point is black.

    One column per 6.25 ms at 16 kHz; windows scale with the rate, and only the band below 8 kHz is drawn.
    """
    window, hop = _WINDOW * rate // 16000, _HOP * rate // 16000
    padded = np.pad(audio.astype(np.float64), window // 2)
    pieces = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop] * np.hanning(window)
    power = np.abs(np.fft.rfft(pieces, axis=1))[:, : _WINDOW // 2 + 1].T ** 2
    level = 10 * np.log10(power / max(float(power.max()), 1e-12) + 1e-12)
    shade = np.clip(1 + level / _RANGE, 0, 1)[::-1] * (len(_INK) - 1)
    places = np.arange(len(_INK))
    return np.stack([np.interp(shade, places, _INK[:, c]) for c in range(3)], axis=-1).round().astype(np.uint8)
