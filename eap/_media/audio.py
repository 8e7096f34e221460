"""Reading, resampling and checking audio. Everything is float32 mono in [-1, 1]."""

from __future__ import annotations

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
    with open_input(path) as container:
        stream = audio_stream(container)
        if stream is None:
            raise MediaError(f"{path}: has no audio", fix="give a file with sound, or leave it out")
        rate = stream.rate
        video = video_stream(container)
        zero = None
        if video is not None and video.start_time is not None and video.time_base is not None:
            zero = float(video.start_time * video.time_base)
        blocks, first = _blocks(path, container, stream)
    samples = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
    if not len(samples):
        raise damaged(path, "its audio holds no samples")
    if not np.isfinite(samples).all():
        raise damaged(path, "its audio holds NaN or infinity")
    return _aligned(samples, 0 if zero is None else round((first - zero) * rate)), rate


def _blocks(path: Path, container: InputContainer, stream: AudioStream) -> tuple[list[NDArray[np.float32]], float]:
    """The decoded frames as mono blocks, lost time filled with silence, and the time of the first sample."""
    stream.codec_context.thread_count = 1
    declared = declared_seconds(container, stream)
    blocks: list[NDArray[np.float32]] = []
    rate, count, first = stream.rate, 0, 0.0
    for frame in container.decode(stream):
        if frame.rate != rate:
            raise damaged(path, f"its sample rate changes from {rate} to {frame.rate} Hz")
        at = frame.time
        if not blocks:
            first = at if frame.pts is not None and at is not None else 0.0
        elif frame.pts is not None and at is not None and at - first - count / rate > _GAP:
            gap = at - first - count / rate
            if gap > MAX_GAP:
                raise damaged(path, f"its audio timestamps jump by {gap:.0f} s")
            blocks.append(np.zeros(round(gap * rate), np.float32))
            count += len(blocks[-1])
        blocks.append(_mono(path, frame))
        count += len(blocks[-1])
    refuse_truncated(path, count / rate, declared, 0.1)
    if declared is not None and count > round(declared * rate):
        surplus = count - round(declared * rate)  # the encoder's last frame, padded to its full size
        while blocks and surplus > 0:
            cut = min(surplus, len(blocks[-1]))
            blocks[-1] = blocks[-1][: len(blocks[-1]) - cut]
            surplus -= cut
            if not len(blocks[-1]):
                blocks.pop()
    return blocks, first


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


def _aligned(samples: NDArray[np.float32], late: int) -> NDArray[np.float32]:
    """Samples that start `late` samples after the picture, made to start with it."""
    if late > 0:
        return np.concatenate([np.zeros(late, np.float32), samples])
    return samples[-late:]
