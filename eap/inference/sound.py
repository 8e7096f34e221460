"""The voice: from an array or a file, 16 kHz mono in blocks, as often as it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eap.constants import FPS, RATE
from eap.errors import DataError, MediaError
from eap.media import probe, read_audio_blocks, resample

SAMPLES = RATE // FPS
"""Samples of one video frame."""
FULL = 0.999
"""A sample of this size or more counts as clipped."""

_BLOCK = 2 * RATE
_FILE_RATES = (16000, 22050, 24000, 32000, 44100, 48000)

Samples = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Voice:
    """Sound to speak to: samples in memory at 16 kHz, or a file that is read in blocks each time it is listened to."""

    samples: Samples | None = None
    path: Path | None = None

    def blocks(self, rate: int = RATE) -> Iterator[Samples]:
        """Mono blocks (n,) at ``rate`` Hz (an array: 16 kHz). Raises MediaError where a file is damaged."""
        if self.samples is not None:
            for start in range(0, len(self.samples), _BLOCK):
                yield self.samples[start : start + _BLOCK]
        elif self.path is not None:
            yield from read_audio_blocks(self.path, rate, seconds=_BLOCK / RATE)

    def file_rate(self) -> int:
        """The rate a video keeps this sound at: a file's own where AAC commonly has it, else 16 kHz."""
        native = None if self.path is None else probe(self.path).audio_rate
        return native if native in _FILE_RATES else RATE

    def whole(self) -> Samples:
        """All samples."""
        return np.concatenate([np.zeros(0, np.float32), *self.blocks()])

    def too_short(self, heard: int) -> DataError | MediaError:
        """The error for a voice of fewer samples than one video frame needs."""
        length = f"{heard / RATE:.3f} s"
        if self.path is not None:
            return MediaError(
                f"{self.path}: {length} of sound, less than one video frame", fix="give at least 0.04 s of voice"
            )
        return DataError(f"audio of {length} is shorter than one video frame", fix="give at least 0.04 s")


def voice_of(audio: NDArray[np.floating] | str | Path, rate: int = RATE) -> Voice:
    """A `Voice` of samples (n,) at ``rate`` Hz, or of an audio file or a video with sound, which knows its own rate.

    Raises DataError for an array that is not one finite channel.
    """
    if isinstance(audio, str | Path):
        return Voice(path=Path(audio))
    return Voice(samples=resample(checked(audio), rate, RATE))


def checked(audio: NDArray[np.floating]) -> Samples:
    """Samples (n,) as float32. Raises DataError for several channels, integers, NaN and infinity."""
    samples = np.asarray(audio)
    if samples.ndim != 1:
        raise DataError(f"audio of shape {samples.shape}", fix="give one channel: (samples,)")
    if not np.issubdtype(samples.dtype, np.floating):
        raise DataError(f"audio of type {samples.dtype}", fix="give float samples in [-1, 1]")
    if not np.isfinite(samples).all():
        raise DataError("audio holds NaN or infinite samples", fix="clean the audio file")
    return samples.astype(np.float32)


class Loudness:
    """Peak and share of clipped samples of what passes by."""

    def __init__(self) -> None:
        self.peak, self.samples, self._clipped = 0.0, 0, 0

    def hear(self, block: Samples) -> Samples:
        """Take a block into account and give it back."""
        if len(block):
            size = np.abs(block)
            self.peak = max(self.peak, float(size.max()))
            self._clipped += int((size >= FULL).sum())
            self.samples += len(block)
        return block

    @property
    def clipped(self) -> float:
        """Share of samples at full scale, 0..1."""
        return self._clipped / self.samples if self.samples else 0.0
