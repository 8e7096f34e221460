"""The features of one clip, and of a pair of clips: plain arrays, no files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from metrics.registry import Need, Unmeasurable

Array = NDArray[np.float64]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class ClipFeatures:
    """What the evaluators saw on one clip of T frames. An array that was not computed is None; `missing` says why."""

    key: str
    """Hash of the media's bytes."""
    n_frames: int
    width: int
    height: int
    fps: float
    has_audio: bool
    landmarks: Floats | None = None
    """(T, 68, 2) pixels (x, y), iBUG-68; nan where no face was found."""
    emotion: Floats | None = None
    """(T, 8) probabilities in the order of `eap.constants.EMOTIONS`."""
    affect: Floats | None = None
    """(T, 2) valence, arousal."""
    identity: Floats | None = None
    """(E,) mean of the frames' unit embeddings, of unit length."""
    sync_video: Floats | None = None
    """(W, E) embeddings of the 5-frame windows that start at frame 0..W-1."""
    sync_audio: Floats | None = None
    """(W, E) embeddings of the same windows' sound."""
    features: Floats | None = None
    """(T, D) image features for FID."""
    loudness: Floats | None = None
    """(T,) level of the sound during each frame, dB of full scale; nan where there is no sound."""
    faces: Floats | None = None
    """(T,) how many faces an evaluator that finds faces saw; None from evaluators that take the frame as a face."""
    source_fps: float = 0.0
    """Frame rate of the file, before it was read at `fps`; 0 where it is not known."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """Need -> why it could not be computed."""
    remarks: Mapping[str, str] = field(default_factory=dict)
    """Need -> what is to be said beside its numbers."""

    def need(self, name: Need, side: str = "generated") -> Floats:
        """The array of that need. Raises Unmeasurable with the reason when there is none."""
        array: Floats | None = self.sync_video if name == "sync" else getattr(self, name)
        if array is None:
            raise Unmeasurable(f"{side}: {self.missing.get(name, f'{name} was not computed')}")
        return array

    def sync(self) -> tuple[Floats, Floats]:
        """Video and audio embeddings, (W, E) each. Raises Unmeasurable when there are none."""
        video = self.need("sync")
        if self.sync_audio is None:
            raise Unmeasurable(f"generated: {self.missing.get('sync', 'no audio embeddings')}")
        return video, self.sync_audio

    def intensity(self, side: str = "generated") -> Array:
        """(T,) r = sqrt(valence^2 + arousal^2)."""
        affect = self.need("affect", side).astype(np.float64)
        return np.hypot(affect[:, 0], affect[:, 1])

    def series(self, name: Literal["valence", "arousal", "intensity"], side: str = "generated") -> Array:
        """(T,) judged valence, arousal or intensity. Raises Unmeasurable when affect was not judged."""
        if name == "intensity":
            return self.intensity(side)
        return np.asarray(self.need("affect", side)[:, 0 if name == "valence" else 1], np.float64)


@dataclass(frozen=True)
class PairFeatures:
    """Per-frame image measures of a generated clip against its reference, or why there are none."""

    psnr: Array | None = None
    """(T,) decibel; inf where the frames are identical."""
    ssim: Array | None = None
    """(T,) in [-1, 1]."""
    reason: str = ""

    def series(self, name: str) -> Array:
        """`psnr` or `ssim`. Raises Unmeasurable with the reason when the frames could not be paired."""
        array: Array | None = getattr(self, name)
        if array is None:
            raise Unmeasurable(self.reason or "frames were not compared")
        return array


@dataclass(frozen=True)
class Measured:
    """All that a clip metric may look at."""

    generated: ClipFeatures
    reference: ClipFeatures | None = None
    pair: PairFeatures | None = None
    emotion: str | None = None
    """The emotion the driving voice carries (MEAD spelling), when known."""
    truth_intensity: Array | None = None
    """(T,) exact r per frame, when known; else the reference's pseudo labels stand in."""
    truth_affect: Array | None = None
    """(T, 2) exact valence and arousal per frame, when known."""
    twin: ClipFeatures | None = None
    """Landmarks of the reference's true neutral twin: the same take without any emotion, frame by frame."""
    twin_reason: str = "no neutral twin of the reference is known"
    """Why there is no twin."""
    quality: Mapping[str, Array | str] = field(default_factory=dict)
    """Metric of `metrics.iqa` -> (T,) of its frames, or why there are none."""
    max_length_difference: int = 1

    def reference_features(self) -> ClipFeatures:
        """The reference's features. Raises Unmeasurable when there is no reference."""
        if self.reference is None:
            raise Unmeasurable("no reference clip")
        return self.reference

    def true_series(self, name: Literal["valence", "arousal", "intensity"]) -> tuple[Array, str]:
        """(T,) truth of that name and what it is called in a reason: exact, else the reference's pseudo labels."""
        if name == "intensity" and self.truth_intensity is not None:
            return np.asarray(self.truth_intensity, np.float64), "truth"
        if name != "intensity" and self.truth_affect is not None:
            return np.asarray(self.truth_affect[:, 0 if name == "valence" else 1], np.float64), "truth"
        return self.reference_features().series(name, "reference"), "reference"

    def quality_series(self, name: str) -> Array:
        """(T,) of a metric of `metrics.iqa`. Raises Unmeasurable with the reason when there is none."""
        found = self.quality.get(name, "was not computed")
        if isinstance(found, str):
            raise Unmeasurable(found)
        return found

    def images(self) -> PairFeatures:
        """The per-frame image measures. Raises Unmeasurable when there is no reference."""
        if self.pair is None:
            raise Unmeasurable("frames were not compared with a reference")
        return self.pair

    def paired_length(self, n_reference: int, what: str = "reference") -> int:
        """Frames both have. Raises Unmeasurable when the lengths differ by more than the protocol allows."""
        n = self.generated.n_frames
        return paired_length(n, n_reference, self.max_length_difference, what)


def paired_length(n: int, n_reference: int, allowed: int, what: str = "reference") -> int:
    """The shorter length. Raises Unmeasurable when the two differ by more than `allowed` or one is 0."""
    if abs(n - n_reference) > allowed:
        raise Unmeasurable(f"length differs: {n} frames, {what} has {n_reference}")
    if min(n, n_reference) == 0:
        raise Unmeasurable("no frames")
    return min(n, n_reference)
