"""The four published ways of cutting a face out before SyncNet looks at it. One clip has four different LSE numbers.

- `lrs-frame`: the whole frame, resized to 224x224 (Wav2Lip's calculate_scores_LRS.py). Right only for clips that are
  face crops already; aspect ratio is not kept. Needs no face detector.
- `s3fd-track`: syncnet_python's run_pipeline.py: S3FD boxes, tracks of more than 100 frames, median filter, crop scale
  .4. Clips of 100 frames (4 s) or fewer have no track and no score.
- `s3fd-track50`: the same with tracks of more than 50 frames, as LatentSync's evaluation sets it.
- `fan-224`: EAT's and PC-AVS' crop: 68 landmarks, one similarity per clip, the mouth pinned to (112, 120) frame by
  frame. Every frame must show a face.

Known differences to the scripts, in all four: frames are not written to JPEG (nor tracks to XVID) in between, and the
S3FD is face-alignment's, whose weights are those of the scripts' in another file. Of several tracks the longest one is
scored, the first of equals.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from metrics.evaluators.faces import FaceFinder, Frame, Frames
from metrics.evaluators.syncnet import SIZE
from metrics.evaluators.tracks import TrackPlanner
from metrics.registry import Unmeasurable

LRS_FRAME: Final = "lrs-frame"
S3FD_TRACK: Final = "s3fd-track"
S3FD_TRACK_50: Final = "s3fd-track50"
FAN_224: Final = "fan-224"
SYNC_CROPS: Final = (LRS_FRAME, S3FD_TRACK, S3FD_TRACK_50, FAN_224)
MIN_TRACK: Final = {S3FD_TRACK: 100, S3FD_TRACK_50: 50}

Array = NDArray[np.float64]


class CropPlan(Protocol):
    """What is cut out of a clip, known only when all of it was seen: frames `first` up to but without `stop`."""

    @property
    def first(self) -> int:
        """First frame that is scored."""
        ...

    @property
    def stop(self) -> int:
        """The frame after the last one."""
        ...

    @property
    def remark(self) -> str:
        """What else was found, or ''."""
        ...

    def cut(self, frame: Frame, index: int) -> Frame:
        """The crop (224, 224, 3) of frame `index`, RGB as given."""
        ...


class Planner(Protocol):
    """Looks at a whole clip block by block, then says how to cut it."""

    def see(self, frames: Frames) -> None:
        """The next frames (n, H, W, 3)."""
        ...

    def plan(self) -> CropPlan:
        """Raises Unmeasurable when this way of cropping has nothing to cut."""
        ...


def planner(crop: str, finder: FaceFinder | None) -> Planner | None:
    """The planner of a way of cropping; None for `lrs-frame`, which needs none. Raises ValueError without a finder."""
    if crop == LRS_FRAME:
        return None
    if finder is None:
        raise ValueError(f"{crop} needs a face finder")
    return FanPlanner(finder) if crop == FAN_224 else TrackPlanner(finder, MIN_TRACK[crop])


def whole_frame(frame: Frame) -> Frame:
    """The frame resized to 224x224 by OpenCV's bilinear rule; one that has this size already comes back as it is."""
    import cv2

    if frame.shape[:2] == (SIZE, SIZE):
        return frame
    return np.asarray(cv2.resize(frame, (SIZE, SIZE)), np.uint8)


# --- fan-224 ---------------------------------------------------------------------------------------------------------

EYES_AND_MOUTH: Final = np.array([[87.0, 59.0], [137.0, 59.0], [112.0, 120.0]])
"""Where the clip's mean eyes and every frame's mouth are put."""
MOUTH_MEMORY: Final = 0.2
_PARTS: Final = (slice(36, 42), slice(42, 48), slice(60, 68))


def eyes_and_mouth(landmarks: NDArray[np.floating]) -> Array:
    """(T, 3, 2): centres of both eyes and of the inner mouth of (T, 68, 2) landmarks."""
    return np.stack([landmarks[:, part].astype(np.float64).mean(axis=1) for part in _PARTS], axis=1)


def fan_matrices(landmarks: NDArray[np.floating]) -> Array:
    """(T, 2, 3) affine matrices, frame to crop, of landmarks (T, 68, 2) that are all finite.

    One similarity takes the clip's mean points to the template; then each frame is moved so that its mouth lies on
    the template's, smoothed by .2 of the frame before (EAT's _fast_align.py, from PC-AVS' align_68.py).
    """
    from skimage.transform import SimilarityTransform

    points = eyes_and_mouth(landmarks)
    base = SimilarityTransform.from_estimate(points.mean(axis=0), EYES_AND_MOUTH)
    if not base:
        raise Unmeasurable("fan-224: eyes and mouth coincide")
    matrix = np.asarray(base.params, np.float64)[:2]
    mouths = points[:, 2] @ matrix[:, :2].T + matrix[:, 2]
    found = np.repeat(matrix[None], len(points), axis=0)
    before: Array | None = None
    for i, bias in enumerate(EYES_AND_MOUTH[2] - mouths):
        before = bias if before is None else MOUTH_MEMORY * before + (1.0 - MOUTH_MEMORY) * bias
        found[i, :, 2] += before
    return found


@dataclass
class FanPlanner:
    """Gathers landmarks for `fan-224`."""

    finder: FaceFinder
    _landmarks: list[NDArray[np.float32]] = field(default_factory=list)

    def see(self, frames: Frames) -> None:
        """The next frames; see `Planner`."""
        self._landmarks.append(self.finder.find(frames).landmarks)

    def plan(self) -> FanPlan:
        """Raises Unmeasurable when a frame shows no face: EAT's script gives such a clip up."""
        landmarks = np.concatenate(self._landmarks)
        lost = int((~np.isfinite(landmarks).all(axis=(1, 2))).sum())
        if lost:
            raise Unmeasurable(f"fan-224 needs a face in every frame: lost in {lost} of {len(landmarks)}")
        return FanPlan(fan_matrices(landmarks))


@dataclass(frozen=True, eq=False)
class FanPlan:
    """See `CropPlan`."""

    matrices: Array
    first: int = 0
    remark: str = ""

    @property
    def stop(self) -> int:
        """The frame after the last one."""
        return len(self.matrices)

    def cut(self, frame: Frame, index: int) -> Frame:
        """Bilinear warp to 224x224, black outside."""
        import cv2

        return np.asarray(cv2.warpAffine(frame, self.matrices[index], (SIZE, SIZE), borderValue=0.0), np.uint8)
