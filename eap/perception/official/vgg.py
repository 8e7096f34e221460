"""VGG19 (Simonyan & Zisserman 2015; torchvision's ImageNet weights) for L_per on real faces.

Taps and pyramid are FOMM's (AliaksandrSiarohin/first-order-model, ``modules/model.py``): relu1_1, 2_1, 3_1, 4_1 and
5_1 at the scales 1, 1/2, 1/4, 1/8, all with the same weight; the pyramid's filter is torch's antialiased one (*our
choice*).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eap.perception.official.loading import load_strictly, read_state

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
SCALES = (1.0, 0.5, 0.25, 0.125)
_PLAN = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))
"""Width and number of convolutions of each octave."""
TAPS = (1, 6, 11, 20, 29)
"""Places of relu1_1 ... relu5_1 in torchvision's list."""


class VGG19(nn.Module):
    """All of VGG19, so that a published file must fit it to the last key; only its features are run."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        c_in = 3
        for width, count in _PLAN:
            for _ in range(count):
                layers += [nn.Conv2d(c_in, width, 3, padding=1), nn.ReLU()]
                c_in = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        dense: list[nn.Module] = [nn.Linear(512 * 49, 4096), nn.ReLU(), nn.Dropout()]
        dense += [nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 1000)]
        self.classifier = nn.Sequential(*dense)


class VggTaps(nn.Module):
    """Frames (N,3,S,S) in [0,1] -> feature maps of every tap at every scale, fine to coarse; 20 from 64 px on."""

    mean: Tensor
    std: Tensor

    def __init__(self, features: nn.Sequential) -> None:
        """``features``: VGG19's, up to relu5_1 at least."""
        super().__init__()
        self.layers = nn.ModuleList(list(features)[: TAPS[-1] + 1])
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1))

    def forward(self, frames: Tensor) -> list[Tensor]:
        """Scales at which relu5_1 would be less than a pixel are left out."""
        out = []
        for scale in SCALES:
            size = round(frames.shape[-1] * scale)
            if size < 16:
                break
            x = frames if scale == 1.0 else F.interpolate(frames, (size, size), mode="bilinear", antialias=True)
            x = (x - self.mean) / self.std
            for place, layer in enumerate(self.layers):
                x = layer(x)
                if place in TAPS:
                    out.append(x)
        return out


def vgg_taps(state: Mapping[str, Tensor], path: Path | str) -> VggTaps:
    """Taps from VGG19's whole state, strictly. Raises WeightsError naming the first key that does not fit."""
    with torch.device("meta"):
        frame = VGG19()
    frame = frame.to_empty(device="cpu")
    return VggTaps(load_strictly(frame, state, path).features).eval()


def load_vgg(path: Path | str) -> VggTaps:
    """The same from a file."""
    return vgg_taps(read_state(path), path)
