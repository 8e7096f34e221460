"""r_hat(t): how intense the made frames look to the frozen F and psi that trained the model (Eq. 7)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from eap.bundle.store import load_into
from eap.model.intensity import IntensityRegressor
from eap.perception.teachers import FaceTeacher
from eap.perception.zoo import load_teacher


class IntensityReader:
    """psi(F(frame)). It taught the model, so it explains and does not judge: measuring has evaluators of its own."""

    def __init__(self, face: FaceTeacher, psi: IntensityRegressor) -> None:
        self._face, self._psi = face.eval(), psi.eval()

    @classmethod
    def from_bundle(cls, folder: Path | None = None) -> IntensityReader:
        """The bundled F and psi. Raises WeightsError where one is missing or damaged."""
        psi = IntensityRegressor()
        load_into(psi, "psi", folder)
        return cls(load_teacher(folder), psi)

    def read(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(n,) r_hat >= 0 of frames (n,S,S,3) uint8."""
        images = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255
        with torch.inference_mode():
            r_hat: NDArray[np.float32] = self._psi(self._face(images).embedding).numpy()
        return r_hat
