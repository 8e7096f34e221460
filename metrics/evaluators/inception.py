"""Inception v3 as the Frechet distance uses it, in plain torch.

Two published networks of one design: `fid` is the TensorFlow graph of 2015-12-05 as pytorch-fid (Apache-2.0) holds it
(1008 classes, average pools that leave the padding out, a max pool in the last block), and `torchvision` is
`torchvision.models.inception_v3` with its ImageNet weights, which EAT's test_fid.py takes. Keys and shapes are those of
`pt_inception-2015-12-05-6726825d.pth` and `inception_v3_google-0cc3c7bd.pth`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from eap.perception.official.loading import load_strictly, read_state

SIZE = 299
DIMS = 2048
Variant = Literal["fid", "torchvision"]
Pair = tuple[int, int]

_FRAMES_AT_ONCE = 16

Frames = NDArray[np.uint8]
Floats = NDArray[np.float32]


class Unit(nn.Module):
    """Convolution without bias, batch normalisation, ReLU."""

    def __init__(self, c_in: int, c_out: int, kernel: int | Pair, stride: int = 1, padding: int | Pair = 0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(c_out, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', H', W')."""
        return F.relu(self.bn(self.conv(x)))


class _Mixed(nn.Module):
    """What the blocks share: how their average pool counts the border."""

    def __init__(self, variant: Variant) -> None:
        super().__init__()
        self._count_padding = variant == "torchvision"

    def _average(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=self._count_padding)


class MixedA(_Mixed):
    """35x35 block."""

    def __init__(self, c_in: int, pool: int, variant: Variant) -> None:
        super().__init__(variant)
        self.branch1x1 = Unit(c_in, 64, 1)
        self.branch5x5_1 = Unit(c_in, 48, 1)
        self.branch5x5_2 = Unit(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = Unit(c_in, 64, 1)
        self.branch3x3dbl_2 = Unit(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Unit(96, 96, 3, padding=1)
        self.branch_pool = Unit(c_in, pool, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, 35, 35) -> (N, 224 + pool, 35, 35)."""
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        five = self.branch5x5_2(self.branch5x5_1(x))
        return torch.cat([self.branch1x1(x), five, double, self.branch_pool(self._average(x))], 1)


class MixedB(nn.Module):
    """35x35 to 17x17."""

    def __init__(self, c_in: int) -> None:
        super().__init__()
        self.branch3x3 = Unit(c_in, 384, 3, stride=2)
        self.branch3x3dbl_1 = Unit(c_in, 64, 1)
        self.branch3x3dbl_2 = Unit(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Unit(96, 96, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, 35, 35) -> (N, 480 + C, 17, 17)."""
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, F.max_pool2d(x, 3, stride=2)], 1)


class MixedC(_Mixed):
    """17x17 block with 7-tap convolutions of `width` channels."""

    def __init__(self, width: int, variant: Variant) -> None:
        super().__init__(variant)
        self.branch1x1 = Unit(768, 192, 1)
        self.branch7x7_1 = Unit(768, width, 1)
        self.branch7x7_2 = Unit(width, width, (1, 7), padding=(0, 3))
        self.branch7x7_3 = Unit(width, 192, (7, 1), padding=(3, 0))
        self.branch7x7dbl_1 = Unit(768, width, 1)
        self.branch7x7dbl_2 = Unit(width, width, (7, 1), padding=(3, 0))
        self.branch7x7dbl_3 = Unit(width, width, (1, 7), padding=(0, 3))
        self.branch7x7dbl_4 = Unit(width, width, (7, 1), padding=(3, 0))
        self.branch7x7dbl_5 = Unit(width, 192, (1, 7), padding=(0, 3))
        self.branch_pool = Unit(768, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 768, 17, 17) -> the same."""
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat([self.branch1x1(x), seven, double, self.branch_pool(self._average(x))], 1)


class MixedD(nn.Module):
    """17x17 to 8x8."""

    def __init__(self) -> None:
        super().__init__()
        self.branch3x3_1 = Unit(768, 192, 1)
        self.branch3x3_2 = Unit(192, 320, 3, stride=2)
        self.branch7x7x3_1 = Unit(768, 192, 1)
        self.branch7x7x3_2 = Unit(192, 192, (1, 7), padding=(0, 3))
        self.branch7x7x3_3 = Unit(192, 192, (7, 1), padding=(3, 0))
        self.branch7x7x3_4 = Unit(192, 192, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 768, 17, 17) -> (N, 1280, 8, 8)."""
        seven = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([self.branch3x3_2(self.branch3x3_1(x)), seven, F.max_pool2d(x, 3, stride=2)], 1)


class MixedE(_Mixed):
    """8x8 block; the last one of the `fid` network pools by maximum (a fault of the TensorFlow graph, kept)."""

    def __init__(self, c_in: int, variant: Variant, *, last: bool = False) -> None:
        super().__init__(variant)
        self._maximum = last and variant == "fid"
        self.branch1x1 = Unit(c_in, 320, 1)
        self.branch3x3_1 = Unit(c_in, 384, 1)
        self.branch3x3_2a = Unit(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3_2b = Unit(384, 384, (3, 1), padding=(1, 0))
        self.branch3x3dbl_1 = Unit(c_in, 448, 1)
        self.branch3x3dbl_2 = Unit(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = Unit(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = Unit(384, 384, (3, 1), padding=(1, 0))
        self.branch_pool = Unit(c_in, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, 8, 8) -> (N, 2048, 8, 8)."""
        three = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        pooled = F.max_pool2d(x, 3, stride=1, padding=1) if self._maximum else self._average(x)
        parts = [self.branch1x1(x), self.branch3x3_2a(three), self.branch3x3_2b(three)]
        parts += [self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double), self.branch_pool(pooled)]
        return torch.cat(parts, 1)


class Auxiliary(nn.Module):
    """The training head of torchvision's file: its keys are loaded, it is never run."""

    def __init__(self) -> None:
        super().__init__()
        self.conv0 = Unit(768, 128, 1)
        self.conv1 = Unit(128, 768, 5)
        self.fc = nn.Linear(768, 1000)


class Inception(nn.Module):
    """Inception v3 up to its last average pool."""

    def __init__(self, variant: Variant = "fid") -> None:
        super().__init__()
        self.variant = variant
        self.Conv2d_1a_3x3 = Unit(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = Unit(32, 32, 3)
        self.Conv2d_2b_3x3 = Unit(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = Unit(64, 80, 1)
        self.Conv2d_4a_3x3 = Unit(80, 192, 3)
        self.Mixed_5b = MixedA(192, 32, variant)
        self.Mixed_5c = MixedA(256, 64, variant)
        self.Mixed_5d = MixedA(288, 64, variant)
        self.Mixed_6a = MixedB(288)
        self.Mixed_6b = MixedC(128, variant)
        self.Mixed_6c = MixedC(160, variant)
        self.Mixed_6d = MixedC(160, variant)
        self.Mixed_6e = MixedC(192, variant)
        if variant == "torchvision":
            self.AuxLogits = Auxiliary()
        self.Mixed_7a = MixedD()
        self.Mixed_7b = MixedE(1280, variant)
        self.Mixed_7c = MixedE(2048, variant, last=True)
        self.fc = nn.Linear(DIMS, 1008 if variant == "fid" else 1000)

    def forward(self, images: Tensor) -> Tensor:
        """(N, 2048) of images (N, 3, H, W) in [0, 1].

        They are enlarged to 299x299 (bilinear, corners not aligned) and moved to [-1, 1].
        """
        x = F.interpolate(images, size=(SIZE, SIZE), mode="bilinear", align_corners=False)
        return self.features(2.0 * x - 1.0)

    def features(self, x: Tensor) -> Tensor:
        """(N, 2048) of images (N, 3, 299, 299) that are scaled already."""
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = F.max_pool2d(x, 3, stride=2)
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x))
        x = F.max_pool2d(x, 3, stride=2)
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(x)))
        x = self.Mixed_6b(self.Mixed_6a(x))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(x)))
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))
        return F.adaptive_avg_pool2d(x, 1).flatten(1)

    @torch.inference_mode()
    def embed(self, frames: Frames) -> Floats:
        """(n, 2048) of uint8 RGB frames (n, H, W, 3), as each network's users compute them.

        `fid`: as pytorch-fid (float32, / 255). `torchvision`: as EAT's test_fid.py, see `eat_input`.
        """
        device = next(self.parameters()).device
        found = []
        for start in range(0, len(frames), _FRAMES_AT_ONCE):
            block = np.ascontiguousarray(frames[start : start + _FRAMES_AT_ONCE])
            if self.variant == "torchvision":
                features = self.features(eat_input(block).to(device))
            else:
                images = torch.from_numpy(block).to(device).permute(0, 3, 1, 2).contiguous()
                features = self(images.float() / 255.0)
            found.append(features.cpu().numpy())
        return np.concatenate(found) if found else np.zeros((0, DIMS), np.float32)


IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def eat_input(frames: Frames) -> Tensor:
    """(n, 3, 299, 299) as EAT's test_fid.py feeds torchvision's network, its three faults included.

    RGB frames are turned to BGR by a step meant for the reverse; they are scaled to [-1, 1] and then, by torchvision's
    `transform_input`, normalised a second time; OpenCV's bilinear rule enlarges them.
    """
    import cv2

    scaled = [cv2.resize(frame[:, :, ::-1].astype(np.float32) / 255, (SIZE, SIZE)) for frame in frames]
    x = torch.from_numpy(np.stack(scaled)).permute(0, 3, 1, 2) * 2.0 - 1.0
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    return (x * (std / 0.5) + (mean - 0.5) / 0.5).contiguous()


def load_inception(path: Path | str, variant: Variant = "fid") -> Inception:
    """Inception from a weight file, loaded strictly. Raises WeightsError naming the first key that does not fit."""
    return load_strictly(Inception(variant), read_state(path), path)
