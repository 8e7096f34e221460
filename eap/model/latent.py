"""Eq. 1: the emotional face latent, and the heads that produce its terms."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eap.model.config import ModelConfig


def compose_face_latent(
    z_id: Tensor, z_lip: Tensor, alpha: Tensor | None = None, z_exp: Tensor | None = None
) -> Tensor:
    """z_face = z_id + z_lip + alpha * z_exp: Eq. 1 with the lip term of *ours* named apart.

    z_id (B,d), z_lip (B,T,d), alpha (B,T,1), z_exp (B,d) -> (B,T,d). Without emotion (ANT) the last term is absent.
    """
    z_face = z_id[:, None] + z_lip
    if alpha is None or z_exp is None:
        return z_face
    return z_face + alpha * z_exp[:, None]


class LipHead(nn.Module):
    """y_a -> the lips' shape (B,T,40), and from it alone z_lip (B,T,latent).

    The shape is a narrow passage on purpose (*our choice*): what reaches G is what the lips do, large and free of who
    speaks. A free z_lip moves a tenth as much as z_id varies between people, G learns to ignore it, and the lips die.
    """

    GAIN = 30.0
    """Lip shapes (``eap.training.terms.lip_shape``) move by a few hundredths; G shall see movements of about 1."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.shape = nn.Sequential(nn.Linear(config.token, 64), nn.SiLU(), nn.Linear(64, 40))
        self.lift = nn.Linear(40, config.latent)

    def forward(self, y_audio: Tensor, measured: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return (z_lip, shape). With ``measured`` shapes (B,T,40), z_lip is made from those instead.

        While the voice is still a poor guide, G would learn that z_lip tells little, and the pixels' gradient would
        tell the voice to be quiet. Measured shapes teach G what z_lip means before the voice speaks to it.
        """
        shape = self.shape(y_audio)
        return self.lift((shape if measured is None else measured.to(shape.dtype)) * self.GAIN), shape


class ExpressionHead(nn.Module):
    """y_e -> z_exp (B,latent): one *direction* per clip.

    The mean over time is *our choice*: a frame-wise z_exp would carry the intensity past alpha_t. The output layer
    starts at zero, so that the first step of ERA is exactly ANT.
    """

    GAIN = 10.0
    """Like the lips': G must see z_exp beside z_id soon after it leaves zero."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.hidden = nn.Linear(config.token, config.token)
        self.out = nn.Linear(config.token, config.latent)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, y_emotion: Tensor) -> Tensor:
        """Pool over the clip, then project: (B,T,token) -> (B,latent)."""
        return self.project(self.features(y_emotion).mean(1))

    def features(self, y_emotion: Tensor) -> Tensor:
        """What is averaged over a clip: (B,T,token) -> (B,T,token)."""
        return F.silu(self.hidden(y_emotion))

    def project(self, pooled: Tensor) -> Tensor:
        """The mean of ``features`` -> z_exp; (...,token) -> (...,latent)."""
        out: Tensor = self.GAIN * self.out(pooled)
        return out


class IntensityHead(nn.Module):
    """y_a -> alpha (B,T,1) > 0: the flow of emotional intensity in a_[1:n] (paper, section on ERA)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.constant = config.constant_alpha
        self.hidden = nn.Linear(config.token, 64)
        self.out = nn.Linear(64, 1)
        nn.init.constant_(self.out.bias, 0.5)  # softplus(.5) is about 1: near the constant-alpha baseline at the start

    def forward(self, y_audio: Tensor) -> Tensor:
        """Softplus keeps alpha positive: a negative intensity would be another emotion."""
        if self.constant:
            return torch.ones_like(y_audio[..., :1])
        return F.softplus(self.out(F.silu(self.hidden(y_audio))))
