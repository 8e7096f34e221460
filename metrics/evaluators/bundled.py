"""The evaluators that come with the project: trained on the embedded world, for the embedded world."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from eap.acoustics import SAMPLES_PER_FRAME, log_mel
from eap.bundle.store import find_entry
from eap.perception import zoo
from eap.perception.evaluators import EmotionJudge, IdentityJudge, LandmarkJudge
from eap.perception.sync import SyncJudge
from metrics.evaluators import BUNDLED, Floats, Frames, SyncFrames
from metrics.registry import EVALUATOR_NEEDS, Need

_NETWORK: dict[Need, str] = {
    "emotion": zoo.EMOTION,
    "affect": zoo.EMOTION,
    "features": zoo.EMOTION,
    "landmarks": zoo.LANDMARKS,
    "identity": zoo.IDENTITY,
    "sync": zoo.SYNC,
}
_SHORT = {zoo.EMOTION: "emotion", zoo.LANDMARKS: "landmarks", zoo.IDENTITY: "identity", zoo.SYNC: "sync"}
_FROM_EMOTION: frozenset[Need] = frozenset({"emotion", "affect", "features"})


class BundledEvaluators:
    """Loads each network on first use; `folder` is a bundle other than the project's own."""

    name = BUNDLED
    embedded_only = True
    provides = EVALUATOR_NEEDS

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        for network in sorted(set(_NETWORK.values())):
            find_entry(network, folder)  # WeightsError now, not in the middle of a run

    def label(self, need: Need) -> str:
        """`bundled-emotion-1a2b3c4d`."""
        network = _NETWORK[need]
        return f"{self.name}-{_SHORT[network]}-{find_entry(network, self._folder).sha256[:8]}"

    def weights(self) -> dict[str, str]:
        """Network -> sha256 of its file."""
        return {name: find_entry(name, self._folder).sha256 for name in sorted(set(_NETWORK.values()))}

    def why_not(self, need: Need) -> str:
        """It serves every need."""
        return "" if need in self.provides else f"the bundled evaluators have no {need}"

    def planner(self) -> None:
        """Its crop needs one frame at a time."""
        return

    def hear(self, audio: Floats) -> Floats:
        """(4n, 80) mel rows; see `EvaluatorSet.hear`."""
        return log_mel(audio, len(audio) // SAMPLES_PER_FRAME)

    def __getstate__(self) -> dict[str, object]:
        return {"_folder": self._folder}  # worker processes load their own networks

    @cached_property
    def _emotion(self) -> EmotionJudge:
        return zoo.load_emotion_judge(self._folder)

    @cached_property
    def _landmarks(self) -> LandmarkJudge:
        return zoo.load_landmark_judge(self._folder)

    @cached_property
    def _identity(self) -> IdentityJudge:
        return zoo.load_identity_judge(self._folder)

    @cached_property
    def _sync(self) -> SyncJudge:
        return zoo.load_sync_judge(self._folder)

    @torch.inference_mode()
    def read(self, frames: Frames, needs: frozenset[Need]) -> Mapping[Need, Floats]:
        """Per-frame features; see `EvaluatorSet.read`."""
        images = _tensor(frames)
        found: dict[Need, Floats] = {}
        if needs & _FROM_EMOTION:
            seen = self._emotion(images)
            found["emotion"] = _array(seen.probabilities)
            found["affect"] = _array(torch.stack([seen.valence, seen.arousal], dim=1))
            found["features"] = _array(seen.features)
        if "landmarks" in needs:
            size = torch.tensor([frames.shape[2], frames.shape[1]], dtype=torch.float32)
            found["landmarks"] = _array(self._landmarks(images) * size)
        if "identity" in needs:
            found["identity"] = _array(self._identity(images))
        return {need: array for need, array in found.items() if need in needs}

    @torch.inference_mode()
    def lips(self, frames: Frames) -> SyncFrames:
        """(n, 3, 48, 48) lower faces."""
        return _array(self._sync.crop_mouth(_tensor(frames)))

    @torch.inference_mode()
    def sync(self, lips: SyncFrames, rows: Floats) -> tuple[Floats, Floats]:
        """Embeddings of all windows; see `EvaluatorSet.sync`."""
        video = self._sync.embed_mouths(torch.from_numpy(lips)[None])
        audio = self._sync.embed_audio(torch.from_numpy(np.ascontiguousarray(rows, np.float32))[None])
        return _array(video[0]), _array(audio[0])


def _tensor(frames: Frames) -> Tensor:
    """uint8 (n, H, W, 3) -> float32 (n, 3, H, W) in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float().div_(255.0)


def _array(tensor: Tensor) -> Floats:
    return np.ascontiguousarray(tensor.numpy(), np.float32)
