"""Landmarks, valence, arousal and emotion of every prepared frame: who reads them, and the file beside a clip.

Real datasets have no such labels. What a network reads stands for them ("pseudo labels"; the paper's r, Eq. 6, is the
length of (valence, arousal)), and the file says which network it was.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from eap.constants import EMOTIONS, N_LANDMARKS
from eap.errors import DataError
from eap.files import atomic_write

if TYPE_CHECKING:
    from eap.perception.teachers import FaceTeacher

SMOOTH: Final = 5
"""Frames of the median over valence and arousal (*our choice*, as in training): a per-frame network jitters."""
_BATCH: Final = 64
_FORMAT: Final = 1

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class FaceLabels:
    """Of T frames: landmarks (T, 68, 2) x, y in units of the frame's side; affect (T, 2) valence and arousal, about
    -1..1; emotion (T, 8) probabilities in the order of EMOTIONS. nan where the reader saw no face."""

    landmarks: Floats
    affect: Floats
    emotion: Floats

    @property
    def intensity(self) -> Floats:
        """(T,) r = sqrt(v^2 + a^2), Eq. 6."""
        found: Floats = np.hypot(self.affect[:, 0], self.affect[:, 1]).astype(np.float32)
        return found

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(T,) whether landmarks were read."""
        return np.asarray(np.isfinite(self.landmarks).all(axis=(1, 2)), np.bool_)


class Labeller(Protocol):
    """Reads prepared frames."""

    @property
    def name(self) -> str:
        """What stands in the record: set, network, first digits of its hash."""
        ...

    @property
    def embedded_only(self) -> bool:
        """Whether its networks know the embedded world alone."""
        ...

    def weights(self) -> dict[str, str]:
        """Network -> sha256 of its file. A model that is trained with these labels had these networks as teachers."""
        ...

    def read(self, frames: NDArray[np.uint8]) -> FaceLabels:
        """Labels of RGB frames (T, S, S, 3), each by itself."""
        ...


class TeacherLabeller:
    """The bundled teacher: one small network, trained on the embedded world, for the embedded world."""

    embedded_only = True

    def __init__(self, folder: Path | None = None) -> None:
        from eap.bundle.store import find_entry
        from eap.perception import zoo

        self._folder = folder
        self._sha256 = find_entry(zoo.TEACHER, folder).sha256

    @property
    def name(self) -> str:
        """`bundled-teacher-1a2b3c4d`."""
        return f"bundled-teacher-{self._sha256[:8]}"

    def weights(self) -> dict[str, str]:
        """See `Labeller.weights`."""
        return {"teacher": self._sha256}

    @cached_property
    def _network(self) -> FaceTeacher:
        from eap.perception import zoo

        return zoo.load_teacher(self._folder)

    def read(self, frames: NDArray[np.uint8]) -> FaceLabels:
        """See `Labeller.read`."""
        import torch

        landmarks, affect, emotion = [], [], []
        with torch.inference_mode():
            for first in range(0, len(frames), _BATCH):
                block = torch.from_numpy(np.ascontiguousarray(frames[first : first + _BATCH]))
                seen = self._network(block.permute(0, 3, 1, 2).float().div_(255.0))
                landmarks.append(seen.landmarks.numpy())
                affect.append(seen.va.numpy())
                emotion.append(seen.emotion_logits.softmax(-1).numpy())
        return FaceLabels(*(np.concatenate(parts).astype(np.float32) for parts in (landmarks, affect, emotion)))


def smoothed(affect: Floats) -> Floats:
    """(T, 2) after a median over `SMOOTH` frames; as it is where a frame was not read."""
    from scipy.ndimage import median_filter

    if not np.isfinite(affect).all():
        return affect
    return np.asarray(median_filter(affect, size=(SMOOTH, 1), mode="nearest"), np.float32)


def save_labels(path: Path, labels: FaceLabels, matrix: NDArray[np.float64], first: int, reader: str) -> None:
    """Write labels as .npz, whole or not at all; the same labels give the same bytes.

    matrix (2, 3): from pixels of the source to pixels of the crop. first: the source's frame (at 25 fps) that is the
    clip's first. reader: who read them.
    """
    arrays: dict[str, NDArray[np.generic]] = {
        "format": np.array(_FORMAT),
        "landmarks": labels.landmarks,
        "valence": labels.affect[:, 0],
        "arousal": labels.affect[:, 1],
        "intensity": labels.intensity,
        "emotion": labels.emotion,
        "emotions": np.array(EMOTIONS),
        "matrix": matrix,
        "first": np.array(first),
        "reader": np.array(reader),
    }
    with atomic_write(path) as handle:
        np.savez_compressed(handle, allow_pickle=False, **arrays)


def load_labels(path: Path) -> FaceLabels:
    """Read what `save_labels` wrote. Raises DataError naming the file when it is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            if int(stored["format"]) != _FORMAT:
                raise ValueError("another format")
            affect = np.stack([stored["valence"], stored["arousal"]], axis=1)
            labels = FaceLabels(stored["landmarks"], affect, stored["emotion"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        what = "is missing" if not path.exists() else "is no file of labels"
        raise DataError(f"{path}: {what}", fix="prepare the dataset again: it makes what is missing") from error
    n = len(labels.landmarks)
    if labels.landmarks.shape != (n, N_LANDMARKS, 2) or labels.emotion.shape != (n, len(EMOTIONS)):
        raise DataError(f"{path}: shapes do not fit", fix="delete it and prepare the dataset again")
    return labels
