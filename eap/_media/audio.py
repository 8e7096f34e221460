"""Reading, resampling and checking audio. Everything is float32 mono in [-1, 1]."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import gcd
from pathlib import Path

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from eap._media.container import (
    MAX_GAP,
    audio_stream,
    damaged,
    declared_seconds,
    open_input,
    refuse_truncated,
    video_stream,
)
from eap.errors import MediaError

_GAP = 0.05  # seconds: a later timestamp than this means lost packets, filled with silence to keep lips in sync
_SCALES = {"u1": 128.0, "i2": 32768.0, "i4": 2147483648.0}


def read_audio(path: str | Path, rate: int = 16000) -> NDArray[np.float32]:
    """(n,) float32 mono in [-1, 1] at `rate` Hz: channels averaged, encoder delay and padding removed.

    In a file with video, sample 0 belongs to the first video frame: earlier sound is cut, a later start is silence.
    Raises MediaError: no such file, not media, empty, no audio, not finite, truncated.
    """
    samples, native = decode_audio(Path(path))
    return np.clip(resample(samples, native, rate), -1.0, 1.0)


def resample(audio: NDArray[np.floating], rate_in: int, rate_out: int) -> NDArray[np.float32]:
    """(ceil(n * rate_out / rate_in),) float32: polyphase resampling without delay (Kaiser window, beta 8)."""
    if rate_in <= 0 or rate_out <= 0:
        raise ValueError(f"sample rates must be above 0, got {rate_in} and {rate_out}")
    samples = np.asarray(audio, dtype=np.float32)
    if rate_in == rate_out or not len(samples):
        return samples
    from scipy.signal import resample_poly

    common = gcd(rate_in, rate_out)
    resampled = resample_poly(samples, rate_out // common, rate_in // common, window=("kaiser", 8.0))
    return np.asarray(resampled, dtype=np.float32)


def checked_audio(path: Path, audio: NDArray[np.floating]) -> NDArray[np.float32]:
    """`audio` as float32 clipped to [-1, 1], ready to encode. Raises MediaError when it is not one finite channel."""
    samples = np.asarray(audio)
    if samples.ndim != 1 or not np.issubdtype(samples.dtype, np.floating):
        raise MediaError(
            f"{path}: audio to write is {samples.dtype} of shape {samples.shape}", fix="give float mono samples (n,)"
        )
    if not np.isfinite(samples).all():
        raise MediaError(f"{path}: audio to write holds NaN or infinity", fix="find where the samples were computed")
    return np.clip(samples, -1.0, 1.0).astype(np.float32)


def decode_audio(path: Path) -> tuple[NDArray[np.float32], int]:
    """Mono samples at the file's own rate, aligned as `read_audio` says, and that rate."""
    with open_sound(path) as (rate, blocks):
        return np.concatenate(list(blocks)), rate


def read_audio_blocks(path: str | Path, rate: int = 16000, seconds: float = 10.0) -> Iterator[NDArray[np.float32]]:
    """The samples of `read_audio`, in blocks of about `seconds`: memory does not grow with the length of the sound.

    Raises MediaError as `read_audio` does, at the place where the damage is met.
    """
    with open_sound(Path(path)) as (native, blocks):
        common = gcd(native, rate)
        up, down = rate // common, native // common
        # The filter of resample_poly reaches 10 * max(up, down) samples at the raised rate to both sides.
        reach = down * -(-(10 * max(up, down) // up + 2) // down)
        step = down * max(1, round(seconds * native / down))
        held, before = np.zeros(0, np.float32), 0
        for block in blocks:
            held = np.concatenate([held, block])
            while len(held) >= before + step + reach:
                made = resample(held[: before + step + reach], native, rate)
                yield np.clip(made[before * up // down : (before + step) * up // down], -1.0, 1.0)
                cut = max(before + step - reach, 0)
                held, before = held[cut:], before + step - cut
        rest = resample(held, native, rate)[before * up // down :]
        if len(rest):
            yield np.clip(rest, -1.0, 1.0)


@contextmanager
def open_sound(path: Path) -> Iterator[tuple[int, Iterator[NDArray[np.float32]]]]:
    """The file's own rate and its mono samples block by block, aligned as `read_audio` says; at least one sample."""
    with open_input(path) as container:
        stream = audio_stream(container)
        if stream is None:
            raise MediaError(f"{path}: has no audio", fix="give a file with sound, or leave it out")
        video = video_stream(container)
        zero = None
        if video is not None and video.start_time is not None and video.time_base is not None:
            zero = float(video.start_time * video.time_base)
        yield stream.rate, _blocks(path, container, stream, zero)


def _blocks(
    path: Path, container: InputContainer, stream: AudioStream, zero: float | None
) -> Iterator[NDArray[np.float32]]:
    """The decoded frames as mono blocks that begin at `zero` seconds; lost time is silence, encoder padding is cut."""
    stream.codec_context.thread_count = 1
    declared = declared_seconds(container, stream)
    rate, count, first, early = stream.rate, 0, None, 0
    limit = None if declared is None else round(declared * rate)  # beyond it lies the encoder's padding
    given = 0
    for frame in container.decode(stream):
        if frame.rate != rate:
            raise damaged(path, f"its sample rate changes from {rate} to {frame.rate} Hz")
        at = frame.time if frame.pts is not None else None
        pieces = []
        if first is None:
            first = at or 0.0
            late = 0 if zero is None else round((first - zero) * rate)
            early = max(-late, 0)
            if late > 0:
                given += late
                yield np.zeros(late, np.float32)
        elif at is not None and at - first - count / rate > _GAP:
            gap = at - first - count / rate
            if gap > MAX_GAP:
                raise damaged(path, f"its audio timestamps jump by {gap:.0f} s")
            pieces.append(np.zeros(round(gap * rate), np.float32))
        pieces.append(_mono(path, frame))
        for piece in pieces:
            if not np.isfinite(piece).all():
                raise damaged(path, "its audio holds NaN or infinity")
            kept = piece[: len(piece) if limit is None else max(limit - count, 0)]
            count += len(piece)
            dropped = min(early, len(kept))  # sound before the first picture
            early -= dropped
            if len(kept) > dropped:
                given += len(kept) - dropped
                yield kept[dropped:]
    refuse_truncated(path, count / rate, declared, 0.1)
    if not count or not given:
        raise damaged(path, "its audio holds no samples")


def _mono(path: Path, frame: AudioFrame) -> NDArray[np.float32]:
    """One decoded frame as the mean of its channels."""
    try:
        block = frame.to_ndarray()
    except (ValueError, KeyError) as error:
        raise damaged(path, f"its sample format {frame.format.name} is not supported") from error
    if not frame.format.is_planar:
        block = block.reshape(-1, frame.layout.nb_channels).T
    kind = block.dtype.str[1:]
    mean: NDArray[np.float64] = block.astype(np.float64).mean(axis=0)
    if kind == "u1":
        mean -= 128.0
    return (mean / _SCALES.get(kind, 1.0)).astype(np.float32)
