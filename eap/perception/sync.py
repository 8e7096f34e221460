"""Audio-visual synchrony judge, after SyncNet (Chung & Zisserman 2016): 5 frames of the mouth against 0.2 s of speech.

Distances follow syncnet_python: Euclidean between the embedding of a window and those of the audio at shifts
-15..15 frames, averaged over the clip; the smallest is LSE-D, median minus smallest is LSE-C, its place the offset.
Embeddings are unit vectors here, so distances lie in 0..2 and are not comparable with SyncNet v2's.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eap.constants import MEL_PER_FRAME, N_MELS
from eap.perception.evaluators import crop_box
from eap.perception.layers import group_norm, resize

WINDOW = 5
"""Frames per window: 0.2 s at 25 fps, 20 mel rows."""
MAX_SHIFT = 15


class SyncJudge(nn.Module):
    """Two towers into one 128-d space. Window t covers frames t..t+4 and mel rows 4t..4t+19, nothing else."""

    size = 48
    crop = (0.25, 0.5, 0.75, 1.0)
    """Left, top, right, bottom of the lower-face window, as parts of the frame."""

    def __init__(self) -> None:
        super().__init__()
        # Each frame is seen alone, then five are joined: a clip of T frames costs T passes, not 5T.
        self.frame = nn.Sequential(
            nn.Conv2d(3, 24, 5, 2, 2, bias=False), group_norm(24), nn.ReLU(),
            nn.Conv2d(24, 40, 3, 2, 1, bias=False), group_norm(40), nn.ReLU(),
            nn.Conv2d(40, 64, 3, 2, 1, bias=False), group_norm(64), nn.ReLU(),
            nn.Flatten(), nn.Linear(64 * 36, 128), nn.LayerNorm(128), nn.ReLU(),
        )  # fmt: skip
        self.video = nn.Sequential(nn.Linear(128 * WINDOW, 256), nn.ReLU(), nn.Linear(256, 128))
        self.spectrum = nn.Sequential(
            nn.Conv2d(1, 24, 3, (1, 2), 1, bias=False), group_norm(24), nn.ReLU(),
            nn.Conv2d(24, 40, 3, (2, 2), 1, bias=False), group_norm(40), nn.ReLU(),
            nn.Conv2d(40, 64, 3, (2, 2), 1, bias=False), group_norm(64), nn.ReLU(),
        )  # fmt: skip
        self.audio = nn.Sequential(
            nn.Flatten(), nn.Linear(64 * 5 * 10, 256), nn.LayerNorm(256), nn.ReLU(), nn.Linear(256, 128)
        )
        self.log_temperature = nn.Parameter(torch.tensor(2.3))

    def crop_mouth(self, frames: Tensor) -> Tensor:
        """Whole frames (N,3,H,W) in [0,1] -> lower face (N,3,48,48): what a streaming caller keeps per frame."""
        return resize(crop_box(frames, self.crop), self.size)

    def embed_video(self, frames: Tensor) -> Tensor:
        """Whole frames (B,T,3,H,W) in [0,1] -> unit vectors (B,T-4,128)."""
        b, t = frames.shape[:2]
        return self.embed_mouths(self.crop_mouth(frames.flatten(0, 1)).reshape(b, t, 3, self.size, self.size))

    def embed_mouths(self, mouths: Tensor) -> Tensor:
        """Lower faces (B,T,3,48,48) from `crop_mouth` -> unit vectors (B,T-4,128)."""
        b, t = mouths.shape[:2]
        if t < WINDOW:
            raise ValueError(f"a window is {WINDOW} frames, got {t}")
        each = self.frame((mouths.flatten(0, 1) * 2 - 1).contiguous(memory_format=torch.channels_last)).reshape(
            b, t, -1
        )
        windows = each.unfold(1, WINDOW, 1).transpose(2, 3).flatten(2)
        return F.normalize(self.video(windows), dim=-1)

    def embed_audio(self, mel: Tensor) -> Tensor:
        """Mel rows (B,4T,80) of `eap.acoustics.log_mel` -> unit vectors (B,T-4,128)."""
        if mel.ndim != 3 or mel.shape[1] % MEL_PER_FRAME or mel.shape[1] < WINDOW * MEL_PER_FRAME:
            raise ValueError(f"expected mel (B,4T,{N_MELS}) with T >= {WINDOW}, got {tuple(mel.shape)}")
        windows = (mel / 4).unfold(1, WINDOW * MEL_PER_FRAME, MEL_PER_FRAME).transpose(2, 3)
        b, n = windows.shape[:2]
        maps = windows.reshape(b * n, 1, WINDOW * MEL_PER_FRAME, N_MELS)
        return F.normalize(self.audio(self.spectrum(maps)).reshape(b, n, -1), dim=-1)

    def forward(self, frames: Tensor, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Frames (B,T,3,H,W) and mel (B,4T,80) -> video and audio embeddings, each (B,T-4,128)."""
        return self.embed_video(frames), self.embed_audio(mel)


@dataclass(frozen=True)
class SyncScore:
    """Synchrony of one clip."""

    offset: int
    """Frames by which the video must be moved later to fit the audio (0: in sync; positive: video leads)."""
    distance: float
    """LSE-D: the smallest mean distance over shifts."""
    confidence: float
    """LSE-C: median over shifts minus the smallest."""


def sync_curve(video: Tensor, audio: Tensor, max_shift: int = MAX_SHIFT) -> Tensor:
    """Mean distance (2*max_shift+1,) of video (T,128) to audio (T,128) moved by -max_shift..max_shift frames.

    Window t meets audio window t + shift. Only windows that exist on both sides count (syncnet_python pads with zeros,
    which biases large shifts); shifts that leave none are NaN.
    """
    n = min(len(video), len(audio))
    curve = torch.full((2 * max_shift + 1,), float("nan"))
    for i, shift in enumerate(range(-max_shift, max_shift + 1)):
        lo, hi = max(0, -shift), min(n, n - shift)
        if hi > lo:
            curve[i] = (video[lo:hi] - audio[lo + shift : hi + shift]).norm(dim=-1).mean()
    return curve


def score_sync(video: Tensor, audio: Tensor, max_shift: int = MAX_SHIFT) -> SyncScore:
    """Offset, LSE-D and LSE-C of embeddings (T,128) and (T,128)."""
    curve = sync_curve(video, audio, max_shift)
    known = curve[~curve.isnan()]
    best = int(torch.nan_to_num(curve, nan=torch.inf).argmin())
    lowest = float(curve[best])
    return SyncScore(best - max_shift, lowest, float(known.quantile(0.5)) - lowest)
