"""Faces that need no network: a bright square in a dark picture, found by its brightness."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eap import media
from eap.data.faces import BOX_IN_CROP
from eap.data.prepare.finding import EYES_AND_MOUTH, Place, Sight
from eap.data.prepare.labels import FaceLabels
from eap.data.prepare.plan import Tools

BRIGHT = 200


class SquareFinder:
    """Finds the bright square; counts its looks, and those that were told where to look."""

    name = "squares"

    def __init__(self) -> None:
        self.looks = self.near = 0

    def look(self, frame: NDArray[np.uint8], near: Place | None) -> Sight | None:
        self.looks += 1
        self.near += near is not None
        rows, columns = np.nonzero(frame[..., 0] > BRIGHT - 40)
        if not len(rows):
            return None
        side = float(columns.max() - columns.min() + 1)
        square = side / BOX_IN_CROP[2]
        left, top = columns.min() - BOX_IN_CROP[0] * square, rows.min() - BOX_IN_CROP[1] * square
        return Sight(Place(float(left), float(top), square), 1)


class PlainLabeller:
    """The same landmarks for every frame; valence is the frame's mean red, arousal half of it."""

    name = "plain"
    embedded_only = False

    def weights(self) -> dict[str, str]:
        return {"plain": "0" * 64}

    def read(self, frames: NDArray[np.uint8]) -> FaceLabels:
        n = len(frames)
        landmarks = np.zeros((n, 68, 2), np.float32)
        for part, place in zip((slice(36, 42), slice(42, 48), slice(48, 68)), EYES_AND_MOUTH, strict=True):
            landmarks[:, part] = place
        red = frames[..., 0].astype(np.float32).mean(axis=(1, 2)) / 255
        return FaceLabels(landmarks, np.stack([red, red / 2], 1), np.full((n, 8), 0.125, np.float32))


TOOLS = Tools(SquareFinder, PlainLabeller)


def face_frames(n: int, left: int = 60, side: int = 60, size: tuple[int, int] = (160, 240)) -> NDArray[np.uint8]:
    """(n, H, W, 3): a bright square with a dark dot that goes down in it, one pixel a frame."""
    frames = np.full((n, *size, 3), 30, np.uint8)
    frames[:, 50 : 50 + side, left : left + side] = BRIGHT
    for index in range(n):
        frames[index, 60 + index % 30 : 70 + index % 30, left + 20 : left + 40] = 160 + 5
    return frames


def speech(seconds: float) -> NDArray[np.float32]:
    """A tone."""
    return (0.3 * np.sin(np.arange(round(seconds * 16000)) / 20)).astype(np.float32)


def write_clip(path: Path, frames: NDArray[np.uint8], seconds: float | None = None) -> Path:
    """A video with a tone as long as the picture (or as asked)."""
    sound = speech(len(frames) / 25 if seconds is None else seconds)
    media.write_video(path, frames, 25.0, audio=sound, rate=16000, crf=4)
    return path
