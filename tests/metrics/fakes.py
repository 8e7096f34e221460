"""A deterministic stand-in for the evaluators, and small videos to show it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from eap.acoustics import log_mel
from eap.media import write_video
from metrics.evaluators import SyncFrames
from metrics.evaluators.crops import Planner
from metrics.registry import EVALUATOR_NEEDS, Need

Frames = NDArray[np.uint8]
Floats = NDArray[np.float32]

TEMPLATE = np.stack([np.arange(68) % 9 * 14.0 + 8, np.arange(68) // 9 * 15.0 + 8], axis=1)
"""(68, 2) points of a face, for the fixture `template`."""


class FakeEvaluators:
    """Reads brightness and colour; each frame alone, like the real ones."""

    name = "fake"
    provides = EVALUATOR_NEEDS

    def __init__(self, *, embedded_only: bool = False, version: str = "1") -> None:
        self.embedded_only = embedded_only
        self.version = version
        self.frames_seen = 0

    def label(self, need: Need) -> str:
        return f"fake-{need}-{self.version}"

    def weights(self) -> dict[str, str]:
        return {"fake": self.version}

    def read(self, frames: Frames, needs: frozenset[Need]) -> Mapping[Need, Floats]:
        self.frames_seen += len(frames)
        colour = frames.reshape(len(frames), -1, 3).astype(np.float64).mean(axis=1) / 255.0
        spots = frames[:, ::4, ::4].reshape(len(frames), -1).astype(np.float64)[:, :8] / 255.0
        logits = np.concatenate([colour * 8, 1 - colour, spots[:, :2]], axis=1)
        grid = np.stack(np.meshgrid(np.arange(17), np.arange(4)), axis=-1).reshape(68, 2).astype(np.float64) * 5
        found: dict[Need, NDArray[np.float64]] = {
            "emotion": np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True),
            "affect": colour[:, :2] - 0.5,
            "features": spots,
            "landmarks": grid[None] + colour[:, :1, None] * np.arange(68)[None, :, None],
            "identity": colour / np.linalg.norm(colour + 1e-9, axis=1, keepdims=True),
        }
        return {need: array.astype(np.float32) for need, array in found.items() if need in needs}

    def why_not(self, need: Need) -> str:
        return "" if need in self.provides else f"fake has no {need}"

    def planner(self) -> Planner | None:
        return None

    def hear(self, audio: Floats) -> Floats:
        return log_mel(audio, len(audio) // 640)

    def lips(self, frames: Frames) -> Floats:
        return np.asarray(frames.reshape(len(frames), -1).mean(axis=1, keepdims=True) / 255.0, np.float32)

    def sync(self, lips: SyncFrames, rows: Floats) -> tuple[Floats, Floats]:
        loudness = rows.reshape(len(lips), -1).mean(axis=1, keepdims=True) / 8 + 0.5
        windows = [np.stack([side[i : i + 5, 0] for i in range(len(lips) - 4)]) for side in (lips, loudness)]
        return windows[0].astype(np.float32), windows[1].astype(np.float32)


def moving_frames(n: int = 30, seed: int = 0, size: int = 32) -> Frames:
    """A smooth pattern whose brightness rises and falls."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:size, 0:size] / size
    course = 0.5 + 0.4 * np.sin(np.arange(n) / 5 + seed)
    phase = rng.uniform(0, 6, 3)
    picture = 0.5 + 0.4 * np.sin(6 * x[..., None] + 4 * y[..., None] + phase)
    return np.asarray(np.clip(picture[None] * course[:, None, None, None] * 255, 0, 255), np.uint8)


def voice(n_frames: int = 30, seed: int = 0) -> Floats:
    """Noise whose loudness rises and falls."""
    t = np.arange(n_frames * 640) / 640
    noise = np.random.default_rng(seed).standard_normal(len(t))
    return (noise * (0.2 + 0.15 * np.sin(t / 5 + seed))).astype(np.float32)


def make_clip(path: Path, n: int = 30, seed: int = 0, *, sound: bool = True, crf: int = 18, size: int = 32) -> Path:
    """Write one small video."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, moving_frames(n, seed, size), audio=voice(n, seed) if sound else None, crf=crf)
    return path


class FakeQuality:
    """Stands for one of pyiqa's metrics: mean absolute difference; with one picture its mean."""

    lower_better = True

    def __init__(self, metric_mode: str) -> None:
        self.metric_mode = metric_mode

    def __call__(self, first: torch.Tensor, second: torch.Tensor | None = None) -> torch.Tensor:
        assert first.dtype == torch.float32
        assert first.ndim == 4
        assert float(first.max()) <= 1
        return (first if second is None else (first - second).abs()).mean().reshape(1, 1)


def install_fake_pyiqa(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a stand-in in pyiqa's place (`broken` cannot be made); whoever calls this clears the caches of iqa."""

    def create(name: str, device: str) -> FakeQuality:
        if name == "broken":
            raise OSError("no internet")
        return FakeQuality("NR" if name == "niqe" else "FR")

    names = ["lpips", "niqe", "gmsd", "broken"]
    module = SimpleNamespace(list_models=lambda: names, create_metric=create)
    monkeypatch.setitem(sys.modules, "pyiqa", module)
    monkeypatch.setattr("metrics.iqa.installed", lambda: True)
