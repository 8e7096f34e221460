"""Light damage to training frames, so that networks also read generated, blurred and re-encoded ones."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Damage:
    """How far each change goes; the chances are per clip (per frame where frames stand alone)."""

    scale: float = 0.08
    """Zoom 1 +- this."""
    shift: float = 0.04
    """Part of the frame's side."""
    roll: float = 0.06
    """Radians."""
    light: float = 0.2
    """Brightness and contrast 1 +- this."""
    tint: float = 0.06
    """Each colour channel 1 +- this."""
    blur: float = 0.3
    """Chance of a loss of resolution (shrunk by up to 2.2 and enlarged again)."""
    noise: float = 0.25
    """Chance of Gaussian noise of sigma up to .04."""
    coding: float = 0.3
    """Chance of 8x8 block coding."""


def _uniform(n: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return torch.rand(n, generator=generator) * (high - low) + low


def _per_frame(values: Tensor, repeat: int) -> Tensor:
    return values.repeat_interleave(repeat, 0) if repeat > 1 else values


def augment(
    images: Tensor, landmarks: Tensor | None, damage: Damage, generator: torch.Generator, *, repeat: int = 1
) -> tuple[Tensor, Tensor | None]:
    """Damage (N,3,S,S) frames; landmarks (N,68,2) in 0..1 move with them.

    `repeat`: frames come in runs of this many of one clip, which share geometry, light and kind of damage.
    """
    clips = len(images) // repeat
    images, landmarks = _move(images, landmarks, damage, generator, repeat)
    gain = _uniform(clips, 1 - damage.light, 1 + damage.light, generator)[:, None, None, None]
    tint = 1 + damage.tint * (2 * torch.rand(clips, 3, 1, 1, generator=generator) - 1)
    bias = _uniform(clips, -damage.light, damage.light, generator)[:, None, None, None] * 0.5
    images = images.mul_(_per_frame(gain * tint, repeat)).add_(_per_frame(bias, repeat)).clamp_(0, 1)
    for chance, change in ((damage.blur, _shrink), (damage.noise, _noise), (damage.coding, _block_code)):
        # Clips come in random order, so a run of them is as good as a scattered choice, and cheaper.
        many = int((torch.rand(clips, generator=generator) < chance).sum())
        first = int(torch.randint(clips - many + 1, (1,), generator=generator))
        hit = slice(first * repeat, (first + many) * repeat)
        images[hit] = change(images[hit], generator)
    return images, landmarks


def _move(
    images: Tensor, landmarks: Tensor | None, damage: Damage, generator: torch.Generator, repeat: int
) -> tuple[Tensor, Tensor | None]:
    """Zoom, roll and shift about the frame's centre."""
    clips = len(images) // repeat
    zoom = _uniform(clips, 1 - damage.scale, 1 + damage.scale, generator)
    angle = _uniform(clips, -damage.roll, damage.roll, generator)
    shift = damage.shift * (2 * torch.rand(clips, 2, generator=generator) - 1)
    cos, sin = torch.cos(angle) / zoom, torch.sin(angle) / zoom
    # What each new pixel reads: old = A (new - 2 shift), in grid_sample's -1..1 units.
    matrix = torch.stack([torch.stack([cos, sin], -1), torch.stack([-sin, cos], -1)], -2)
    offset = -(matrix @ (2 * shift)[..., None])
    theta = _per_frame(torch.cat([matrix, offset], -1), repeat)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
    if landmarks is None:
        return moved, None
    inverse = _per_frame(torch.linalg.inv(matrix), repeat)
    centred = (2 * landmarks - 1) @ inverse.transpose(1, 2) + 2 * _per_frame(shift, repeat)[:, None]
    return moved, (centred + 1) / 2


def _shrink(images: Tensor, generator: torch.Generator) -> Tensor:
    """Lose resolution."""
    size = images.shape[-1]
    factor = float(_uniform(1, 1.2, 2.2, generator))
    if not len(images):
        return images
    small = F.interpolate(images, size=(round(size / factor),) * 2, mode="bilinear", antialias=True)
    return F.interpolate(small, size=(size, size), mode="bilinear", align_corners=False)


def _noise(images: Tensor, generator: torch.Generator) -> Tensor:
    """Add Gaussian noise."""
    sigma = _uniform(len(images), 0.005, 0.04, generator)[:, None, None, None]
    return (images + sigma * torch.randn(images.shape, generator=generator)).clamp(0, 1)


@functools.cache
def _cosine_basis() -> Tensor:
    """The 8x8 orthonormal DCT-II matrix."""
    k, n = torch.arange(8.0)[:, None], torch.arange(8.0)[None]
    basis = torch.cos(math.pi * (n + 0.5) * k / 8) * 0.5
    basis[0] /= math.sqrt(2)
    return basis


def _block_code(images: Tensor, generator: torch.Generator) -> Tensor:
    """Quantise 8x8 DCT blocks, coarser for higher frequencies (what a codec does). The side must divide by 8."""
    n, c, h, w = images.shape
    if h % 8 or w % 8:
        return images
    basis = _cosine_basis()
    blocks = images.reshape(n, c, h // 8, 8, w // 8, 8).permute(0, 1, 2, 4, 3, 5)
    step = _uniform(n, 0.01, 0.08, generator)[:, None, None, None, None, None]
    frequency = torch.arange(8.0)
    step = step * (1 + 0.5 * (frequency[:, None] + frequency[None]))
    coded = basis @ blocks @ basis.T
    coded = torch.round(coded / step) * step
    decoded = (basis.T @ coded @ basis).permute(0, 1, 2, 4, 3, 5).reshape(n, c, h, w)
    return decoded.clamp(0, 1)
