"""Lip sync by joint embeddings: LSE-C, LSE-D and the audio-video offset, with syncnet_python's arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metrics.features.clip import Measured
from metrics.registry import MetricSpec, metric

VSHIFT = 15
EPSILON = 1e-6
"""torch's `pairwise_distance` adds this to every difference; so must we to equal it."""


@dataclass(frozen=True, slots=True)
class SyncScore:
    """What syncnet_python prints for one clip."""

    offset: int
    """Frames by which the audio lags (`AV offset`); 0 is in sync."""
    lse_d: float
    """Smallest mean distance over shifts (`Min dist`)."""
    lse_c: float
    """Median minus smallest mean distance (`Confidence`)."""
    mean_distances: NDArray[np.float64]
    """(2 * vshift + 1,) mean distance at each shift, from -vshift to vshift."""


def sync_score(video: NDArray[np.floating], audio: NDArray[np.floating], vshift: int = VSHIFT) -> SyncScore:
    """Score (W, E) embeddings of video and audio windows.

    As `SyncNetInstance.evaluate`: audio is padded with zero embeddings by `vshift` on both sides (which flattens the
    outer shifts of short clips), distances are averaged over windows per shift. Raises ValueError on unequal or empty
    input.
    """
    if video.shape != audio.shape or video.ndim != 2 or len(video) == 0:
        raise ValueError(f"embeddings must be two equal (W, E) arrays, not empty, got {video.shape} and {audio.shape}")
    v = video.astype(np.float64)
    padded = np.pad(audio.astype(np.float64), ((vshift, vshift), (0, 0)))
    n = len(v)
    means = np.array(
        [np.linalg.norm(v - padded[shift : shift + n] + EPSILON, axis=1).mean() for shift in range(2 * vshift + 1)]
    )
    best = int(means.argmin())
    return SyncScore(vshift - best, float(means[best]), float(np.median(means) - means[best]), means)


def _score(measured: Measured) -> SyncScore:
    return sync_score(*measured.generated.sync())


_PARTS = (("vshift", str(VSHIFT)), ("pad", "zero"), ("pool", "clip-mean"))
_SOURCE = "joonson/syncnet_python SyncNetInstance.evaluate (calc_pdist)"


@metric(
    MetricSpec(
        name="lse_c",
        title="LSE-C",
        unit="",
        higher_is_better=True,
        bounds=(0.0, float("inf")),
        needs=("sync",),
        source=_SOURCE,
        parts=_PARTS,
        reference=False,
        group="Lips and face",
        help="Confidence of the sync judge that lips and voice belong together.",
        sees=("lip_flatten", "voice_swap"),
    )
)
def lse_c(measured: Measured) -> float:
    """Sync confidence of one clip."""
    return _score(measured).lse_c


@metric(
    MetricSpec(
        name="lse_d",
        title="LSE-D",
        unit="",
        higher_is_better=False,
        bounds=(0.0, float("inf")),
        needs=("sync",),
        source=_SOURCE,
        parts=_PARTS,
        reference=False,
        group="Lips and face",
        help="Distance between lip and voice embeddings at the best offset.",
        sees=("lip_flatten", "voice_swap"),
    )
)
def lse_d(measured: Measured) -> float:
    """Sync distance of one clip."""
    return _score(measured).lse_d


@metric(
    MetricSpec(
        name="av_offset",
        title="AV offset",
        unit="frames",
        higher_is_better=None,
        bounds=(-float(VSHIFT), float(VSHIFT)),
        needs=("sync",),
        source=_SOURCE,
        parts=_PARTS,
        reference=False,
        group="Lips and face",
        help="Offset between picture and voice, in frames.",
        sees=("av_shift",),
        target=0.0,
    )
)
def av_offset(measured: Measured) -> float:
    """Audio-video offset of one clip, in frames; the mean over clips keeps the sign."""
    return float(_score(measured).offset)
