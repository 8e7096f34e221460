"""A model small enough to run in milliseconds, with every box present."""

from __future__ import annotations

from eap.model import ModelConfig

SMALL = ModelConfig(
    size=32,
    image_channels=(16, 16, 16, 16),
    latent=24,
    audio_channels=(8, 8, 8, 8),
    emotion_channels=(8, 8, 8, 8),
    token=32,
    layers=2,
    heads=2,
    reach=4,
)
