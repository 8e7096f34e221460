"""How face-alignment is called: against a stand-in that is as strict as the package (1.5.0) about what it is given.

The package itself: `python -m benchmarks.evidence.extra_packages`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from eap.errors import WeightsError
from eap.files import sha256_file
from metrics.evaluators.fan import FanFaces

SMALL, LARGE = (4.0, 6.0, 20.0, 30.0, 0.9), (10.5, 8.25, 50.0, 60.0, 0.8)


class _Detector:
    def detect_from_image(self, image: NDArray[np.uint8]) -> list[NDArray[np.float64]]:
        """As SFDDetector: a list of float64 rows; nothing in the dark."""
        assert image.dtype == np.uint8
        return [np.array(row) for row in (SMALL, LARGE)] if image.max() > 40 else []


class _FaceAlignment:
    def __init__(self, landmarks_type: int, *, device: str, face_detector: str, **kwargs: Any) -> None:
        assert (landmarks_type, kwargs["compile"], face_detector) == (1, False, "sfd")
        self.face_detector, self.options = _Detector(), kwargs["face_detector_kwargs"]
        self.net = self._load_native("2DFAN-4", 4, device, torch.float32)

    def _load_native(self, name: str, size: int, device: str, dtype: torch.dtype) -> torch.nn.Module:
        raise AssertionError("would download")

    def get_landmarks_from_image(
        self, image: NDArray[np.uint8], detected_faces: list[NDArray[np.float64]]
    ) -> list[NDArray[np.float32]]:
        matrix = torch.eye(3)
        for box in detected_faces:
            matrix[0, 0] = 256 / (box[2] - box[0])  # what the package does: torch refuses float32 scalars here
        return [np.full((68, 2), float(matrix[0, 0]), np.float32) for _ in detected_faces]


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> None:
    module, models = ModuleType("face_alignment"), ModuleType("face_alignment.models")
    module.__dict__.update(FaceAlignment=_FaceAlignment, LandmarksType=SimpleNamespace(TWO_D=1), models=models)
    models.__dict__["FAN"] = lambda size: torch.nn.Linear(size, 2)
    monkeypatch.setitem(sys.modules, "face_alignment", module)
    monkeypatch.setitem(sys.modules, "face_alignment.models", models)
    monkeypatch.setattr("metrics.evaluators.fan.installed", lambda: True)


def _finder(folder: Path, inputs: int = 4) -> FanFaces:
    torch.save(torch.nn.Linear(inputs, 2).state_dict(), folder / "fan.pth")
    (folder / "s3fd.pth").write_bytes(b"read by the package")
    detector, landmarks = ((path, sha256_file(path)) for path in (folder / "s3fd.pth", folder / "fan.pth"))
    return FanFaces(detector, landmarks)


@pytest.mark.usefixtures("package")
def test_the_largest_face_of_each_frame(tmp_path: Path) -> None:
    frames = np.full((3, 64, 64, 3), 90, np.uint8)
    frames[1] = 0
    finder = _finder(tmp_path)
    found = finder.find(frames)
    assert found.counts.tolist() == [2, 0, 2]
    assert found.boxes[0].tolist() == list(LARGE[:4])
    assert found.landmarks[2][5].tolist() == pytest.approx([256 / 39.5] * 2, rel=1e-6)
    assert np.isnan(found.landmarks[1]).all()
    assert finder._network.options == {"path_to_detector": str(tmp_path / "s3fd.pth"), "filter_threshold": 0.5}


@pytest.mark.usefixtures("package")
def test_boxes_of_a_smaller_picture_best_first(tmp_path: Path) -> None:
    boxes = _finder(tmp_path).boxes(np.full((64, 64, 3), 90, np.uint8), 0.5, 0.85)
    assert boxes.tolist() == [[8.0, 12.0, 40.0, 60.0]]


@pytest.mark.usefixtures("package")
def test_a_weight_file_that_does_not_fit_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"fan\.pth"):
        _finder(tmp_path, inputs=5).find(np.full((1, 64, 64, 3), 90, np.uint8))
