"""The speech of a clip in parts, without ever holding all of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eap import media
from eap.acoustics import SAMPLES_PER_FRAME
from eap.constants import RATE


@dataclass(frozen=True)
class SoundFacts:
    """samples at 16 kHz; loudest: largest magnitude, 0..1."""

    samples: int
    loudest: float

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.samples / RATE

    @property
    def whole_frames(self) -> int:
        """Video frames that it covers in full."""
        return self.samples // SAMPLES_PER_FRAME


def sound_facts(path: Path) -> SoundFacts:
    """Decode a sound once to its end. Raises MediaError where it is missing or damaged."""
    samples, loudest = 0, 0.0
    for block in media.read_audio_blocks(path):
        samples += len(block)
        loudest = max(loudest, float(np.abs(block).max()))
    return SoundFacts(samples, loudest)


class SoundCursor:
    """Cuts parts out of a sound from its beginning to its end."""

    def __init__(self, path: Path) -> None:
        self._blocks: Iterator[NDArray[np.float32]] = media.read_audio_blocks(path)
        self._held = np.zeros(0, np.float32)
        self._start = 0

    def take(self, first: int, stop: int) -> NDArray[np.float32]:
        """(640 * (stop - first),) samples of the video frames [first, stop), silence beyond the end.

        Parts must be asked for in order of time. Raises ValueError when they go back.
        """
        begin, end = first * SAMPLES_PER_FRAME, stop * SAMPLES_PER_FRAME
        if begin < self._start:
            raise ValueError(f"sample {begin} was let go of: parts are taken in order of time")
        while self._start + len(self._held) < end:
            block = next(self._blocks, None)
            if block is None:
                break
            let_go = min(max(begin - self._start, 0), len(self._held))
            self._held = np.concatenate([self._held[let_go:], block])
            self._start += let_go
        part = self._held[max(begin - self._start, 0) : max(end - self._start, 0)]
        return np.pad(part, (0, end - begin - len(part)))
