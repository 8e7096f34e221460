"""G: from the face latent and the reference image to frames.

LIA's synthesis idea (*from a cited work*): at each scale a flow and a mask decide what is moved from the reference's
features and what is made anew; sizes, FiLM and the low-rank spatial injection are *our choice*.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eap.model.blocks import norm
from eap.model.config import ModelConfig


def warp(x: Tensor, flow: Tensor) -> Tensor:
    """Move x (N,C,H,W) by flow (N,2,H,W), in units of half the image; bilinear, edge-clamped."""
    h, w = x.shape[2:]
    ys = torch.linspace(-1 + 1 / h, 1 - 1 / h, h, device=x.device)
    xs = torch.linspace(-1 + 1 / w, 1 - 1 / w, w, device=x.device)
    base = torch.stack(torch.meshgrid(ys, xs, indexing="ij")[::-1], -1)
    grid = base[None] + flow.permute(0, 2, 3, 1).float()
    return F.grid_sample(x.float(), grid, mode="bilinear", padding_mode="border", align_corners=False).to(x.dtype)


STEP = 0.02
"""Unit of all flows: a pixel at 96 px, so that one optimiser step cannot tear the face."""
REACH = 0.2
"""No flow points further than this (ten pixels of 96): unbounded, flows between features run off the image."""


def bounded(raw: Tensor) -> Tensor:
    """Raw layer output -> flow in units of half the image, soft-limited to ``REACH``."""
    return REACH * torch.tanh(raw * (STEP / REACH))


def limited(raw: Tensor) -> Tensor:
    """Sigmoid that stays between .018 and .982, so that its gradient never dies."""
    return torch.sigmoid(4 * torch.tanh(raw / 4))


def resize(flow: Tensor, size: int) -> Tensor:
    """Flow (N,2,h,w) at another resolution; its units do not depend on it."""
    return F.interpolate(flow, size=(size, size), mode="bilinear", align_corners=False)


def _silence(layer: nn.Conv2d, spread: float) -> None:
    """Start a layer near zero output."""
    nn.init.normal_(layer.weight, std=spread)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


class UpBlock(nn.Module):
    """Double the size; modulate by z; blend the reference's moved features in.

    Output (N,c_out,2H,2W). The flow (2 channels) and the mask (1) come from the same map; the flow adds to the one that
    z alone decides.
    """

    def __init__(self, c_in: int, c_out: int, latent: int, *, up: bool = True) -> None:
        super().__init__()
        self.up = up
        self.conv1 = nn.Conv2d(c_in, c_out, 3, padding=1, bias=False)
        self.norm1 = norm(c_out)
        self.film = nn.Linear(latent, 2 * c_out)
        self.to_flow = nn.Conv2d(c_out, 3, 3, padding=1)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1, bias=False)
        self.norm2 = norm(c_out)
        _silence(self.to_flow, 0.0)  # start: nothing moves, half of the reference shines through

    def forward(self, x: Tensor, z: Tensor, skip: Tensor, coarse: Tensor) -> Tensor:
        """x (N,c_in,H,W), z (N,latent), skip (N,c_out,2H,2W) the reference's features of this scale, coarse flow."""
        if self.up:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        scale, shift = self.film(z)[..., None, None].chunk(2, 1)
        x = F.silu(self.norm1(self.conv1(x)) * (1 + scale) + shift)
        flow, gate = torch.split(self.to_flow(x).float(), [2, 1], 1)
        mask = torch.sigmoid(gate).to(x.dtype)
        x = mask * warp(skip, bounded(flow) + resize(coarse, skip.shape[-1])) + (1 - mask) * x
        return F.silu(self.norm2(self.conv2(x)))


class Generator(nn.Module):
    """z_face (N,latent), reference image and features -> frames (N,3,S,S) in [0,1]."""

    RANK = 24
    COARSE = 12
    """Places per side of the flow that z alone decides (after FOMM's sparse motion, *from a cited work*)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        c2, c4, c8, c16 = config.image_channels
        self.small = config.size // 16
        # A latent alone must be able to move one place and not another: a spatial map, low-rank to stay small.
        self.inject16 = nn.Linear(config.latent, self.RANK * self.small**2)
        self.lift16 = nn.Conv2d(self.RANK, c16, 1)
        self.coarse = nn.Linear(config.latent, 2 * self.COARSE**2)
        nn.init.normal_(self.coarse.weight, std=1e-2)
        nn.init.zeros_(self.coarse.bias)
        self.block16 = UpBlock(c16, c16, config.latent, up=False)
        self.block8 = UpBlock(c16, c8, config.latent)
        self.block4 = UpBlock(c8, c4, config.latent)
        self.block2 = UpBlock(c4, c2, config.latent)
        self.to_pixels = nn.Conv2d(c2, 6 * 4, 3, padding=1)  # rgb 3, flow 2, mask 1, each for 2x2 pixels
        _silence(self.to_pixels, 0.01)

    def forward(self, z_face: Tensor, image: Tensor, feats: list[Tensor]) -> Tensor:
        """image (N,3,S,S) and feats [S/2, S/4, S/8, S/16] are those of the reference, repeated per frame."""
        f2, f4, f8, f16 = feats
        coarse = bounded(self.coarse(z_face).float().view(-1, 2, self.COARSE, self.COARSE))
        start = self.inject16(z_face).view(-1, self.RANK, self.small, self.small)
        x = f16 + self.lift16(start)
        x = self.block16(x, z_face, f16, coarse)
        x = self.block8(x, z_face, f8, coarse)
        x = self.block4(x, z_face, f4, coarse)
        x = self.block2(x, z_face, f2, coarse)
        out = F.pixel_shuffle(self.to_pixels(x), 2)
        rgb, flow, gate = torch.split(out.float(), [3, 2, 1], 1)
        # Neighbouring pixels move together: a flow free to zigzag draws patterns that fool the landmark teacher.
        flow = F.avg_pool2d(flow, 5, stride=1, padding=2, count_include_pad=False)
        moved = warp(image, bounded(flow) + resize(coarse, image.shape[-1]))
        # The gate is soft-limited: where it is saturated by phase 1's copying, phase 2 cannot open it again.
        mask = limited(gate)
        # So are the colours: a mouth once black or red for good would get no gradient any more.
        return mask * moved + (1 - mask) * limited(rgb)
