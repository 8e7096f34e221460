"""HSEmotion's EfficientNet-B0 (Savchenko 2022, Apache-2.0) in plain torch, with gradients: F on real faces.

The architecture is timm's ``tf_efficientnet_b0_ns``: TensorFlow's padding (more at the end than at the beginning) and
its batch norm's epsilon. Keys and shapes are those of the state inside the published ``enet_b0_8_va_mtl.pt``: a
classifier of 10 outputs, 8 emotions (Anger, Contempt, Disgust, Fear, Happiness, Neutral, Sadness, Surprise: the order
of ``eap.constants.EMOTIONS``), valence and arousal.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eap.perception.layers import resize
from eap.perception.official.loading import load_strictly, read_state
from eap.perception.official.vgg import MEAN, STD

SIZE = 224
WIDTH = 1280
OUTPUTS = 10
EPSILON = 1e-3
_STAGES = ((16, 3, 1, 1, 1), (24, 3, 2, 6, 2), (40, 5, 2, 6, 2), (80, 3, 2, 6, 3),
           (112, 5, 1, 6, 3), (192, 5, 2, 6, 4), (320, 3, 1, 6, 1))  # fmt: skip
"""Width, kernel, stride, expansion and number of blocks of each stage (Tan & Le 2019, table 1)."""


class SameConv(nn.Conv2d):
    """Convolution with TensorFlow's SAME padding: what is missing is split, the odd pixel goes to the end."""

    def forward(self, x: Tensor) -> Tensor:
        """(N,C,h,w) -> (N,C',ceil(h/stride),ceil(w/stride))."""
        pads: list[int] = []
        for size in (x.shape[-1], x.shape[-2]):
            kernel, stride = self.kernel_size[0], self.stride[0]
            missing = max(0, (-(-size // stride) - 1) * stride + kernel - size)
            pads += [missing // 2, missing - missing // 2]
        return F.conv2d(F.pad(x, pads), self.weight, self.bias, self.stride, 0, 1, self.groups)


def _conv(c_in: int, c_out: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> SameConv:
    return SameConv(c_in, c_out, kernel, stride, groups=groups, bias=False)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=EPSILON)


class SqueezeExcite(nn.Module):
    """Each channel weighted by what the whole map says."""

    def __init__(self, channels: int, reduced: int) -> None:
        super().__init__()
        self.conv_reduce, self.conv_expand = nn.Conv2d(channels, reduced, 1), nn.Conv2d(reduced, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N,C,h,w) -> the same."""
        weight = self.conv_expand(F.silu(self.conv_reduce(x.mean((2, 3), keepdim=True))))
        return x * torch.sigmoid(weight)


class FirstBlock(nn.Module):
    """The first stage's block: nothing to expand."""

    def __init__(self, c_in: int, c_out: int, kernel: int) -> None:
        super().__init__()
        self.conv_dw, self.bn1 = _conv(c_in, c_in, kernel, groups=c_in), _norm(c_in)
        self.se = SqueezeExcite(c_in, c_in // 4)
        self.conv_pw, self.bn2 = _conv(c_in, c_out), _norm(c_out)

    def forward(self, x: Tensor) -> Tensor:
        """(N,c_in,h,w) -> (N,c_out,h,w)."""
        out: Tensor = self.bn2(self.conv_pw(self.se(F.silu(self.bn1(self.conv_dw(x))))))
        return out


class InvertedResidual(nn.Module):
    """Expand, filter, weigh, project; with a shortcut where shapes agree."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = c_in * expansion
        self.conv_pw, self.bn1 = _conv(c_in, wide), _norm(wide)
        self.conv_dw, self.bn2 = _conv(wide, wide, kernel, stride, groups=wide), _norm(wide)
        self.se = SqueezeExcite(wide, c_in // 4)
        self.conv_pwl, self.bn3 = _conv(wide, c_out), _norm(c_out)
        self.shortcut = stride == 1 and c_in == c_out

    def forward(self, x: Tensor) -> Tensor:
        """(N,c_in,h,w) -> (N,c_out,h/stride,w/stride)."""
        y = F.silu(self.bn1(self.conv_pw(x)))
        y = self.bn3(self.conv_pwl(self.se(F.silu(self.bn2(self.conv_dw(y))))))
        out: Tensor = x + y if self.shortcut else y
        return out


class AffectReading(NamedTuple):
    """emotion_logits (N,8), va (N,2) and the 1280 numbers under both (N,1280)."""

    emotion_logits: Tensor
    va: Tensor
    embedding: Tensor


class HSEmotionB0(nn.Module):
    """Frames (N,3,S,S) in [0,1] -> `AffectReading`; gradients reach the frames."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem, self.bn1 = _conv(3, 32, 3, 2), _norm(32)
        stages: list[nn.Module] = []
        c_in = 32
        for width, kernel, stride, expansion, count in _STAGES:
            blocks: list[nn.Module] = []
            for i in range(count):
                blocks.append(
                    FirstBlock(c_in, width, kernel)
                    if expansion == 1
                    else InvertedResidual(c_in, width, kernel, stride if i == 0 else 1, expansion)
                )
                c_in = width
            stages.append(nn.Sequential(*blocks))
        self.blocks = nn.Sequential(*stages)
        self.conv_head, self.bn2 = _conv(c_in, WIDTH), _norm(WIDTH)
        self.classifier = nn.Linear(WIDTH, OUTPUTS)
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1), persistent=False)

    mean: Tensor
    std: Tensor

    def embed(self, normalised: Tensor) -> Tensor:
        """Normalised faces (N,3,224,224) -> (N,1280)."""
        x = F.silu(self.bn1(self.conv_stem(normalised)))
        x = self.blocks(x)
        out: Tensor = F.silu(self.bn2(self.conv_head(x))).mean((2, 3))
        return out

    def forward(self, frames: Tensor) -> AffectReading:
        """See the class."""
        embedding = self.embed((resize(frames, SIZE) - self.mean) / self.std)
        scores = self.classifier(embedding)
        return AffectReading(scores[:, :-2], scores[:, -2:], embedding)


def load_hsemotion(path: Path | str) -> HSEmotionB0:
    """The network from a converted ``.safetensors`` file or the published ``.pt`` (read without running it), strictly.

    Raises WeightsError naming what does not fit.
    """
    from eap.perception.official.convert import read_pickled_module

    path = Path(path)
    state = read_state(path) if path.suffix == ".safetensors" else read_pickled_module(path)
    return load_strictly(HSEmotionB0(), state, path)
