"""Planted damage for the gate's evidence: each changes the media of a finished run and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.plan import Task
from eap import media
from eap.constants import FPS, RATE
from eap.errors import DataError


@dataclass(frozen=True)
class Copy:
    """No damage: the same bytes."""

    def __call__(self, task: Task, source: Path, target: Path) -> None:
        """Copy the file."""
        target.write_bytes(source.read_bytes())


@dataclass(frozen=True)
class Blur:
    """Gaussian blur of every frame; ``sigma`` in pixels."""

    sigma: float = 1.0

    def __call__(self, task: Task, source: Path, target: Path) -> None:
        """Blur and encode as a run does."""
        import cv2

        video = media.read_video(source)
        frames = np.stack([cv2.GaussianBlur(frame, (0, 0), self.sigma) for frame in video.frames])
        media.write_video(target, frames, fps=video.fps, audio=video.audio, rate=video.rate)


@dataclass(frozen=True)
class ShiftAudio:
    """The sound comes ``frames`` video frames late."""

    frames: int = 2

    def __call__(self, task: Task, source: Path, target: Path) -> None:
        """Shift and encode as a run does; the length stays."""
        video = media.read_video(source)
        if video.audio is None:
            raise DataError(f"{source}: no sound to shift")
        late = self.frames * RATE // FPS
        audio = np.concatenate([np.zeros(late, np.float32), video.audio[:-late]])
        media.write_video(target, video.frames, fps=video.fps, audio=audio, rate=video.rate)


@dataclass(frozen=True)
class SwapEmotion:
    """Clips of one emotion show the same person's clip of another emotion."""

    emotion: str
    shown: str

    def __call__(self, task: Task, source: Path, target: Path) -> None:
        """Copy the other clip's file (or the clip's own, for other emotions)."""
        if task.clip.emotion == self.emotion:
            found = sorted(source.parent.glob(f"{task.clip.identity}_*_{self.shown}_*{source.suffix}"))
            if not found:
                raise DataError(f"{source.parent}: {task.clip.identity} has no clip that shows {self.shown}")
            source = found[0]
        target.write_bytes(source.read_bytes())


@dataclass(frozen=True)
class LoseClips:
    """These clips are lost, as when a method fails on them."""

    clips: frozenset[str]

    def __call__(self, task: Task, source: Path, target: Path) -> None:
        """Copy the file, or fail."""
        if task.clip.id in self.clips:
            raise DataError("the method gave no file")
        target.write_bytes(source.read_bytes())
