"""The transformer that mixes identity, audio and emotion tokens (after IP_LAP's fusion encoder, *from a cited work*).

*Our choices*: relative position biases instead of absolute positions, so that a clip may be longer than any in
training; a limited reach, so that latency is bounded; audio tokens do not attend to emotion tokens, so that adding
E_E in ERA leaves what ANT learned exactly as it was.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eap.model.config import ModelConfig


class FusionLayer(nn.Module):
    """Pre-norm self-attention and feed-forward with a bias per head and distance."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        d, self.heads, self.reach = config.token, config.heads, config.reach
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.proj = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.feed = nn.Sequential(nn.Linear(d, 2 * d), nn.GELU(), nn.Linear(2 * d, d))
        # Distances -reach..reach, then one slot for "to or from the identity token".
        self.bias = nn.Parameter(torch.zeros(self.heads, 2 * self.reach + 2))

    def forward(self, x: Tensor, mask: Tensor, distance: Tensor) -> Tensor:
        """x (B,L,d); mask (L,L) True where attention is allowed; distance (L,L) index into the biases."""
        b, length, d = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, length, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        scores = self.bias[:, distance].masked_fill(~mask, float("-inf"))
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=scores[None].to(q.dtype))
        x = x + self.proj(mixed.transpose(1, 2).reshape(b, length, d))
        out: Tensor = x + self.feed(self.norm2(x))
        return out


class FusionTransformer(nn.Module):
    """[ID, a_1..T (, e_1..T)] -> y_a (B,T,token) and, with e, y_e (B,T,token)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.reach = config.reach
        self.identity = nn.Linear(config.latent, config.token)
        self.modality = nn.Parameter(torch.randn(3, config.token) * 0.02)
        self.layers = nn.ModuleList([FusionLayer(config) for _ in range(config.layers)])
        self.norm = nn.LayerNorm(config.token)

    def forward(self, z_id: Tensor, audio: Tensor, emotion: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """z_id (B,latent), audio (B,T,token), emotion (B,T,token) or None."""
        count = audio.shape[1]
        parts = [self.identity(z_id)[:, None] + self.modality[0], audio + self.modality[1]]
        if emotion is not None:
            parts.append(emotion + self.modality[2])
        x = torch.cat(parts, 1)
        mask, distance = self._geometry(count, emotion is not None, x.device)
        for layer in self.layers:
            x = layer(x, mask, distance)
        x = self.norm(x)
        return x[:, 1 : 1 + count], x[:, 1 + count :] if emotion is not None else None

    def _geometry(self, count: int, with_emotion: bool, device: torch.device) -> tuple[Tensor, Tensor]:
        """Who may attend to whom (L,L), and the bias index of each pair (L,L)."""
        frames = torch.arange(count, device=device)
        when = torch.cat([frames, frames]) if with_emotion else frames
        kind = torch.zeros(len(when), dtype=torch.long, device=device)
        kind[count:] = 1
        gap = when[None] - when[:, None]
        allowed = (gap.abs() <= self.reach) & (kind[None] <= kind[:, None])
        length = len(when) + 1
        mask = torch.ones(length, length, dtype=torch.bool, device=device)
        mask[1:, 1:] = allowed
        mask[0, 1:] = False  # the identity token only speaks; listening would tie it to the clip's length
        distance = torch.full((length, length), 2 * self.reach + 1, dtype=torch.long, device=device)
        distance[1:, 1:] = gap.clamp(-self.reach, self.reach) + self.reach
        return mask, distance
