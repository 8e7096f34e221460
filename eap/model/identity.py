"""E_I: the reference image's identity (and, before neutralization, its expression).

Topology after LIA's appearance encoder (*from a cited work*), widths *our choice*.
"""

from __future__ import annotations

from torch import Tensor, nn

from eap.model.blocks import ResDown, norm
from eap.model.config import ModelConfig


class IdentityEncoder(nn.Module):
    """I (B,3,S,S) in [0,1] -> z_id (B,latent) and feature maps at S/2, S/4, S/8, S/16."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        c2, c4, c8, c16 = config.image_channels
        self.size = config.size
        # Space-to-depth first: the convolutions run at half size, which is most of the saving on a CPU.
        self.stem = nn.Sequential(
            nn.PixelUnshuffle(2), nn.Conv2d(12, c2, 3, padding=1, bias=False), norm(c2), nn.SiLU()
        )
        self.down4, self.down8, self.down16 = ResDown(c2, c4), ResDown(c4, c8), ResDown(c8, c16)
        self.head = nn.Linear(c16 * (config.size // 16) ** 2, config.latent)
        # Without it z_id grows to a hundred times z_lip, G stops seeing the lips, and they never move.
        self.norm = nn.LayerNorm(config.latent, elementwise_affine=False)

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return z_id and the feature maps from large to small."""
        f2 = self.stem(image * 2 - 1)
        f4 = self.down4(f2)
        f8 = self.down8(f4)
        f16 = self.down16(f8)
        return self.norm(self.head(f16.flatten(1))), [f2, f4, f8, f16]

    def embed(self, frames: Tensor) -> Tensor:
        """f = (1/N) sum_i E_I(v_i), the video embedding of Eq. 3. (B,K,3,S,S) -> (B,latent)."""
        batch, count = frames.shape[:2]
        z, _ = self(frames.flatten(0, 1))
        mean: Tensor = z.view(batch, count, -1).mean(1)
        return mean
