"""Truth of one embedded-world clip, frame by frame: what the renderer and the voice actually did.

Stored beside a clip as `<nnn>.truth.npz`. Imports numpy alone.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eap.constants import N_LANDMARKS
from eap.errors import DataError
from eap.files import atomic_write

N_VISEMES = 8

_FORMAT = 1
_FLOAT_FIELDS = ("landmarks", "alpha", "valence", "arousal", "au", "viseme", "head", "f0")


@dataclass(frozen=True, eq=False)
class Truth:
    """Exact state of a face and its voice at every frame t = [t/fps, (t+1)/fps) s, for T frames.

    landmarks: (T, 68, 2) float32, iBUG-68 order, pixels (x, y). alpha: (T,) float32, expression strength 0..1.
    valence, arousal: (T,) float32 in [-1, 1]. au: (T, A) float32, au_names: A names. phoneme: (T,) str.
    viseme: (T, 8) float32. head: (T, 3) float32 radians: yaw, pitch, roll. f0: (T,) float32 Hz, 0 where unvoiced.
    Raises DataError when a shape disagrees or a number is not finite.
    """

    fps: float
    landmarks: NDArray[np.float32]
    alpha: NDArray[np.float32]
    valence: NDArray[np.float32]
    arousal: NDArray[np.float32]
    au: NDArray[np.float32]
    au_names: tuple[str, ...]
    phoneme: NDArray[np.str_]
    viseme: NDArray[np.float32]
    head: NDArray[np.float32]
    f0: NDArray[np.float32]

    def __post_init__(self) -> None:
        for name in _FLOAT_FIELDS:
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype=np.float32))
        object.__setattr__(self, "phoneme", np.asarray(self.phoneme, dtype=np.str_))
        object.__setattr__(self, "au_names", tuple(str(name) for name in self.au_names))
        self._check()

    def _check(self) -> None:
        t = len(self.alpha)
        shapes = {
            "landmarks": (t, N_LANDMARKS, 2),
            "alpha": (t,),
            "valence": (t,),
            "arousal": (t,),
            "au": (t, len(self.au_names)),
            "phoneme": (t,),
            "viseme": (t, N_VISEMES),
            "head": (t, 3),
            "f0": (t,),
        }
        for name, shape in shapes.items():
            found = getattr(self, name).shape
            if found != shape:
                raise DataError(f"truth: {name} has shape {found}, expected {shape}", fix="give every field T rows")
        for name in _FLOAT_FIELDS:
            if not np.isfinite(getattr(self, name)).all():
                raise DataError(f"truth: {name} holds a number that is not finite", fix="write the clip again")
        if not self.fps > 0:
            raise DataError(f"truth: fps is {self.fps}", fix="fps must be above 0")

    def __len__(self) -> int:
        """Number of frames T."""
        return len(self.alpha)

    @property
    def intensity(self) -> NDArray[np.float32]:
        """(T,) float32: r = sqrt(valence^2 + arousal^2)."""
        intensity: NDArray[np.float32] = np.hypot(self.valence, self.arousal).astype(np.float32)
        return intensity


def save_truth(path: str | Path, truth: Truth) -> None:
    """Write `truth` as a compressed .npz, whole or not at all; the same truth gives the same bytes."""
    arrays: dict[str, NDArray[np.generic]] = {
        "format": np.array(_FORMAT),
        "fps": np.array(float(truth.fps)),
        "au_names": np.array(truth.au_names, dtype=np.str_),
        "phoneme": truth.phoneme,
    }
    for name in _FLOAT_FIELDS:
        arrays[name] = getattr(truth, name)
    with atomic_write(Path(path)) as handle:
        np.savez_compressed(handle, allow_pickle=False, **arrays)


def load_truth(path: str | Path) -> Truth:
    """Read a Truth written by `save_truth`. Raises DataError naming the file when it is missing or not one."""
    path = Path(path)
    try:
        with np.load(path, allow_pickle=False) as stored:
            fields = {name: stored[name] for name in stored.files}
        version = int(fields.pop("format"))
        if version != _FORMAT:
            raise DataError(f"{path}: truth format {version}, this version reads {_FORMAT}", fix="write the data again")
        return Truth(fps=float(fields.pop("fps")), au_names=tuple(fields.pop("au_names").tolist()), **fields)
    except (OSError, ValueError, KeyError, TypeError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        if not path.exists():
            raise DataError(f"{path}: no such truth file", fix="check the path") from error
        raise DataError(f"{path}: not a truth file ({type(error).__name__})", fix="write the data again") from error
    except DataError as error:
        if str(path) in str(error):
            raise
        raise DataError(f"{path}: {error}", fix="write the data again") from error
