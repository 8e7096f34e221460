"""SyncNet v2 (Chung & Zisserman 2016; joonson/syncnet_python, MIT): the network behind LSE-C, LSE-D and AV offset.

`SyncNet` has the keys and shapes of `syncnet_v2.model`. It looks at 5 frames of a 224x224 crop (BGR, 0..255, not
normalised) and hears the 20 MFCC rows of the same 0.2 s; both become 1024 numbers. What is cropped is not its business:
`metrics.evaluators.crops`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from eap.perception.official.loading import load_strictly, read_state
from metrics.mfcc import N_CEPSTRA

SIZE = 224
WINDOW = 5
ROWS_PER_FRAME = 4
_WINDOWS_AT_ONCE = 16  # the first layer's answer takes about 4.6 MB a frame

Frames = NDArray[np.uint8]
Floats = NDArray[np.float32]


def _conv2(c_in: int, c_out: int, kernel: int | tuple[int, int], padding: int) -> list[nn.Module]:
    return [nn.Conv2d(c_in, c_out, kernel, padding=padding), nn.BatchNorm2d(c_out), nn.ReLU(inplace=True)]


def _conv3(c_in: int, c_out: int, kernel: tuple[int, int, int], stride: int = 1, padding: int = 0) -> list[nn.Module]:
    conv = nn.Conv3d(c_in, c_out, kernel, stride=(1, stride, stride), padding=(0, padding, padding))
    return [conv, nn.BatchNorm3d(c_out), nn.ReLU(inplace=True)]


def _head() -> nn.Sequential:
    return nn.Sequential(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, 1024))


class SyncNet(nn.Module):
    """Two towers; `syncnet_python`'s `S(1024)` key by key."""

    def __init__(self) -> None:
        super().__init__()
        self.netcnnaud = nn.Sequential(
            *_conv2(1, 64, 3, 1),
            nn.MaxPool2d(1, 1),
            *_conv2(64, 192, 3, 1),
            nn.MaxPool2d(3, (1, 2)),
            *_conv2(192, 384, 3, 1),
            *_conv2(384, 256, 3, 1),
            *_conv2(256, 256, 3, 1),
            nn.MaxPool2d(3, 2),
            *_conv2(256, 512, (5, 4), 0),
        )
        self.netfcaud = _head()
        self.netfclip = _head()
        self.netcnnlip = nn.Sequential(
            *_conv3(3, 96, (5, 7, 7), stride=2),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_conv3(96, 256, (1, 5, 5), stride=2, padding=1),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
            *_conv3(256, 256, (1, 3, 3), padding=1),
            *_conv3(256, 256, (1, 3, 3), padding=1),
            *_conv3(256, 256, (1, 3, 3), padding=1),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_conv3(256, 512, (1, 6, 6)),
        )

    def forward(self, lips: Tensor, mfcc: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings (W, 1024) of `lips` (1, 3, W+4, 224, 224) and of `mfcc` (W, 1, 13, 20).

        Only the first convolution of the lip tower looks across frames, so a whole run of frames goes through at once:
        each window's result is what it would be alone, at a fifth of the work.
        """
        seen = self.netcnnlip(lips)[0, :, :, 0, 0].T
        heard = self.netcnnaud(mfcc).flatten(1)
        return self.netfclip(seen), self.netfcaud(heard)

    @torch.inference_mode()
    def embed(self, frames: Frames, rows: Floats) -> tuple[Floats, Floats]:
        """Embeddings (n - 4, 1024) of the windows of BGR `frames` (n, 224, 224, 3) and MFCC `rows` (4n, 13).

        Raises ValueError for other shapes and fewer than 5 frames.
        """
        n = len(frames)
        if frames.shape[1:] != (SIZE, SIZE, 3) or n < WINDOW:
            raise ValueError(f"SyncNet needs at least {WINDOW} frames (n, {SIZE}, {SIZE}, 3), got {frames.shape}")
        if rows.shape != (ROWS_PER_FRAME * n, N_CEPSTRA):
            raise ValueError(f"{n} frames need MFCC rows {(ROWS_PER_FRAME * n, N_CEPSTRA)}, got {rows.shape}")
        windows = np.lib.stride_tricks.sliding_window_view(rows, ROWS_PER_FRAME * WINDOW, axis=0)[::ROWS_PER_FRAME]
        device = next(self.parameters()).device
        video, audio = [], []
        for start in range(0, n - WINDOW + 1, _WINDOWS_AT_ONCE):
            block = frames[start : start + _WINDOWS_AT_ONCE + WINDOW - 1]
            lips = torch.from_numpy(np.ascontiguousarray(block)).permute(3, 0, 1, 2).float()[None]
            heard = np.ascontiguousarray(windows[start : start + _WINDOWS_AT_ONCE], np.float32)
            v, a = self(lips.to(device), torch.from_numpy(heard)[:, None].to(device))
            video.append(v.cpu().numpy())
            audio.append(a.cpu().numpy())
        return np.concatenate(video), np.concatenate(audio)


def load_syncnet(path: Path | str) -> SyncNet:
    """SyncNet from a weight file, loaded strictly. Raises WeightsError naming the first key that does not fit."""
    return load_strictly(SyncNet(), read_state(path), path)
