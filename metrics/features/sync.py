"""Embeddings of lips and sound: along with the one pass over a clip, or in a second one where the crop needs all of it.

The published crops for LSE (but `lrs-frame`) depend on the whole clip: a mean face, a track. They are planned while the
frames go by for the first time; the crops are then cut in a second pass, so that memory stays flat.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metrics.features.clip import Floats
from metrics.registry import Unmeasurable

if TYPE_CHECKING:
    from metrics.evaluators import EvaluatorSet, SyncFrames
    from metrics.evaluators.crops import CropPlan

WINDOW = 5
ROWS_PER_FRAME = 4
SAMPLES_PER_FRAME = 640

Frames = NDArray[np.uint8]


class Listener:
    """Embeds the 5-frame windows of frames that go by in blocks, beside the sound of the same frames."""

    def __init__(self, evaluators: EvaluatorSet, audio: Floats) -> None:
        self._evaluators = evaluators
        self._rows = evaluators.hear(audio)
        self._n_frames = 0
        self._tail: SyncFrames | None = None
        """Lips of the last 4 frames: the windows that begin in them need the next block."""
        self._video: list[Floats] = []
        self._audio: list[Floats] = []

    def see(self, frames: Frames) -> None:
        """The next frames, or crops (n, H, W, 3)."""
        lips = self._evaluators.lips(frames)
        first = self._n_frames
        if self._tail is not None:
            lips = np.concatenate([self._tail, lips])
            first -= len(self._tail)
        heard = lips[: max(0, len(self._rows) // ROWS_PER_FRAME - first)]
        if len(heard) >= WINDOW:
            rows = self._rows[ROWS_PER_FRAME * first : ROWS_PER_FRAME * (first + len(heard))]
            video, audio = self._evaluators.sync(np.ascontiguousarray(heard), rows)
            self._video.append(video)
            self._audio.append(audio)
        self._tail = lips[-(WINDOW - 1) :]
        self._n_frames += len(frames)

    def embeddings(self) -> tuple[Floats, Floats]:
        """(W, E) of video and audio: all windows but the last, as syncnet_python scores min(frames, sound) - 5.

        Raises Unmeasurable when there are none.
        """
        video = np.concatenate(self._video) if self._video else np.zeros((0, 1), np.float32)
        if len(video) < 2:
            heard = len(self._rows) // ROWS_PER_FRAME
            raise Unmeasurable(f"too short: {self._n_frames} frames, sound for {heard}; sync needs {WINDOW + 1}")
        return video[:-1], np.concatenate(self._audio)[:-1]


def listen_to_crops(
    path: Path, evaluators: EvaluatorSet, plan: CropPlan, audio: Floats, fps: float, chunk: int
) -> tuple[Floats, Floats]:
    """The second pass: cut `plan`'s frames out of the clip and embed them with their part of the sound.

    Raises Unmeasurable when what is left is too short, MediaError when the file cannot be read.
    """
    from eap.media import read_frames

    part = audio[SAMPLES_PER_FRAME * plan.first : SAMPLES_PER_FRAME * plan.stop]
    listener = Listener(evaluators, part)
    index = 0
    for frames in read_frames(path, fps=fps, chunk=chunk):
        wanted = [i for i in range(len(frames)) if plan.first <= index + i < plan.stop]
        if wanted:
            listener.see(np.stack([plan.cut(frames[i], index + i) for i in wanted]))
        index += len(frames)
        if index >= plan.stop:
            break
    return listener.embeddings()
