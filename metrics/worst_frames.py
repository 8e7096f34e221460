"""The frame where a clip is worst, for metrics that are means over frames: where a player opens.

A curve's mean over its known frames is the clip's value, so its worst frame is the one that costs the clip most.
Metrics of whole clips (accuracy, correlations, CSIM, FID) have no such frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from eap.constants import EMOTIONS
from metrics.features.clip import Array, Measured
from metrics.lmd import FACE, MOUTH, frame_distances, interocular, valid_frames
from metrics.psnr import IDENTICAL_DB
from metrics.registry import Unmeasurable, get_metric
from metrics.sync import EPSILON, VSHIFT, sync_score

if TYPE_CHECKING:
    import pandas as pd

    from metrics.measure import Setup
    from metrics.results import ClipReading

WORST_FRAME_COLUMNS = ("metric", "method", "track", "clip", "frame", "value")
HALF_WINDOW = 2
"""Frames before the middle of the sync judge's windows of five."""


@dataclass(frozen=True, slots=True)
class WorstFrame:
    """One metric on one clip: the frame (from 0) that is worst, and its own value."""

    metric: str
    method: str
    track: str
    clip: str
    frame: int
    value: float


def _psnr(measured: Measured) -> Array:
    return np.minimum(measured.images().series("psnr"), IDENTICAL_DB)


def _ssim(measured: Measured) -> Array:
    return measured.images().series("ssim")


def _landmarks(points: slice, *, pixels: bool = False) -> Callable[[Measured], Array]:
    def curve(measured: Measured) -> Array:
        theirs = measured.reference_features().need("landmarks", "reference")
        n = measured.paired_length(len(theirs))
        ours, theirs = measured.generated.need("landmarks")[:n], theirs[:n]
        valid = valid_frames(ours, theirs)
        distances = np.where(valid, frame_distances(ours, theirs, points), np.nan)
        scale = 1.0 if pixels else interocular(theirs[valid])
        return distances / (scale if scale > 0 else np.nan)

    return curve


def _sync(measured: Measured) -> Array:
    video, audio = (side.astype(np.float64) for side in measured.generated.sync())
    shift = VSHIFT - sync_score(video, audio).offset
    heard = np.pad(audio, ((VSHIFT, VSHIFT), (0, 0)))[shift : shift + len(video)]
    # A window stands at its middle frame.
    return np.pad(np.linalg.norm(video - heard + EPSILON, axis=1), HALF_WINDOW, constant_values=np.nan)


def _emotion(measured: Measured) -> Array:
    if measured.emotion is None:
        raise Unmeasurable("the emotion of this clip is not known")
    return measured.generated.need("emotion")[:, EMOTIONS.index(measured.emotion)].astype(np.float64)


CURVES: Mapping[str, Callable[[Measured], Array]] = {
    "psnr": _psnr,
    "ssim": _ssim,
    "m_lmd": _landmarks(MOUTH),
    "f_lmd": _landmarks(FACE),
    "m_lmd_px": _landmarks(MOUTH, pixels=True),
    "f_lmd_px": _landmarks(FACE, pixels=True),
    "lse_d": _sync,
    "emotion_probability": _emotion,
}
"""Metric -> its (T,) values by frame; nan where a frame was not measured. Raises Unmeasurable as the metric does."""
_OF_THE_WHOLE_CLIP = frozenset({"lse_d", "emotion_probability"})
"""Those that eat-2023, too, reads frame by frame; its crops leave frames out, so their frames are not the clip's."""


def worst_of(values: Array, *, higher_is_better: bool) -> int | None:
    """Index of the worst of (T,) values, the first of equals; None when none is known or all known are alike."""
    known = np.isfinite(values)
    if not known.any() or np.ptp(values[known]) == 0:
        return None
    loss = -values if higher_is_better else values
    return int(np.argmax(np.where(known, loss, -np.inf)))


def worst_frames(measured: Measured, reading: ClipReading, setup: Setup) -> list[WorstFrame]:
    """The worst frame of a clip for every metric of `setup` that has one."""
    found = []
    for name in setup.metrics:
        if name not in CURVES or (setup.protocol.eat and name not in _OF_THE_WHOLE_CLIP):
            continue
        try:
            values = CURVES[name](measured)
        except Unmeasurable:
            continue  # the clip's value says why
        frame = worst_of(values, higher_is_better=bool(get_metric(name).spec.higher_is_better))
        if frame is not None:
            row = WorstFrame(name, reading.method, reading.track, reading.clip_id, frame, float(values[frame]))
            found.append(row)
    return found


def worst_frames_frame(found: Iterable[WorstFrame]) -> pd.DataFrame:
    """Worst frames as a pandas frame with fixed column types."""
    import pandas as pd

    table = pd.DataFrame([asdict(row) for row in found], columns=list(WORST_FRAME_COLUMNS))
    return table.astype({"frame": "int64", "value": "float64"})
