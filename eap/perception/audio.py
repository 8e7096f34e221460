"""Emotion straight from speech: the printed ceiling of what a listener could know. Judges no video, trains no model."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from eap.constants import EMOTIONS, MEL_PER_FRAME
from eap.perception.layers import group_norm


@dataclass(frozen=True)
class AudioReading:
    """What the probe hears in N clips of T frames."""

    logits: Tensor
    """(N,8) per clip."""
    alpha: Tensor
    """(N,T) expression strength per video frame, >= 0."""


class AudioEmotionProbe(nn.Module):
    """Convolutions over the mel spectrogram, a bidirectional GRU at the video's frame rate, two heads."""

    def __init__(self) -> None:
        super().__init__()
        self.spectrum = nn.Sequential(
            nn.Conv2d(1, 24, 5, 2, 2, bias=False), group_norm(24), nn.ReLU(),
            nn.Conv2d(24, 40, 3, 2, 1, bias=False), group_norm(40), nn.ReLU(),
            nn.Conv2d(40, 48, 3, (1, 2), 1, bias=False), group_norm(48), nn.ReLU(),
        )  # fmt: skip
        self.join = nn.Sequential(nn.Linear(480, 128), nn.LayerNorm(128), nn.ReLU(), nn.Dropout(0.2))
        self.context = nn.GRU(128, 64, batch_first=True, bidirectional=True)
        self.drop = nn.Dropout(0.2)
        self.weight = nn.Linear(128, 1)
        self.emotion = nn.Linear(128, len(EMOTIONS))
        self.alpha = nn.Linear(128, 1)

    def forward(self, mel: Tensor) -> AudioReading:
        """Mel (N,4T,80) of `eap.acoustics.log_mel`."""
        if mel.ndim != 3 or mel.shape[1] % MEL_PER_FRAME:
            raise ValueError(f"expected mel (N,4T,80), got {tuple(mel.shape)}")
        maps = self.spectrum(mel[:, None] / 4)
        each, _ = self.context(self.join(maps.transpose(1, 2).flatten(2)))
        each = self.drop(each)
        share = self.weight(each).softmax(1)
        return AudioReading(self.emotion((each * share).sum(1)), F.softplus(self.alpha(each)[..., 0]))
