"""Log-mel spectrogram and its alignment to video frames. Pure numpy.

Parameters follow Wav2Lip's `hparams.py` (16 kHz, n_fft = win = 800, 80 Slaney mels 55-7600 Hz, pre-emphasis .97,
min_level -100 dB, ref_level 20 dB, symmetric scale to [-4, 4]) except the hop: 160 samples instead of 200, so that a
25-fps frame owns exactly 4 rows and nothing drifts (our choice).
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from eap.constants import MEL_PER_FRAME, N_MELS

N_FFT = 800
HOP = 160
SAMPLES_PER_FRAME = HOP * MEL_PER_FRAME
PREEMPHASIS = 0.97
MIN_LEVEL_DB = -100.0
REF_LEVEL_DB = 20.0
MAX_ABS = 4.0

_BLOCK_ROWS = 4096  # rows transformed at once: keeps memory flat for long audio


@lru_cache(maxsize=1)
def mel_filterbank() -> NDArray[np.float32]:
    """(80, 401) float32 Slaney bank: `librosa.filters.mel(sr=16000, n_fft=800, n_mels=80, fmin=55, fmax=7600)`."""
    with resources.files("eap").joinpath("assets/mel_16k_800_80.npy").open("rb") as handle:
        bank: NDArray[np.float32] = np.load(handle, allow_pickle=False)
    bank.flags.writeable = False
    return bank


@lru_cache(maxsize=1)
def _window() -> NDArray[np.float32]:
    """(800,) periodic Hann window."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)).astype(np.float32)


def frames_in(n_samples: int) -> int:
    """Video frames that `n_samples` of 16 kHz audio covers, the last one perhaps in part: ceil(n / 640)."""
    return -(-n_samples // SAMPLES_PER_FRAME)


def fit_to_frames(audio: NDArray[np.floating], n_frames: int) -> NDArray[np.float32]:
    """(640 * n_frames,) float32: `audio` cut, or padded with zeros at its end, to `n_frames` video frames."""
    wanted = n_frames * SAMPLES_PER_FRAME
    fitted = np.zeros(wanted, np.float32)
    fitted[: min(len(audio), wanted)] = audio[:wanted]
    return fitted


def log_mel(audio: NDArray[np.floating], n_frames: int | None = None) -> NDArray[np.float32]:
    """(4 * n_frames, 80) float32 in [-4, 4] from 16 kHz mono `audio` (n,) in [-1, 1].

    Rows 4t..4t+3 belong to video frame t, that is samples [640t, 640(t+1)): row r is centred on sample 160r + 80, so
    the four rows lie symmetrically in their frame. Audio is cut or zero-padded to `n_frames` (default: all of it).
    Silence is -4. Raises ValueError when audio is not one finite channel.
    """
    if audio.ndim != 1:
        raise ValueError(f"log_mel needs mono audio (n,), got shape {audio.shape}")
    if not np.isfinite(audio).all():
        raise ValueError("log_mel got audio that is not finite")
    fitted = fit_to_frames(audio, frames_in(len(audio)) if n_frames is None else n_frames)
    emphasised = fitted.copy()
    emphasised[1:] -= PREEMPHASIS * fitted[:-1]

    rows = len(fitted) // HOP
    before = N_FFT // 2 - HOP // 2
    padded = np.pad(emphasised, (before, N_FFT - HOP - before))
    if rows == 0:
        return np.zeros((0, N_MELS), np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP]
    mel = np.empty((rows, N_MELS), np.float32)
    for start in range(0, rows, _BLOCK_ROWS):
        block = windows[start : start + _BLOCK_ROWS] * _window()
        magnitude = np.abs(np.fft.rfft(block, axis=1)).astype(np.float32)
        mel[start : start + _BLOCK_ROWS] = magnitude @ mel_filterbank().T
    return _scale(mel)


def _scale(mel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Amplitude -> dB -> [-4, 4], as Wav2Lip's `_amp_to_db` and `_normalize` (symmetric, clipped)."""
    floor = 10.0 ** (MIN_LEVEL_DB / 20.0)
    db = 20.0 * np.log10(np.maximum(floor, mel)) - REF_LEVEL_DB
    scaled = 2.0 * MAX_ABS * (db - MIN_LEVEL_DB) / -MIN_LEVEL_DB - MAX_ABS
    clipped: NDArray[np.float32] = np.clip(scaled, -MAX_ABS, MAX_ABS).astype(np.float32)
    return clipped
