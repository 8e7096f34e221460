"""Evaluator sets as readers and finders of a preparation: published networks on real faces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eap.constants import EMOTIONS, N_LANDMARKS
from eap.data.prepare.finding import Finder, Place, Sight, cascade_finder, place_of_landmarks
from eap.data.prepare.labels import FaceLabels, Labeller, TeacherLabeller
from eap.data.prepare.plan import Tools
from eap.errors import ConfigError, WeightsError
from metrics.evaluators import BUNDLED, MEDIAPIPE, OFFICIAL, EvaluatorSet, get_evaluators
from metrics.evaluators.faces import FaceFinder
from metrics.registry import Need

TEACHER: Final = "teacher"
LABELS: Final = (TEACHER, OFFICIAL, MEDIAPIPE)
CASCADE, S3FD, FACEMESH = "cascade", "s3fd", "facemesh"
FINDERS: Final = (CASCADE, S3FD, FACEMESH)
_WANTED: Final[tuple[Need, ...]] = ("landmarks", "emotion", "affect")


class EvaluatorLabeller:
    """Labels by an evaluator set. Raises WeightsError when it has no landmarks, which training cannot do without."""

    def __init__(self, name: str) -> None:
        self._set: EvaluatorSet = get_evaluators(name)
        self.embedded_only = name == BUNDLED
        if why := self._set.why_not("landmarks"):
            raise WeightsError(f"--labels {name}: {why}", fix="choose other labels")
        self._needs = frozenset(need for need in _WANTED if not self._set.why_not(need))

    @property
    def name(self) -> str:
        """All networks by name and first digits of their hashes; `no valence and arousal` where there are none."""
        told = [self._set.label(need) for need in ("landmarks", "emotion") if need in self._needs]
        missing = [] if "affect" in self._needs else ["no valence and arousal"]
        return ", ".join([*told, *missing])

    def weights(self) -> dict[str, str]:
        """See `Labeller.weights`."""
        return dict(self._set.weights())

    def read(self, frames: NDArray[np.uint8]) -> FaceLabels:
        """See `Labeller.read`; nan for what the set does not tell."""
        n, side = len(frames), np.float32(frames.shape[1])
        seen = self._set.read(np.ascontiguousarray(frames), self._needs)
        landmarks = seen.get("landmarks", np.full((n, N_LANDMARKS, 2), np.nan, np.float32)) / side
        affect = seen.get("affect", np.full((n, 2), np.nan, np.float32))
        emotion = seen.get("emotion", np.full((n, len(EMOTIONS)), np.nan, np.float32))
        return FaceLabels(landmarks.astype(np.float32), affect, emotion)


class LandmarkFinder:
    """A face finder that gives landmarks (S3FD with 2DFAN, or FaceMesh): the square is framed by eyes and mouth."""

    def __init__(self, finder: FaceFinder) -> None:
        self._finder = finder

    @property
    def name(self) -> str:
        """The finder's."""
        return self._finder.name

    def look(self, frame: NDArray[np.uint8], near: Place | None) -> Sight | None:
        """See `Finder.look`. The whole picture is searched: these finders are quick enough or have no other way."""
        found = self._finder.find(frame[None])
        if not found.counts[0] or not np.isfinite(found.landmarks[0]).all():
            return None
        return Sight(place_of_landmarks(found.landmarks[0]), int(found.counts[0]))


@dataclass(frozen=True)
class _LabellerOf:
    name: str

    def __call__(self) -> Labeller:
        return EvaluatorLabeller(self.name)


@dataclass(frozen=True)
class _FinderOf:
    name: str

    def __call__(self) -> Finder:
        if self.name == FACEMESH:
            from metrics.evaluators.mediapipe import MediapipeFaces

            return LandmarkFinder(MediapipeFaces())
        import os

        from metrics.evaluators.fan import FanFaces
        from metrics.evaluators.weights import require

        return LandmarkFinder(FanFaces(require("s3fd"), require("fan"), os.environ.get("EAP_DEVICE", "cpu")))


def tools_of(finder: str, labels: str) -> Tools:
    """The tools of these names, which worker processes make for themselves. Raises ConfigError for other names."""
    if finder not in FINDERS or labels not in LABELS:
        raise ConfigError(f"finder {finder!r}, labels {labels!r}", fix=f"choose from {FINDERS} and {LABELS}")
    find: Callable[[], Finder] = cascade_finder if finder == CASCADE else _FinderOf(finder)
    read: Callable[[], Labeller] = TeacherLabeller if labels == TEACHER else _LabellerOf(labels)
    return Tools(find, read)
