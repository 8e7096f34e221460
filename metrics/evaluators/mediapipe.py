"""MediaPipe's FaceMesh (0.10.14, Apache-2.0; extra `mediapipe`): faces and 68 of its 478 points, quick and offline.

Its networks lie inside the package. The 68 points are those mesh vertices that lie nearest to the places of iBUG-68;
distances between them are FaceMesh's and must not be compared with FAN's (the signature tells them apart). The jaw
follows the mesh's outline. Every frame is looked at by itself.
"""

from __future__ import annotations

from functools import cached_property
from importlib.util import find_spec
from typing import Any

import numpy as np

from eap.errors import WeightsError
from metrics.evaluators.faces import Floats, FoundFaces, Frame, Frames, largest, nothing_found
from metrics.registry import Unmeasurable

VERSION = "0.10.14"
MISSING = "needs the package mediapipe 0.10.14; install it with: pip install 'eap-bench[mediapipe]'"
MAX_FACES = 4
CONFIDENCE = 0.5

# Jaw, brows, nose ridge and base, eyes, outer and inner lips, in the order of iBUG-68.
IBUG_68 = (
    162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389,
    71, 63, 105, 66, 107, 336, 296, 334, 293, 301,
    168, 197, 5, 4, 75, 97, 2, 326, 305,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181,
    78, 82, 13, 312, 308, 317, 14, 87,
)  # fmt: skip


def installed() -> bool:
    """Whether the package is there (without importing it)."""
    return find_spec("mediapipe") is not None


class MediapipeFaces:
    """See `metrics.evaluators.faces.FaceFinder`. The box is the hull of all mesh points."""

    name = f"facemesh-{VERSION}"

    def __init__(self) -> None:
        if not installed():
            raise WeightsError(f"FaceMesh: {MISSING}", fix="or choose other --evaluators")

    def weights(self) -> dict[str, str]:
        """The package's version stands for the networks inside it."""
        return {"facemesh": VERSION}

    def __getstate__(self) -> dict[str, object]:
        return {}  # worker processes start their own

    @cached_property
    def _mesh(self) -> Any:
        import mediapipe

        if mediapipe.__version__ != VERSION:
            raise WeightsError(f"mediapipe {mediapipe.__version__}: {MISSING}", fix=f"install mediapipe=={VERSION}")
        return mediapipe.solutions.face_mesh.FaceMesh(
            static_image_mode=True,
            max_num_faces=MAX_FACES,
            refine_landmarks=True,
            min_detection_confidence=CONFIDENCE,
        )

    def find(self, frames: Frames) -> FoundFaces:
        """Boxes and landmarks of the largest face of each frame; see `FaceFinder.find`."""
        found = nothing_found(len(frames))
        for i, frame in enumerate(frames):
            meshes = self._mesh.process(np.ascontiguousarray(frame)).multi_face_landmarks or []
            if not meshes:
                continue
            size = np.array([frame.shape[1], frame.shape[0]], np.float32)
            points = np.array([[(p.x, p.y) for p in mesh.landmark] for mesh in meshes], np.float32) * size
            boxes = np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)
            best = largest(boxes)
            found.boxes[i], found.counts[i] = boxes[best], len(meshes)
            found.landmarks[i] = points[best][list(IBUG_68)]
        return found

    def boxes(self, frame: Frame, scale: float, threshold: float) -> Floats:
        """Raises Unmeasurable: FaceMesh has no scores, and the S3FD track crops cannot be had without."""
        raise Unmeasurable("s3fd-track needs S3FD, choose --evaluators official (FaceMesh gives no scores)")
