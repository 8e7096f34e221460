"""E_A: what is said, and in ERA also how strongly. One token a_t per video frame.

A full-sequence version of the Wav2Lip / IP_LAP mel encoder (*from a cited work*): 100 mel rows a second are exactly
4 per frame, so two stride-2 steps in time give one token per frame without drift.
"""

from __future__ import annotations

from torch import Tensor, nn

from eap.constants import MEL_PER_FRAME, N_MELS
from eap.model.blocks import ChannelNorm

MEL_CENTRE = 1.5
"""Speech in [-4,4] mels lies about -1.5 with a spread of about 1: centred, nothing is left to scale."""


class MelEncoder(nn.Module):
    """mel (B,4T,80) -> tokens (B,T,token). Serves as E_A and, narrower, as E_E."""

    def __init__(self, channels: tuple[int, int, int, int], token: int) -> None:
        super().__init__()
        c1, c2, c3, c4 = channels

        def conv(c_in: int, c_out: int, stride: tuple[int, int]) -> nn.Sequential:
            layer = nn.Conv2d(c_in, c_out, (5, 3), stride=stride, padding=(2, 1))
            return nn.Sequential(layer, ChannelNorm(c_out), nn.SiLU())

        # Strides are (time, frequency): 80 mels -> 40 -> 20 -> 10 -> 5, 4T rows -> 4T -> 2T -> T -> T.
        self.conv = nn.Sequential(conv(1, c1, (1, 2)), conv(c1, c2, (2, 2)), conv(c2, c3, (2, 2)), conv(c3, c4, (1, 2)))
        self.out = nn.Sequential(nn.Linear(c4 * (N_MELS // 16), token), nn.LayerNorm(token))

    def forward(self, mel: Tensor) -> Tensor:
        """Raise ``ValueError`` when the rows are not whole video frames."""
        if mel.shape[1] % MEL_PER_FRAME or mel.shape[2] != N_MELS:
            raise ValueError(f"mel must be (B, {MEL_PER_FRAME}*T, {N_MELS}), got {tuple(mel.shape)}")
        maps = self.conv(mel[:, None] + MEL_CENTRE)
        tokens: Tensor = self.out(maps.transpose(1, 2).flatten(2))
        return tokens
