"""Run real, pretrained face detectors over frames: python real_detectors.py FRAMES.npz OUT.json

Needs numpy and whatever is there of mediapipe (0.10.14 ships its models) and OpenCV 4 (ships its cascades); imports
nothing of this project, so that it runs in an environment of its own. `world_faces` starts it.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

MESH_OF_68 = (
    127, 234, 93, 132, 58, 172, 150, 176, 152, 400, 379, 397, 288, 361, 323, 454, 356,
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300, 168, 197, 5, 4, 98, 97, 2, 326, 327,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87,
)  # fmt: skip
"""The vertex of MediaPipe's face mesh nearest to each iBUG-68 landmark (the usual correspondence; brows and jaw are
defined differently by the two, so part of the error there is definition)."""


def media_pipe(frames: np.ndarray) -> dict[str, Any]:
    """BlazeFace (short range) and FaceMesh: found per frame, landmarks (N, 68, 2) pixels or null."""
    mp = import_module("mediapipe")
    side = frames.shape[1]
    detector = mp.solutions.face_detection.FaceDetection(model_selection=0, min_detection_confidence=0.5)
    mesh = mp.solutions.face_mesh.FaceMesh(
        static_image_mode=True, max_num_faces=1, refine_landmarks=False, min_detection_confidence=0.5
    )
    blaze, found, places = [], [], []
    for frame in frames:
        blaze.append(bool(detector.process(frame).detections))
        faces = mesh.process(frame).multi_face_landmarks
        found.append(bool(faces))
        points = [[p.x * side, p.y * side] for p in faces[0].landmark] if faces else None
        places.append([points[i] for i in MESH_OF_68] if points else None)
    version = f"mediapipe {mp.__version__}"
    return {
        f"{version} BlazeFace short range": {"found": blaze},
        f"{version} FaceMesh": {"found": found, "landmarks": places},
    }


def cascades(frames: np.ndarray) -> dict[str, Any]:
    """OpenCV's frontal Haar cascades; nothing where the wheel ships none (OpenCV 5)."""
    cv2 = import_module("cv2")
    results: dict[str, Any] = {}
    for name in ("default", "alt2"):
        path = Path(cv2.data.haarcascades) / f"haarcascade_frontalface_{name}.xml"
        if not path.exists():
            continue
        cascade = cv2.CascadeClassifier(str(path))
        grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
        least = frames.shape[1] // 4
        found = [len(cascade.detectMultiScale(one, 1.05, 3, minSize=(least, least))) > 0 for one in grey]
        results[f"OpenCV {cv2.__version__} Haar {name}"] = {"found": found}
    return results


def main() -> None:
    """Run every detector that is here."""
    frames = np.load(sys.argv[1])["frames"]
    results: dict[str, Any] = {}
    for tool in (media_pipe, cascades):
        try:
            results |= tool(frames)
        except ImportError as error:
            print(f"{tool.__name__}: {error}", file=sys.stderr)
    Path(sys.argv[2]).write_text(json.dumps(results), encoding="utf-8")


if __name__ == "__main__":
    main()
