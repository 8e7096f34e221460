"""Networks used inside losses: small, differentiable, trained on the teachers' identities only.

One network reads a face for all losses of the embedded world: lip landmarks (L_lip), feature taps (L_per), valence,
arousal and the embedding under psi (L_inten). On real data 2DFAN, VGG19 and AVCE take these parts.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eap.constants import EMOTIONS, N_LANDMARKS
from eap.perception.layers import ConvGN, ShapeResidual, group_norm, soft_argmax, standardise


@dataclass(frozen=True)
class FaceReading:
    """What the teacher reads from N frames."""

    landmarks: Tensor
    """(N,68,2) x,y in 0..1 of the frame."""
    emotion_logits: Tensor
    """(N,8)."""
    va: Tensor
    """(N,2) valence and arousal, about -1..1."""
    embedding: Tensor
    """(N,64) affect embedding: the layer under the emotion and VA heads, F's h in the paper's L_inten."""
    taps: list[Tensor]
    """Feature maps for L_per, fine to coarse: 1/2, 1/4, 1/8 and 1/16 of the network's 96 px."""

    @property
    def lips(self) -> Tensor:
        """(N,20,2) the mouth's landmarks 48-67."""
        return self.landmarks[:, 48:68]

    @property
    def intensity(self) -> Tensor:
        """(N,) r = sqrt(v^2 + a^2), Eq. 6; differentiable at 0."""
        return torch.sqrt(self.va.square().sum(-1) + 1e-6)


class FaceTeacher(nn.Module):
    """Landmarks, emotion, VA, embedding and feature taps of whole-head frames; about .3 M parameters.

    GroupNorm throughout, so a frame's reading does not depend on its batch. Any input size; works at 96 px.
    """

    size = 96

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvGN(3, 16, 2)
        self.down4 = ConvGN(16, 32, 2)
        self.down8 = nn.Sequential(ConvGN(32, 48, 2), ConvGN(48, 48))
        self.down16 = nn.Sequential(ConvGN(48, 96, 2), ConvGN(96, 96))
        self.lateral4 = nn.Conv2d(32, 48, 1)
        self.lateral8 = nn.Conv2d(48, 48, 1)
        self.lateral16 = nn.Conv2d(96, 48, 1)
        self.merge = nn.Sequential(nn.Conv2d(48, 48, 5, padding=2, groups=48, bias=False), group_norm(48), nn.SiLU())
        self.heatmaps = nn.Conv2d(48, N_LANDMARKS, 1)
        self.squeeze = nn.Sequential(nn.Conv2d(96, 32, 1), nn.SiLU())
        self.look = nn.Linear(32 * 36, 128)
        self.residual = ShapeResidual(N_LANDMARKS)
        self.shape = nn.Linear(2 * N_LANDMARKS, 128)
        self.embed = nn.Sequential(nn.LayerNorm(128), nn.SiLU(), nn.Linear(128, 64), nn.LayerNorm(64), nn.SiLU())
        self.emotion = nn.Linear(64, len(EMOTIONS))
        self.va = nn.Linear(64, 2)

    def forward(self, images: Tensor) -> FaceReading:
        """Read frames (N,3,H,W) in [0,1]; gradients reach the input."""
        x2 = self.stem(standardise(images, self.size))
        x4 = self.down4(x2)
        x8 = self.down8(x4)
        x16 = self.down16(x8)
        y8 = self.lateral8(x8) + F.interpolate(self.lateral16(x16), scale_factor=2.0, mode="nearest")
        y4 = self.lateral4(x4) + F.interpolate(y8, scale_factor=2.0, mode="nearest")
        landmarks = soft_argmax(self.heatmaps(self.merge(y4)))
        embedding = self.embed(self.look(self.squeeze(x16).flatten(1)) + self.shape(self.residual(landmarks)))
        return FaceReading(landmarks, self.emotion(embedding), self.va(embedding), embedding, [x2, x4, x8, x16])
