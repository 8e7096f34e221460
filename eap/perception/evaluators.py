"""Networks that judge frames; they share no architecture, person or seed with the teachers (`refuse_same`).

All take whole-head frames (N,3,H,W) in [0,1] of any size. Networks with BatchNorm are bundled folded: built with
``folded=True`` they hold plain convolutions, and ``fold()`` turns a trained network into that form.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eap.constants import EMOTIONS, N_LANDMARKS
from eap.perception.layers import ConvBN, Residual, Separable, ShapeResidual, fold_batch_norms, soft_argmax, standardise


@dataclass(frozen=True)
class EmotionReading:
    """What the emotion judge sees in N frames."""

    logits: Tensor
    """(N,8), order of EMOTIONS."""
    valence: Tensor
    """(N,), about -1..1."""
    arousal: Tensor
    """(N,), about -1..1."""
    features: Tensor
    """(N,128) penultimate vector: the features of the bundled FID."""
    places: Tensor
    """(N,68,2) where it saw the landmarks, in 0..1 of its crop: supervised while training, not for measuring."""

    @property
    def probabilities(self) -> Tensor:
        """(N,8), rows sum to 1."""
        return self.logits.softmax(-1)

    @property
    def intensity(self) -> Tensor:
        """(N,) r = sqrt(v^2 + a^2), Eq. 6."""
        return torch.hypot(self.valence, self.arousal)


class EmotionJudge(nn.Module):
    """Emotion, valence, arousal and FID features; depthwise-separable residual blocks, BatchNorm.

    Judges by look and by the face's shape (coarse landmarks of its own), from the face without most of hair,
    shoulders and background.
    """

    size = 64
    crop = (0.12, 0.22, 0.88, 0.98)
    """Left, top, right, bottom of what it looks at, as parts of the frame."""

    def __init__(self, *, folded: bool = False) -> None:
        super().__init__()
        self.fine = nn.Sequential(
            ConvBN(3, 32, 3, 2, folded=folded),
            Separable(32, 32, folded=folded),
            Separable(32, 96, 2, folded=folded),
            Separable(96, 96, folded=folded),
        )
        self.coarse = nn.Sequential(
            Separable(96, 128, 2, folded=folded),
            Separable(128, 128, folded=folded),
            Separable(128, 128, folded=folded),
        )
        self.up = ConvBN(128, 96, 1, folded=folded)
        self.mix = Separable(96, 96, folded=folded)
        self.heatmaps = nn.Conv2d(96, N_LANDMARKS, 1)
        self.squeeze = ConvBN(128, 32, 1, folded=folded)
        self.look = nn.Linear(32 * 64, 128)
        self.residual = ShapeResidual(N_LANDMARKS)
        self.shape = nn.Linear(2 * N_LANDMARKS, 128)
        self.join = nn.Linear(256, 128)
        self.drop = nn.Dropout(0.1)
        self.emotion = nn.Linear(128, len(EMOTIONS))
        self.va = nn.Linear(128, 2)

    def forward(self, images: Tensor) -> EmotionReading:
        """Judge frames (N,3,H,W)."""
        x4 = self.fine(standardise(crop_box(images, self.crop), self.size))
        x8 = self.coarse(x4)
        y4 = x4 + F.interpolate(self.up(x8), scale_factor=2.0, mode="nearest")
        places = soft_argmax(self.heatmaps(self.mix(y4)))
        shape = F.relu(self.shape(self.residual(places)))
        look = F.relu(self.look(self.squeeze(x8).flatten(1)))
        features = F.relu(self.join(torch.cat([shape, look], 1)))
        dropped = self.drop(features)
        va = self.va(dropped)
        return EmotionReading(self.emotion(dropped), va[:, 0], va[:, 1], features, places)

    def fold(self) -> EmotionJudge:
        """The same function without BatchNorm layers, in eval mode."""
        folded = EmotionJudge(folded=True)
        fold_batch_norms(self, folded)
        return folded.eval()


class LandmarkJudge(nn.Module):
    """68 landmarks: 24x24 heatmaps of a small U-shaped network (hourglass, Newell et al. 2016), BatchNorm.

    Where the heatmaps point is corrected by a small displacement read from the coarsest features.
    """

    size = 96

    def __init__(self, *, folded: bool = False) -> None:
        super().__init__()
        self.stem = ConvBN(3, 24, 3, 2, folded=folded)
        self.down4 = nn.Sequential(Separable(24, 64, 2, folded=folded), Separable(64, 64, folded=folded))
        self.down8 = nn.Sequential(Separable(64, 96, 2, folded=folded), Separable(96, 96, folded=folded))
        self.down16 = nn.Sequential(Separable(96, 128, 2, folded=folded), Separable(128, 128, folded=folded))
        self.up16 = ConvBN(128, 96, 1, folded=folded)
        self.up8 = nn.Sequential(Separable(96, 96, folded=folded), ConvBN(96, 64, 1, folded=folded))
        self.join = Separable(64, 64, folded=folded)
        self.heatmaps = nn.Conv2d(64, N_LANDMARKS, 1)
        self.squeeze = ConvBN(128, 32, 1, folded=folded)
        self.displace = nn.Linear(32 * 36, 2 * N_LANDMARKS)
        nn.init.zeros_(self.displace.weight)

    def forward(self, images: Tensor) -> Tensor:
        """(N,3,H,W) -> landmarks (N,68,2) as x,y in 0..1 of the frame (times the frame's side: pixels)."""
        x4 = self.down4(self.stem(standardise(images, self.size)))
        x8 = self.down8(x4)
        x16 = self.down16(x8)
        y = x8 + F.interpolate(self.up16(x16), scale_factor=2.0, mode="nearest")
        y = x4 + F.interpolate(self.up8(y), scale_factor=2.0, mode="nearest")
        found = soft_argmax(self.heatmaps(self.join(y)))
        displacement: Tensor = self.displace(self.squeeze(x16).flatten(1))
        return found + displacement.reshape(found.shape)

    def fold(self) -> LandmarkJudge:
        """The same function without BatchNorm layers, in eval mode."""
        folded = LandmarkJudge(folded=True)
        fold_batch_norms(self, folded)
        return folded.eval()


class IdentityJudge(nn.Module):
    """Identity embedding whose cosine says whether two frames show one person; residual network, BatchNorm.

    Looks at the middle of the frame only, so that less background can vouch for a person.
    """

    size = 64
    crop = (0.16, 0.12, 0.84, 0.96)
    """Left, top, right, bottom of what it looks at, as parts of the frame."""

    def __init__(self, *, folded: bool = False) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            ConvBN(3, 24, 3, 2, folded=folded),
            Residual(24, 40, 2, folded=folded),
            Residual(40, 64, 2, folded=folded),
            Residual(64, 96, 2, folded=folded),
            ConvBN(96, 64, 1, folded=folded),
        )
        self.embed = nn.Linear(64 * 16, 128)

    def forward(self, images: Tensor) -> Tensor:
        """(N,3,H,W) -> unit vectors (N,128)."""
        middle = crop_box(images, self.crop)
        return F.normalize(self.embed(self.trunk(standardise(middle, self.size)).flatten(1)), dim=1)

    def fold(self) -> IdentityJudge:
        """The same function without BatchNorm layers, in eval mode."""
        folded = IdentityJudge(folded=True)
        fold_batch_norms(self, folded)
        return folded.eval()


def crop_box(images: Tensor, box: tuple[float, float, float, float]) -> Tensor:
    """Cut left, top, right, bottom (parts of the frame, rounded to pixels) out of (N,C,H,W)."""
    height, width = images.shape[-2:]
    left, right = round(box[0] * width), round(box[2] * width)
    top, bottom = round(box[1] * height), round(box[3] * height)
    return images[..., top:bottom, left:right]
