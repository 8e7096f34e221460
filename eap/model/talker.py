"""All boxes of Fig. 4 wired together."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from eap.model.audio import MelEncoder
from eap.model.config import ModelConfig
from eap.model.emotion import ContextEmotionClassifier
from eap.model.fusion import FusionTransformer
from eap.model.generator import Generator
from eap.model.identity import IdentityEncoder
from eap.model.latent import ExpressionHead, IntensityHead, LipHead, compose_face_latent


@dataclass(frozen=True)
class Latents:
    """The terms of Eq. 1 and what they were made from, for T frames of B clips.

    z_id (B,d); z_lip (B,T,d) and the lip shape (B,T,40) it is made from; a and e (B,T,token);
    emotion_logits (B,8). alpha (B,T,1), z_exp (B,d), e and the logits are None in ANT.
    """

    z_id: Tensor
    z_lip: Tensor
    lip_shape: Tensor
    a: Tensor
    alpha: Tensor | None = None
    z_exp: Tensor | None = None
    e: Tensor | None = None
    emotion_logits: Tensor | None = None

    def z_face(self) -> Tensor:
        """Eq. 1: (B,T,d)."""
        return compose_face_latent(self.z_id, self.z_lip, self.alpha, self.z_exp)


class Talker(nn.Module):
    """EAP. With ``emotional=False`` it is ANT: no emotion tokens, alpha * z_exp absent, a neutral talking face."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.E_I = IdentityEncoder(config)
        self.E_A = MelEncoder(config.audio_channels, config.token)
        self.E_E = MelEncoder(config.emotion_channels, config.token)
        self.phi = ContextEmotionClassifier(config.token)
        self.fusion = FusionTransformer(config)
        self.lip = LipHead(config)
        self.expression = ExpressionHead(config)
        self.intensity = IntensityHead(config)
        self.G = Generator(config)

    def latents(self, z_id: Tensor, mel: Tensor, *, emotional: bool, measured_lips: Tensor | None = None) -> Latents:
        """z_id (B,d), mel (B,4T,80) -> the latent terms of every frame; ``measured_lips``: see ``LipHead``."""
        a = self.E_A(mel)
        if not emotional:
            y_a, _ = self.fusion(z_id, a)
            z_lip, shape = self.lip(y_a, measured_lips)
            return Latents(z_id=z_id, z_lip=z_lip, lip_shape=shape, a=a)
        e = self.E_E(mel)
        y_a, y_e = self.fusion(z_id, a, e)
        z_lip, shape = self.lip(y_a, measured_lips)
        return Latents(
            z_id=z_id,
            z_lip=z_lip,
            lip_shape=shape,
            a=a,
            alpha=self.intensity(y_a),
            z_exp=self.expression(y_e),
            e=e,
            emotion_logits=self.phi(e),
        )

    def render(self, z_face: Tensor, image: Tensor, feats: list[Tensor]) -> Tensor:
        """z_face (B,K,d) of chosen frames -> frames (B,K,3,S,S); the reference is repeated for each of the K."""
        batch, count = z_face.shape[:2]
        spread = [_repeat(x, count) for x in feats]
        frames: Tensor = self.G(z_face.flatten(0, 1), _repeat(image, count), spread)
        return frames.view(batch, count, *frames.shape[1:])

    def forward(
        self, image: Tensor, mel: Tensor, picks: Tensor, *, emotional: bool, measured_lips: Tensor | None = None
    ) -> tuple[Tensor, Latents]:
        """image (B,3,S,S), mel (B,4T,80), picks (B,K) frame numbers -> frames (B,K,3,S,S) and the latents.

        With ``measured_lips`` (B,T,40) G is taught by those shapes, and frames give the lip path no gradient.
        """
        z_id, feats = self.E_I(image)
        latents = self.latents(z_id, mel, emotional=emotional, measured_lips=measured_lips)
        z = latents.z_face()
        chosen = torch.gather(z, 1, picks[..., None].expand(-1, -1, z.shape[-1]))
        return self.render(chosen, image, feats), latents


def _repeat(x: Tensor, count: int) -> Tensor:
    return x.repeat_interleave(count, 0)
