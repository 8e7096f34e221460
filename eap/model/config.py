"""Sizes of the model. The defaults are the bundled 96 px model (*our choice*; the paper gives none)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from eap.errors import ConfigError


@dataclass(frozen=True)
class ModelConfig:
    """Every size needed to rebuild a network from its weights.

    ``image_channels`` are E_I's widths at S/2, S/4, S/8, S/16; G mirrors them.
    """

    size: int = 96
    image_channels: tuple[int, int, int, int] = (32, 64, 96, 128)
    latent: int = 256
    audio_channels: tuple[int, int, int, int] = (32, 48, 64, 96)
    emotion_channels: tuple[int, int, int, int] = (24, 32, 48, 64)
    token: int = 192
    layers: int = 3
    heads: int = 4
    reach: int = 12
    """How many frames to either side an audio token attends to; bounds the latency of streaming."""
    constant_alpha: bool = False
    """Problem 2's baseline: alpha is 1 in every frame."""

    def __post_init__(self) -> None:
        if self.size % 16 or self.size < 32:
            raise ConfigError(f"model size {self.size} is not a multiple of 16 of at least 32")
        if self.token % self.heads:
            raise ConfigError(f"token width {self.token} is not a multiple of {self.heads} heads")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ModelConfig:
        """Inverse of ``to_dict``; unknown names are an error, so that foreign weights are refused early."""
        unknown = set(values) - set(cls.__dataclass_fields__)
        if unknown:
            raise ConfigError(f"unknown model settings: {', '.join(sorted(unknown))}")
        ready: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**ready)
