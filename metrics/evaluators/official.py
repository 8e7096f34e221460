"""The official evaluators: published networks, loaded strictly from published files, for real faces.

Two sets share all networks but the one that finds faces: `official` (S3FD + 2DFAN, slow without a GPU) and `mediapipe`
(FaceMesh, quick, offline). Each network needs its file only when a metric asks for it; what is not there is a counted
row that says which command fetches it. There is no identity network among them, so there is no CSIM.

`EAP_DEVICE` (default cpu) is where the torch networks run.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

import numpy as np

from eap.errors import WeightsError
from eap.files import sha256_file
from metrics.evaluators import MEDIAPIPE, OFFICIAL, Floats, Frames, SyncFrames
from metrics.evaluators.crops import LRS_FRAME, SYNC_CROPS, Planner, planner, whole_frame
from metrics.evaluators.faces import FaceFinder, FoundFaces, Remembering, cut
from metrics.evaluators.hsemotion import HSEmotion
from metrics.evaluators.inception import Inception, load_inception
from metrics.evaluators.independence import refuse_teachers
from metrics.evaluators.syncnet import ROWS_PER_FRAME, SyncNet, load_syncnet
from metrics.evaluators.weights import require, weight_file
from metrics.mfcc import mfcc, to_int16
from metrics.registry import Need

Faces = Literal["s3fd", "mediapipe"]
NO_IDENTITY: Final = "there is no identity network among the official evaluators"
_NEED_ORDER: Final[tuple[Need, ...]] = ("landmarks", "emotion", "affect", "sync", "features", "identity")


class OfficialEvaluators:
    """See `metrics.evaluators.EvaluatorSet`. Files are checked when it is made, networks load on first use.

    `files` gives paths for names of `metrics.evaluators.weights` in place of the fetched ones (their hash is taken as
    it is, and stands in the signature). `inception` is `inception`, or `inception-torchvision` for protocol eat-2023.
    Raises WeightsError when not one network is there, or when one of them taught a bundled model.
    """

    embedded_only = False

    def __init__(
        self,
        faces: Faces = "s3fd",
        sync_crop: str = LRS_FRAME,
        *,
        files: Mapping[str, Path] | None = None,
        folder: Path | None = None,
        emotion: str = "hsemotion-va",
        inception: str = "inception",
        finder: FaceFinder | None = None,
    ) -> None:
        if sync_crop not in SYNC_CROPS:
            raise ValueError(f"unknown crop {sync_crop!r}, choose one of: {', '.join(SYNC_CROPS)}")
        self.name = MEDIAPIPE if faces == "mediapipe" else OFFICIAL
        self.sync_crop = sync_crop
        self._device = os.environ.get("EAP_DEVICE", "cpu")
        self._names = {"sync": "syncnet", "emotion": emotion, "features": inception}
        self._found: dict[str, tuple[Path, str]] = {}
        self._absent: dict[str, str] = {}
        given = dict(files or {})
        for kind, name in self._names.items():
            self._look(kind, name, given, folder)
        self._finder = Remembering(finder) if finder is not None else self._find_faces(faces, given, folder)
        if not self.provides - {"faces"}:
            reasons = "; ".join(dict.fromkeys(self._absent.values()))
            raise WeightsError(f"{self.name} evaluators: not one is there: {reasons}", fix=_FIX)
        refuse_teachers(self.weights())

    def _look(self, kind: str, name: str, given: dict[str, Path], folder: Path | None) -> None:
        try:
            self._found[kind] = (given[name], _hash(given[name])) if name in given else require(name, folder)
        except WeightsError as error:
            self._absent[kind] = str(error)

    def _find_faces(self, faces: Faces, given: dict[str, Path], folder: Path | None) -> Remembering | None:
        try:
            if faces == "mediapipe":
                from metrics.evaluators.mediapipe import MediapipeFaces

                return Remembering(MediapipeFaces())
            from metrics.evaluators.fan import FanFaces

            pair = [(given[n], _hash(given[n])) if n in given else require(n, folder) for n in ("s3fd", "fan")]
            return Remembering(FanFaces(pair[0], pair[1], self._device))
        except WeightsError as error:
            self._absent["faces"] = str(error)
            return None

    @property
    def provides(self) -> frozenset[Need]:
        """The needs it can serve with the files and packages that are there."""
        served = {need for need in _NEED_ORDER if not self.why_not(need)}
        return frozenset(served | ({"faces"} if self._finder is not None else set()))

    def why_not(self, need: Need) -> str:
        """Why a need cannot be served; '' when it can."""
        if need == "identity":
            return NO_IDENTITY
        if need == "affect" and "emotion" in self._found and not self._emotion.has_affect:
            return f"{self._emotion.name} gives no valence and arousal"
        wants = {
            "landmarks": ("faces",),
            "faces": ("faces",),
            "emotion": ("emotion", "faces"),
            "affect": ("emotion", "faces"),
            "sync": ("sync",) if self.sync_crop == LRS_FRAME else ("sync", "faces"),
            "features": ("features",),
        }.get(need, ())
        return "; ".join(self._absent[kind] for kind in wants if kind in self._absent)

    def label(self, need: Need) -> str:
        """`official-syncnet_v2-961e8696@lrs-frame`: network, first digits of its hash, @ how it is given a face."""
        finder = self._finder.name if self._finder is not None else "none"
        if need in ("landmarks", "faces"):
            return f"{self.name}-{finder}"
        kind = "emotion" if need in ("emotion", "affect") else need
        if kind not in self._found:
            return f"{self.name}-none"
        stem = weight_file(self._names[kind]).file.split(".")[0]
        label = f"{self.name}-{stem}-{self._found[kind][1][:8]}"
        if kind == "features":
            return label
        return f"{label}@{self.sync_crop if kind == 'sync' else finder}"

    def weights(self) -> dict[str, str]:
        """Network -> sha256 of its file, of those that are there."""
        found = {self._names[kind]: sha256 for kind, (_, sha256) in sorted(self._found.items())}
        return found | (self._finder.weights() if self._finder is not None else {})

    def __getstate__(self) -> dict[str, object]:
        # Worker processes load their own networks.
        return {key: value for key, value in self.__dict__.items() if key not in ("_emotion", "_syncnet", "_inception")}

    @cached_property
    def _emotion(self) -> HSEmotion:
        return HSEmotion(self._found["emotion"][0], weight_file(self._names["emotion"]).file.removesuffix(".onnx"))

    @cached_property
    def _syncnet(self) -> SyncNet:
        return load_syncnet(self._found["sync"][0]).to(self._device)

    @cached_property
    def _inception(self) -> Inception:
        kind: Literal["fid", "torchvision"] = "fid" if self._names["features"] == "inception" else "torchvision"
        return load_inception(self._found["features"][0], kind).to(self._device)

    def read(self, frames: Frames, needs: frozenset[Need]) -> Mapping[Need, Floats]:
        """Per-frame features; see `EvaluatorSet.read`. Frames without a face are nan."""
        found: dict[Need, Floats] = {}
        if "features" in needs:
            found["features"] = self._inception.embed(frames)
        if self._finder is not None and needs & {"landmarks", "emotion", "affect", "faces"}:
            seen = self._finder.find(frames)
            found["landmarks"], found["faces"] = seen.landmarks, seen.counts
            if needs & {"emotion", "affect"}:
                found |= self._judge(frames, seen)
        return {need: array for need, array in found.items() if need in needs}

    def _judge(self, frames: Frames, seen: FoundFaces) -> dict[Need, Floats]:
        crops = [cut(f, box) if np.isfinite(box).all() else None for f, box in zip(frames, seen.boxes, strict=True)]
        places = [i for i, crop in enumerate(crops) if crop is not None]
        scores = self._emotion.scores([crop for crop in crops if crop is not None])
        emotion = np.full((len(frames), 8), np.nan, np.float32)
        emotion[places] = self._emotion.emotion(scores)
        found: dict[Need, Floats] = {"emotion": emotion}
        if self._emotion.has_affect:
            found["affect"] = np.full((len(frames), 2), np.nan, np.float32)
            found["affect"][places] = self._emotion.affect(scores)
        return found

    def planner(self) -> Planner | None:
        """What must see the whole clip before SyncNet's crop is known; None when each frame tells."""
        return planner(self.sync_crop, self._finder)

    def hear(self, audio: Floats) -> Floats:
        """(4n, 13) MFCC rows of the n whole frames in 16 kHz sound [-1, 1]; the last row may be repeated."""
        rows = ROWS_PER_FRAME * (len(audio) // 640)
        found = mfcc(to_int16(audio))[:rows] if rows else np.zeros((0, 13))
        return np.asarray(np.pad(found, ((0, rows - len(found)), (0, 0)), mode="edge" if len(found) else "constant"),
                          np.float32)  # fmt: skip

    def lips(self, frames: Frames) -> SyncFrames:
        """(n, 224, 224, 3) uint8 BGR, as OpenCV would have read them."""
        crops = np.stack([whole_frame(frame) for frame in frames])
        return np.ascontiguousarray(crops[..., ::-1])

    def sync(self, lips: SyncFrames, rows: Floats) -> tuple[Floats, Floats]:
        """Embeddings of all windows; see `EvaluatorSet.sync`."""
        return self._syncnet.embed(np.asarray(lips, np.uint8), rows)


_FIX = "fetch them with 'eap-bench weights fetch'; without internet add --from DIR"


def _hash(path: Path) -> str:
    if not path.is_file():
        raise WeightsError(f"{path}: no such file", fix="check the path")
    return sha256_file(path)
