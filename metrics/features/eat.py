"""Features as protocol eat-2023 wants them: measured on 128x128 crops that were encoded once more.

Step 1 of EAT's evaluation (preprocess.py) writes such a clip for both sides, and everything but sync and emotion is
computed on it. The faults this brings are listed in `metrics.eat2023`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from eap.errors import MeasureError, MediaError, WeightsError
from eap.files import atomic_path, cache_dir
from metrics.features.clip import Array, ClipFeatures, Floats, PairFeatures
from metrics.features.extract import DAMAGED, digest, extract, feature_key, store_arrays
from metrics.features.pair import compare
from metrics.protocols import Protocol
from metrics.registry import Need, Unmeasurable

if TYPE_CHECKING:
    from metrics.evaluators import EvaluatorSet

VERSION = "1"
NOSE_AND_EYES: Final = slice(27, 45)
WARP_SIDE: Final = 163
CROP: Final = slice(1, 129)
SIDE: Final = 128
FID_FRAMES: Final = 5
_ON_CROP: frozenset[Need] = frozenset({"landmarks", "features"})

Frame = NDArray[np.uint8]


def crop_frame(frame: Frame, landmarks: NDArray[np.floating], template: NDArray[np.floating]) -> Frame:
    """The aligned face (128, 128, 3) of a frame by its 68 landmarks, as utils_crop.crop_and_align.

    Landmarks are rounded to whole pixels; the similarity that takes the template's points 27..44 to the frame's is
    fitted, the frame warped to 163x163 and its upper left 128x128 cut out. Raises Unmeasurable when points coincide.
    """
    from skimage.transform import SimilarityTransform, warp

    points = np.rint(landmarks).astype(np.int64)[NOSE_AND_EYES].astype(np.float32)
    fitted = SimilarityTransform.from_estimate(template[NOSE_AND_EYES].astype(np.float32), points)
    if not fitted:
        raise Unmeasurable("eat128: the face's points coincide")
    warped = warp(frame, fitted, output_shape=(WARP_SIDE, WARP_SIDE))  # type: ignore[no-untyped-call]
    return np.asarray((warped * 255).astype(np.uint8)[CROP, CROP], np.uint8)


@lru_cache(maxsize=4)
def read_template(path: Path) -> Array:
    """The (68, 2) template of the crop. Raises WeightsError when the file is another one."""
    try:
        found = np.load(path, allow_pickle=False)
    except DAMAGED as error:
        raise WeightsError(f"{path}: not an array", fix="fetch it again") from error
    if found.shape != (68, 2) or not np.isfinite(found.astype(np.float64)).all():
        raise WeightsError(f"{path}: {found.shape} is no template of 68 points", fix="fetch it again")
    return np.asarray(found, np.float64)


def eat_crop(path: Path, evaluators: EvaluatorSet | None, fps: float, *, cache: bool = True) -> Path:
    """The aligned, re-encoded clip of a video, made once and kept in the cache.

    Frames without a face are left out, as EAT's script does. Raises Unmeasurable when no frame is left or nobody can
    find faces, WeightsError without the template, MediaError when the file cannot be read.
    """
    from metrics.evaluators.weights import require

    if evaluators is None or "landmarks" not in evaluators.provides:
        why = evaluators.why_not("landmarks") if evaluators is not None else "no evaluators"
        raise Unmeasurable(f"the crop eat128 needs landmarks: {why}")
    file, sha256 = require("eat-template")
    need: frozenset[Need] = frozenset({"landmarks"})
    key = digest({"clip": feature_key(path, evaluators, need, fps), "template": sha256, "version": VERSION})
    target = cache_dir() / "eat128" / key[:2] / f"{key}.mp4"
    if cache and target.is_file():
        return target
    landmarks = extract(path, evaluators, need, fps=fps, cache=cache).need("landmarks")
    _write(target, _aligned(path, landmarks, read_template(file), fps), fps)
    return target


def _aligned(path: Path, landmarks: Floats, template: Array, fps: float) -> Iterator[Frame]:
    for frame, points in zip(_frames(path, fps), landmarks, strict=True):
        if np.isfinite(points).all():
            yield crop_frame(frame, points, template)


def _write(path: Path, frames: Iterator[Frame], fps: float) -> None:
    """Encode as EAT does: OpenCV's VideoWriter, MPEG-4 at its default rate (so not through `eap.media`)."""
    import cv2

    count = 0
    try:
        with atomic_path(path) as temporary:
            writer = cv2.VideoWriter(str(temporary), cv2.VideoWriter.fourcc(*"mp4v"), fps, (SIDE, SIDE))
            if not writer.isOpened():
                raise MeasureError(f"{path}: OpenCV cannot write MPEG-4", fix="install opencv with FFmpeg")
            for frame in frames:
                writer.write(np.ascontiguousarray(frame[:, :, ::-1]))
                count += 1
            writer.release()
            if count == 0:
                raise Unmeasurable("no frame has a face")
    except OSError as error:
        fix = "free some space or set EAP_CACHE to another folder"
        raise MeasureError(f"{path}: cannot write the aligned clip ({error.strerror or error})", fix=fix) from error


def eat_features(
    path: Path,
    evaluators: EvaluatorSet | None,
    needs: frozenset[Need],
    *,
    sound: Path | None = None,
    fps: float = 25.0,
    cache: bool = True,
) -> ClipFeatures:
    """Features of one clip under eat-2023: landmarks and image features of the aligned clip, the rest of the clip.

    Image features are of 5 frames, evenly spread. Raises MediaError when the file cannot be read.
    """
    whole = extract(path, evaluators, needs - _ON_CROP, sound=sound, fps=fps, cache=cache)
    wanted = needs & _ON_CROP
    if not wanted:
        return whole
    try:
        crop = eat_crop(path, evaluators, fps, cache=cache)
    except (Unmeasurable, WeightsError) as error:
        return replace(whole, missing={**whole.missing, **dict.fromkeys(wanted, str(error))})
    found: dict[str, Floats | None] = {}
    missing = dict(whole.missing)
    if "landmarks" in wanted:
        found["landmarks"] = extract(crop, evaluators, frozenset({"landmarks"}), fps=fps, cache=cache).landmarks
    if "features" in wanted and evaluators is not None:
        if why := evaluators.why_not("features"):
            missing["features"] = why
        else:
            found["features"] = _image_features(crop, evaluators, fps, cache)
    return replace(whole, key=f"eat-{whole.key}", missing=missing, **found)  # type: ignore[arg-type]


def _image_features(crop: Path, evaluators: EvaluatorSet, fps: float, cache: bool) -> Floats:
    label = f"{evaluators.label('features')} {evaluators.weights()}"
    key = digest({"crop": crop.stem, "frames": FID_FRAMES, "label": label, "version": VERSION})
    path = cache_dir() / "features" / key[:2] / f"{key}.npz"
    if cache:
        try:
            with np.load(path, allow_pickle=False) as stored:
                return np.asarray(stored["features"], np.float32)
        except DAMAGED:
            pass  # not there, or damaged: it is computed again
    count = count_frames(crop, fps)
    frames = np.stack(list(chosen_frames(crop, fps, spread(count, min(count, FID_FRAMES)))))
    features = evaluators.read(frames, frozenset({"features"}))["features"]
    if cache:
        store_arrays(path, {"features": features})
    return features


def eat_compare(
    generated: Path, reference: Path, evaluators: EvaluatorSet | None, protocol: Protocol, *, cache: bool = True
) -> PairFeatures:
    """PSNR and SSIM of the aligned clips' frames, paired by even spread; or the reason why there are none."""
    crops = []
    for path, side in ((generated, "generated"), (reference, "reference")):
        try:
            crops.append(eat_crop(path, evaluators, protocol.fps, cache=cache))
        except (MediaError, WeightsError) as error:
            return PairFeatures(reason=f"{side}: {error}")
        except Unmeasurable as error:
            return PairFeatures(reason=f"{side}: {error}")
    return compare(crops[0], crops[1], protocol, cache=cache)


def spread(n: int, wanted: int) -> NDArray[np.int64]:
    """`wanted` of n frame numbers, evenly spread as EAT does: `np.linspace(0, n, wanted, False)`, rounded down."""
    return np.linspace(0, n, wanted, endpoint=False).astype(np.int64)


def count_frames(path: Path, fps: float) -> int:
    """How many frames a clip has."""
    return sum(1 for _ in _frames(path, fps))


def chosen_frames(path: Path, fps: float, wanted: NDArray[np.int64]) -> Iterator[Frame]:
    """The frames with these rising numbers."""
    numbers = set(wanted.tolist())
    return (frame for i, frame in enumerate(_frames(path, fps)) if i in numbers)


def _frames(path: Path, fps: float) -> Iterator[Frame]:
    from eap.media import read_frames

    for block in read_frames(path, fps=fps, chunk=16):
        yield from block
