"""Image measures of a generated clip against its reference, in one streaming pass over both."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eap.errors import MediaError
from eap.files import cache_dir
from metrics.features.clip import PairFeatures, paired_length
from metrics.features.extract import DAMAGED, digest, hash_media, store_arrays
from metrics.protocols import Protocol
from metrics.psnr import frame_psnr
from metrics.registry import Unmeasurable
from metrics.ssim import WINDOW, frame_ssim

VERSION = "1"
CHUNK = 16
Frame = NDArray[np.uint8]


def compare(generated: Path | str, reference: Path | str, protocol: Protocol, *, cache: bool = True) -> PairFeatures:
    """PSNR and SSIM of every paired frame, or the reason why there are none. Never raises for bad media."""
    generated, reference = Path(generated), Path(reference)
    try:
        first, second = hash_media(generated), hash_media(reference)
        described = {"pair": [first, second], "fps": protocol.fps, "protocol": protocol.name, "version": VERSION}
        path = cache_dir() / "pairs" / first[:2] / f"{digest(described)}.npz"
        if cache and (found := _load(path)) is not None:
            return found
        compared = _compare(generated, reference, protocol)
    except MediaError as error:
        return PairFeatures(reason=error.message)
    except Unmeasurable as error:
        return PairFeatures(reason=str(error))
    if cache and compared.psnr is not None and compared.ssim is not None:
        store_arrays(path, {"psnr": compared.psnr, "ssim": compared.ssim})
    return compared


def _load(path: Path) -> PairFeatures | None:
    try:
        with np.load(path, allow_pickle=False) as stored:
            return PairFeatures(stored["psnr"], stored["ssim"])
    except DAMAGED:
        return None


def _compare(generated: Path, reference: Path, protocol: Protocol) -> PairFeatures:
    psnr: list[float] = []
    ssim: list[float] = []
    n_ours = n_theirs = 0
    for a, b in frame_pairs(generated, reference, protocol):
        n_ours += a is not None
        n_theirs += b is not None
        if a is None or b is None:
            continue  # count on: the lengths stand in the reason
        if a.shape != b.shape:
            raise Unmeasurable(f"frame size differs: {_size(a)}, reference has {_size(b)}")
        if min(a.shape[:2]) < WINDOW:
            raise Unmeasurable(f"frames of {_size(a)} are too small: SSIM needs {WINDOW}x{WINDOW}")
        psnr.append(frame_psnr(b, a))
        ssim.append(frame_ssim(b, a))
    paired_length(n_ours, n_theirs, protocol.max_length_difference)
    return PairFeatures(np.array(psnr), np.array(ssim))


def frame_pairs(generated: Path, reference: Path, protocol: Protocol) -> Iterator[tuple[Frame | None, Frame | None]]:
    """Frames side by side, as the protocol pairs them; None where one side has ended."""
    yield from zip_longest(*_sides(generated, reference, protocol))


def _sides(generated: Path, reference: Path, protocol: Protocol) -> tuple[Iterator[Frame], Iterator[Frame]]:
    """Frames to be paired: all of them, or under eat-2023 as many of both, evenly spread."""
    ours, theirs = _frames(generated, protocol.fps), _frames(reference, protocol.fps)
    if not protocol.eat:
        return ours, theirs
    counts = [sum(1 for _ in side) for side in (ours, theirs)]
    kept = [set(np.linspace(0, n, min(counts), endpoint=False).astype(int).tolist()) for n in counts]
    first, second = _frames(generated, protocol.fps), _frames(reference, protocol.fps)
    return _only(first, kept[0]), _only(second, kept[1])


def _only(frames: Iterator[Frame], numbers: set[int]) -> Iterator[Frame]:
    return (frame for i, frame in enumerate(frames) if i in numbers)


def _size(frame: Frame) -> str:
    return f"{frame.shape[1]}x{frame.shape[0]}"


def _frames(path: Path, fps: float) -> Iterator[Frame]:
    from eap.media import read_frames

    for block in read_frames(path, fps=fps, chunk=CHUNK):
        yield from block
