"""Small layers shared by the boxes of the model."""

from __future__ import annotations

from torch import Tensor, nn


def norm(channels: int) -> nn.GroupNorm:
    """GroupNorm with groups of at least 8 channels: no running statistics, so train and eval agree."""
    return nn.GroupNorm(max(1, channels // 16), channels)


class ChannelNorm(nn.Module):
    """LayerNorm over the channels of each place of (N,C,H,W).

    Audio maps use it instead of GroupNorm: no statistic runs over time, so loudness survives and a window of a clip
    gives the same tokens as the whole clip.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N,C,H,W) -> (N,C,H,W)."""
        out: Tensor = self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return out


class ResDown(nn.Module):
    """Halve the size, widen to ``c_out``; two 3x3 convolutions with a strided shortcut."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(c_in, c_out, 3, stride=2, padding=1, bias=False),
            norm(c_out),
            nn.SiLU(),
            nn.Conv2d(c_out, c_out, 3, padding=1, bias=False),
            norm(c_out),
        )
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(c_in, c_out, 1, bias=False))
        self.act = nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        """(N,c_in,H,W) -> (N,c_out,H/2,W/2)."""
        out: Tensor = self.act(self.body(x) + self.shortcut(x))
        return out
