"""S3FD boxes and 2DFAN landmarks through the package face-alignment 1.5.0 (BSD-3; extra `official`).

The package would download its weights by itself; here it is given the files of `eap-bench weights`, hash checked.
torch.compile, its default, is left off: it takes minutes to begin and changes numbers from machine to machine.
"""

from __future__ import annotations

import warnings
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from eap.errors import WeightsError
from eap.perception.official.loading import load_strictly, read_state
from metrics.evaluators.faces import Floats, FoundFaces, Frame, Frames, largest, nothing_found

EXTRA = "official"
MISSING = "needs the package face-alignment; install it with: pip install 'eap-bench[official]'"
THRESHOLD = 0.5
"""Score above which the package calls a box a face."""


def installed() -> bool:
    """Whether the package is there (without importing it)."""
    return find_spec("face_alignment") is not None


class FanFaces:
    """See `metrics.evaluators.faces.FaceFinder`. `detector` and `landmarks` are weight files with their sha256."""

    def __init__(self, detector: tuple[Path, str], landmarks: tuple[Path, str], device: str = "cpu") -> None:
        if not installed():
            raise WeightsError(f"S3FD and 2DFAN: {MISSING}", fix="or choose --evaluators mediapipe")
        self._detector, self._landmarks, self._device = detector, landmarks, device

    @property
    def name(self) -> str:
        """`s3fd-619a3168+2dfan4-11f355bf`."""
        return f"s3fd-{self._detector[1][:8]}+2dfan4-{self._landmarks[1][:8]}"

    def weights(self) -> dict[str, str]:
        """Hashes of both files."""
        return {"s3fd": self._detector[1], "fan": self._landmarks[1]}

    def __getstate__(self) -> dict[str, object]:
        return {key: value for key, value in self.__dict__.items() if key != "_network"}

    @cached_property
    def _network(self) -> Any:
        """The package's `FaceAlignment`, with our files in place of its downloads."""
        from face_alignment import FaceAlignment, LandmarksType
        from face_alignment.models import FAN

        file = self._landmarks[0]

        class Pinned(FaceAlignment):
            def _load_native(self, _name: str, size: int, device: str, dtype: Any) -> Any:
                return load_strictly(FAN(size), read_state(file), file).to(device, dtype=dtype)

        return Pinned(
            LandmarksType.TWO_D,
            device=self._device,
            compile=False,
            face_detector="sfd",
            face_detector_kwargs={"path_to_detector": str(self._detector[0]), "filter_threshold": THRESHOLD},
        )

    def find(self, frames: Frames) -> FoundFaces:
        """Boxes and landmarks of the largest face of each frame; see `FaceFinder.find`."""
        found = nothing_found(len(frames))
        for i, frame in enumerate(frames):
            # Boxes go back as they came: the package works on Python floats or float64 and fails on float32.
            seen = np.asarray(self._network.face_detector.detect_from_image(frame.copy()), np.float64)
            if len(seen) == 0:
                continue
            seen = seen.reshape(-1, 5)
            box = seen[largest(seen)]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                points = self._network.get_landmarks_from_image(frame, detected_faces=[box])
            found.boxes[i], found.counts[i] = box[:4], len(seen)
            found.landmarks[i] = np.asarray(points[0], np.float32)[:, :2]
        return found

    def boxes(self, frame: Frame, scale: float, threshold: float) -> Floats:
        """S3FD boxes above a score, found at another size; see `FaceFinder.boxes`."""
        import cv2

        small = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
        seen = np.asarray(self._network.face_detector.detect_from_image(small), np.float32).reshape(-1, 5)
        kept = seen[seen[:, 4] > threshold]
        return np.ascontiguousarray(kept[np.argsort(-kept[:, 4], kind="stable"), :4] / np.float32(scale))
