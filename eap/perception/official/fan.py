"""2DFAN-4 (Bulat & Tzimiropoulos 2017) in plain torch, with gradients: the landmark estimator of L_lip on real faces.

Keys and shapes are those of the published ``2DFAN4-11f355bf06.pth.tar`` (BSD-3-Clause). The network answers with one
heat map per landmark; the paper of FAN takes its highest cell, which has no gradient. Here the mean place of the cells
about it is taken (*our choice*): the same landmark to a few hundredths of a cell, and differentiable.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eap.constants import N_LANDMARKS
from eap.perception.layers import resize

SIZE = 256
"""Side of its input; its heat maps are a quarter of that."""
STACKS = 4
DEPTH = 4
WIDTH = 256
RADIUS = 3
"""Cells about the highest one that count; the network was taught bumps with a deviation of one cell."""


class Block(nn.Module):
    """Three chained 3x3 convolutions whose outputs are put side by side, with a shortcut."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        half, quarter = c_out // 2, c_out // 4
        self.bn1, self.conv1 = nn.BatchNorm2d(c_in), nn.Conv2d(c_in, half, 3, padding=1, bias=False)
        self.bn2, self.conv2 = nn.BatchNorm2d(half), nn.Conv2d(half, quarter, 3, padding=1, bias=False)
        self.bn3, self.conv3 = nn.BatchNorm2d(quarter), nn.Conv2d(quarter, quarter, 3, padding=1, bias=False)
        self.downsample: nn.Module = nn.Identity()
        if c_in != c_out:
            self.downsample = nn.Sequential(nn.BatchNorm2d(c_in), nn.ReLU(), nn.Conv2d(c_in, c_out, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """(N,c_in,h,w) -> (N,c_out,h,w)."""
        first = self.conv1(F.relu(self.bn1(x)))
        second = self.conv2(F.relu(self.bn2(first)))
        third = self.conv3(F.relu(self.bn3(second)))
        out: Tensor = torch.cat([first, second, third], 1) + self.downsample(x)
        return out


class Hourglass(nn.Module):
    """Down ``DEPTH`` times and up again, with a shortcut at every level. Names: b1_4, b2_4, ..., b2_plus_1, b3_1."""

    def __init__(self) -> None:
        super().__init__()
        for level in range(DEPTH, 0, -1):
            for part in ("b1", "b2", "b3"):
                self.add_module(f"{part}_{level}", Block(WIDTH, WIDTH))
        self.add_module("b2_plus_1", Block(WIDTH, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        """(N,WIDTH,h,w) -> the same; h and w are multiples of 16."""
        return self._level(x, DEPTH)

    def _level(self, x: Tensor, level: int) -> Tensor:
        low = self._modules[f"b2_{level}"](F.avg_pool2d(x, 2))  # type: ignore[misc]
        low = self._level(low, level - 1) if level > 1 else self._modules["b2_plus_1"](low)  # type: ignore[misc]
        low = self._modules[f"b3_{level}"](low)  # type: ignore[misc]
        out: Tensor = self._modules[f"b1_{level}"](x) + F.interpolate(low, scale_factor=2.0)  # type: ignore[misc]
        return out


class FAN(nn.Module):
    """RGB faces (N,3,256,256) in [0,1] -> heat maps (N,68,64,64) of the last stack."""

    def __init__(self, stacks: int = STACKS) -> None:
        super().__init__()
        self.stacks = stacks
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, stride=2, padding=3), nn.BatchNorm2d(64)
        self.conv2, self.conv3, self.conv4 = Block(64, 128), Block(128, 128), Block(128, WIDTH)
        for i in range(stacks):
            self.add_module(f"m{i}", Hourglass())
            self.add_module(f"top_m_{i}", Block(WIDTH, WIDTH))
            self.add_module(f"conv_last{i}", nn.Conv2d(WIDTH, WIDTH, 1))
            self.add_module(f"bn_end{i}", nn.BatchNorm2d(WIDTH))
            self.add_module(f"l{i}", nn.Conv2d(WIDTH, N_LANDMARKS, 1))
            if i < stacks - 1:
                self.add_module(f"bl{i}", nn.Conv2d(WIDTH, WIDTH, 1))
                self.add_module(f"al{i}", nn.Conv2d(N_LANDMARKS, WIDTH, 1))

    def forward(self, faces: Tensor) -> Tensor:
        """See the class. Raises ValueError for another shape."""
        if faces.shape[1:] != (3, SIZE, SIZE):
            raise ValueError(f"FAN reads (N,3,{SIZE},{SIZE}), got {tuple(faces.shape)}")
        parts = self._modules
        x = F.avg_pool2d(self.conv2(F.relu(self.bn1(self.conv1(faces)))), 2)
        x = self.conv4(self.conv3(x))
        maps: Tensor = x
        for i in range(self.stacks):
            y = parts[f"conv_last{i}"](parts[f"top_m_{i}"](parts[f"m{i}"](x)))  # type: ignore[misc]
            y = F.relu(parts[f"bn_end{i}"](y))  # type: ignore[misc]
            maps = parts[f"l{i}"](y)  # type: ignore[misc]
            if i < self.stacks - 1:
                x = x + parts[f"bl{i}"](y) + parts[f"al{i}"](maps)  # type: ignore[misc]
        return maps


def heatmap_points(heatmaps: Tensor) -> Tensor:
    """Heat maps (N,K,h,w) -> places (N,K,2) as x,y in 0..1: centroid of what is positive about the highest cell.

    Cell i of n is centred at (i + .5) / n, as in face-alignment. Which cell is highest has no gradient; where the mass
    about it lies has one.
    """
    n, k, h, w = heatmaps.shape
    maps = heatmaps.float()
    best = maps.detach().flatten(2).argmax(-1)
    rows = torch.arange(h, device=maps.device)
    columns = torch.arange(w, device=maps.device)
    near_y = (rows - (best // w)[..., None]).abs() <= RADIUS
    near_x = (columns - (best % w)[..., None]).abs() <= RADIUS
    mass = F.relu(maps) * near_y[..., :, None] * near_x[..., None, :]
    # A map that is nowhere positive has no mass: its highest cell then stands alone.
    mass = mass + 1e-6 * F.one_hot(best, h * w).view(n, k, h, w)
    total = mass.sum((2, 3))
    x = (mass.sum(2) * (columns + 0.5)).sum(-1) / (total * w)
    y = (mass.sum(3) * (rows + 0.5)).sum(-1) / (total * h)
    return torch.stack([x, y], -1)


class FanLandmarks(nn.Module):
    """Landmarks (N,68,2) in 0..1 of frames (N,3,S,S) in [0,1], read in one fixed square of the frame.

    ``square`` (x, y, side) in units of the frame: where prepared faces lie (``face_square``). The square may reach over
    the edge; there is black, as in face-alignment's crop.
    """

    def __init__(self, network: nn.Module, square: tuple[float, float, float] = (0.0, 0.0, 1.0)) -> None:
        super().__init__()
        self.network, self.square = network, square

    def forward(self, frames: Tensor) -> Tensor:
        """See the class; gradients reach the frames."""
        x, y, side = self.square
        if self.square == (0.0, 0.0, 1.0):
            faces = resize(frames, SIZE)
        else:
            # Places run over -1..1 in grid_sample and over 0..1 here.
            theta = frames.new_tensor([[side, 0.0, 2 * x + side - 1], [0.0, side, 2 * y + side - 1]])
            grid = F.affine_grid(theta.expand(len(frames), 2, 3), [len(frames), 3, SIZE, SIZE], align_corners=False)
            faces = F.grid_sample(frames, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        points = heatmap_points(self.network(faces))
        return points * side + points.new_tensor([x, y])


def face_square(landmarks: Tensor) -> tuple[float, float, float]:
    """The square (x, y, side) in which FAN wants faces like these: landmarks (T,68,2) in 0..1, T frames of any clips.

    face-alignment cuts a square of (w + h) / 195 * 200 about a detected box, moved up by .12 h. The box is taken to
    be the landmarks' bounds, a fifth of their height added above for the forehead (*our choice*: S3FD's end there).
    """
    low, high = landmarks.amin(1).median(0).values, landmarks.amax(1).median(0).values
    left, right, bottom = float(low[0]), float(high[0]), float(high[1])
    top = float(low[1]) - 0.2 * (bottom - float(low[1]))
    wide, tall = right - left, bottom - top
    side = (wide + tall) / 195 * 200
    centre = ((left + right) / 2, (top + bottom) / 2 - 0.12 * tall)
    return centre[0] - side / 2, centre[1] - side / 2, side
