"""Pictures, films and sounds as data URIs, for pages that hold everything themselves."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from eap.constants import FPS, RATE

_QUALITY = 88


def _uri(mime: str, data: bytes) -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"


def jpeg_uri(picture: np.ndarray) -> str:
    """RGB (H, W, 3) uint8 as JPEG."""
    import cv2

    _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return _uri("image/jpeg", data.tobytes())


def png_uri(picture: np.ndarray) -> str:
    """RGB (H, W, 3) uint8 as PNG."""
    import cv2

    _, data = cv2.imencode(".png", picture[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
    return _uri("image/png", data.tobytes())


def _through_file(suffix: str, write: Callable[[Path], None]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"part{suffix}"
        write(path)
        return path.read_bytes()


def video_uri(frames: np.ndarray, audio: np.ndarray, rate: int = RATE) -> str:
    """Frames (T, H, W, 3) uint8 at 25 fps with mono sound, as MP4."""
    from eap import media

    return _uri("video/mp4", _through_file(".mp4", lambda p: media.write_video(p, frames, FPS, audio, rate, crf=22)))


def audio_uri(audio: np.ndarray, rate: int = RATE) -> str:
    """Mono samples (n,) as AAC."""
    from eap import media

    return _uri("audio/mp4", _through_file(".m4a", lambda p: media.write_audio(p, audio, rate)))
