"""Pictures and voices for the tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

IMAGE = np.random.default_rng(1).integers(0, 256, (40, 32, 3), np.uint8)


def voice(seconds: float, rate: int = 16000) -> np.ndarray:
    """Noise whose loudness rises and falls: no two seconds are alike."""
    rng = np.random.default_rng(5)
    time = np.arange(int(rate * seconds)) / rate
    return (0.1 * (1 + np.sin(7 * time)) * rng.normal(size=len(time))).astype(np.float32)


def sweep(seconds: float, rate: int) -> np.ndarray:
    """A tone that rises from 100 to 3,000 Hz: the same sound at any rate."""
    time = np.arange(int(rate * seconds)) / rate
    return (0.3 * np.sin(2 * np.pi * (100 * time + 1450 * time**2 / seconds))).astype(np.float32)


def world_face(size: int = 128) -> np.ndarray:
    """A face of the embedded world that the detector finds."""
    from eap.synth.clip import ClipSpec, render_clip

    clip = render_clip(ClipSpec(2001, "neutral", 1, 200, seconds=0.04), size=size)
    assert clip.frames is not None
    return np.asarray(clip.frames[0])


def scene(face: np.ndarray, places: list[tuple[int, int]], height: int = 300, width: int = 420) -> np.ndarray:
    """Faces (s,s,3) at (left, top) on a noisy wall."""
    rng = np.random.default_rng(2)
    out = rng.integers(90, 110, (height, width, 3)).astype(np.uint8)
    side = face.shape[0]
    for left, top in places:
        out[top : top + side, left : left + side] = face
    return out


def float_wav(path: Path, samples: np.ndarray) -> Path:
    """A 32-bit float WAV at 16 kHz, which can hold NaN."""
    data = samples.astype("<f4").tobytes()
    head = b"RIFF" + (36 + len(data)).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    head += (3).to_bytes(2, "little") + (1).to_bytes(2, "little") + (16000).to_bytes(4, "little")
    head += (64000).to_bytes(4, "little") + (4).to_bytes(2, "little") + (32).to_bytes(2, "little")
    path.write_bytes(head + b"data" + len(data).to_bytes(4, "little") + data)
    return path
