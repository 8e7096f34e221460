"""D and its branch D_E (StarGAN-v2's class-gathered head, *from a cited work*; the shared trunk is *our choice*)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from eap.constants import EMOTIONS


def _conv(c_in: int, c_out: int, kernel: int, stride: int) -> nn.Module:
    return parametrizations.spectral_norm(
        nn.Conv2d(c_in, c_out, kernel, stride=stride, padding=kernel // 2 - (kernel % 2 == 0))
    )


class FrameDiscriminator(nn.Module):
    """frames (N,3,S,S) -> patch realism (N,h*w) and one emotion score per class (N,8).

    The emotion scores are averaged over the frames of a window and gathered by the label outside (``losses``).
    """

    def __init__(self, channels: tuple[int, int, int, int] = (24, 48, 96, 128)) -> None:
        super().__init__()
        c1, c2, c3, c4 = channels
        self.trunk = nn.ModuleList([_conv(3, c1, 4, 2), _conv(c1, c2, 4, 2), _conv(c2, c3, 4, 2)])
        self.patch = _conv(c3, 1, 3, 1)
        self.deep = _conv(c3, c4, 4, 2)
        self.emotion = parametrizations.spectral_norm(nn.Linear(2 * c4, len(EMOTIONS)))

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Both heads from one pass of the trunk."""
        x = frames * 2 - 1
        for layer in self.trunk:
            x = F.leaky_relu(layer(x), 0.2)
        deep = F.leaky_relu(self.deep(x), 0.2)
        pooled = torch.cat([deep.mean((2, 3)), deep.amax((2, 3))], 1)
        return self.patch(x).flatten(1), self.emotion(pooled)
