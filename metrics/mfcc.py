"""Mel-frequency cepstral coefficients as SyncNet hears them: python_speech_features' `mfcc` with its defaults.

25 ms windows every 10 ms (no taper), pre-emphasis .97, 512-point spectrum, 26 triangular mel filters from 0 to 8 kHz,
logarithm, orthonormal DCT-II, 13 coefficients, sinusoidal lifter 22, the first one replaced by the log energy.
Own code, float64; equal to the package's numbers to rounding (golden 1e-5).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

RATE = 16000
WINDOW = 400
STEP = 160
N_FFT = 512
N_FILTERS = 26
N_CEPSTRA = 13
LIFTER = 22
PREEMPHASIS = 0.97

_BLOCK_ROWS = 4096  # windows transformed at once: keeps memory flat for long sound
_EPSILON = float(np.finfo(float).eps)

Array = NDArray[np.float64]


def to_int16(audio: NDArray[np.floating]) -> NDArray[np.int16]:
    """Sound in [-1, 1] (n,) as the 16-bit samples a wav file would hold; those of a 16-bit file come back exactly."""
    return np.clip(np.rint(np.asarray(audio, np.float64) * 32768.0), -32768, 32767).astype(np.int16)


def n_rows(n_samples: int) -> int:
    """How many windows `n_samples` give; the last one is filled with zeros, and there is always one."""
    return 1 if n_samples <= WINDOW else 1 + -(-(n_samples - WINDOW) // STEP)


def mfcc(samples: NDArray[np.integer] | NDArray[np.floating]) -> Array:
    """(rows, 13) float64 of 16 kHz mono `samples` (n,), in the scale of 16-bit numbers, as a wav file holds them.

    Equals `python_speech_features.mfcc(samples, 16000)`. Raises ValueError for other shapes and for no samples.
    """
    signal = np.asarray(samples, np.float64)
    if signal.ndim != 1 or len(signal) == 0:
        raise ValueError(f"mfcc needs mono samples (n,), not empty, got shape {signal.shape}")
    emphasised = np.concatenate([signal[:1], signal[1:] - PREEMPHASIS * signal[:-1]])
    rows = n_rows(len(signal))
    padded = np.zeros((rows - 1) * STEP + WINDOW)
    padded[: len(emphasised)] = emphasised[: len(padded)]
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::STEP]
    found = np.empty((rows, N_CEPSTRA))
    for start in range(0, rows, _BLOCK_ROWS):
        found[start : start + _BLOCK_ROWS] = _cepstra(windows[start : start + _BLOCK_ROWS])
    return found


def _cepstra(windows: Array) -> Array:
    power = np.abs(np.fft.rfft(windows, N_FFT, axis=1)) ** 2 / N_FFT
    energy = power.sum(axis=1)
    mel = power @ filterbank().T
    mel[mel == 0] = _EPSILON
    cepstra = np.log(mel) @ _dct().T
    cepstra *= 1.0 + LIFTER / 2.0 * np.sin(np.pi * np.arange(N_CEPSTRA) / LIFTER)
    cepstra[:, 0] = np.log(np.where(energy == 0, _EPSILON, energy))
    return np.asarray(cepstra, np.float64)


@lru_cache(maxsize=1)
def filterbank() -> Array:
    """(26, 257) triangles between mel-spaced spectrum bins (HTK mels, bins rounded down)."""
    highest = 2595.0 * np.log10(1.0 + RATE / 2.0 / 700.0)
    hertz = 700.0 * (10.0 ** (np.linspace(0.0, highest, N_FILTERS + 2) / 2595.0) - 1.0)
    edges = np.floor((N_FFT + 1) * hertz / RATE)
    bank = np.zeros((N_FILTERS, N_FFT // 2 + 1))
    for j in range(N_FILTERS):
        low, middle, high = edges[j : j + 3]
        rising, falling = np.arange(int(low), int(middle)), np.arange(int(middle), int(high))
        bank[j, rising] = (rising - low) / (middle - low)
        bank[j, falling] = (high - falling) / (high - middle)
    bank.flags.writeable = False
    return bank


@lru_cache(maxsize=1)
def _dct() -> Array:
    """(13, 26) first rows of the orthonormal DCT-II."""
    k, n = np.arange(N_CEPSTRA)[:, None], np.arange(N_FILTERS)[None]
    basis = np.sqrt(2.0 / N_FILTERS) * np.cos(np.pi * k * (2 * n + 1) / (2 * N_FILTERS))
    basis[0] /= np.sqrt(2.0)
    return np.asarray(basis, np.float64)
