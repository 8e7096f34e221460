"""A PNG writer of a few lines: sample sheets must also be written on machines that hold torch and numpy alone."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eap.files import atomic_write


def write_png(path: Path, image: NDArray[np.uint8]) -> None:
    """Write (H,W,3) uint8 as an 8-bit RGB PNG (ISO/IEC 15948, filter 0 on every row)."""
    height, width, _ = image.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), image.reshape(height, -1)], 1)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    with atomic_write(path) as stream:
        stream.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head))
        stream.write(chunk(b"IDAT", zlib.compress(rows.tobytes(), 6)) + chunk(b"IEND", b""))
