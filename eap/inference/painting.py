"""From latents to frames: Eq. 1 and the generator, with what depends on the reference image computed once."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from eap.inference.framing import checked_picture
from eap.model import Talker

BATCH = 16
"""Frames drawn at once."""


class Painter:
    """Draws frames of one person. z_id (1,d) is that of the image."""

    def __init__(self, talker: Talker, image: NDArray[np.uint8]) -> None:
        """``image`` (H,W,3) uint8: its centre square is shown to the model."""
        self._talker = talker
        self._reference = to_tensor(image, talker.config.size)
        with torch.inference_mode():
            self.z_id, self._feats = talker.E_I(self._reference)

    @property
    def talker(self) -> Talker:
        """Whose generator draws."""
        return self._talker

    @property
    def size(self) -> int:
        """Side of the frames in pixels."""
        return self._talker.config.size

    def lips(self, shape: Tensor) -> Tensor:
        """z_lip (n,d) of lip shapes (n,40)."""
        with torch.inference_mode():
            lifted: Tensor = self._talker.lip.lift(shape * self._talker.lip.GAIN)
            return lifted

    def paint(self, z_lip: Tensor, alpha: Tensor, z_exp: Tensor, z_id: Tensor | None = None) -> NDArray[np.uint8]:
        """Frames (n,S,S,3) uint8 of z_id + z_lip + alpha * z_exp; z_lip (n,d), alpha (n,), z_exp (d,) for all frames or
        (n,d); z_id (d,) instead of the image's own."""
        with torch.inference_mode():
            z_face = (self.z_id if z_id is None else z_id) + z_lip + alpha[:, None] * z_exp
            frames = self._talker.render(z_face[None], self._reference, self._feats)[0]
            levels = (frames.permute(0, 2, 3, 1).clamp(0, 1) * 255 + 0.5).to(torch.uint8)
            drawn: NDArray[np.uint8] = levels.contiguous().numpy()
        return drawn


def to_tensor(image: NDArray[np.uint8], size: int) -> Tensor:
    """(H,W,3) uint8 -> (1,3,size,size) in [0,1]: centre square, area-like resize (antialiased bilinear)."""
    image = checked_picture(image)
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    square = np.ascontiguousarray(image[top : top + side, left : left + side])
    x = torch.from_numpy(square).permute(2, 0, 1)[None].float() / 255
    if side != size:
        x = F.interpolate(x, size=(size, size), mode="bilinear", antialias=True, align_corners=False)
    return x.contiguous(memory_format=torch.channels_last)
