"""Reading video: probing, frames by timestamp, whole clips."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream
from numpy.typing import NDArray

from eap._media.audio import read_audio
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

# swscale's default YUV -> RGB truncates: every channel comes out 1.1-1.4 levels too dark on average, which caps the
# PSNR of a clip against its own source near 37-44 dB. These flags cost up to 3 ms per 512x512 frame and remove it.
_EXACT_RGB = int(Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT)


@dataclass(frozen=True)
class VideoInfo:
    """What a media file holds. width, height: pixels as shown, after rotation; 0 without video. fps: 0 without video.

    duration: seconds of the video, else of the audio. n_frames: as the container states it, None where it does not.
    audio_rate: Hz or None. rotation: degrees counterclockwise by which readers turn the stored frames. codec,
    pixel_format: as FFmpeg names them ("h264", "yuv420p"); empty without video.
    """

    path: Path
    width: int
    height: int
    fps: float
    duration: float
    n_frames: int | None
    has_video: bool
    has_audio: bool
    audio_rate: int | None
    rotation: int
    codec: str = ""
    pixel_format: str = ""


@dataclass(frozen=True, eq=False)
class Video:
    """A whole clip in memory. frames: uint8 RGB (T, H, W, 3); audio: float32 mono at `rate` Hz, or None."""

    frames: NDArray[np.uint8]
    fps: float
    audio: NDArray[np.float32] | None
    rate: int


def probe(path: str | Path) -> VideoInfo:
    """Describe a media file; decodes one frame at most. Raises MediaError when it holds neither video nor audio."""
    path = Path(path)
    with open_input(path) as container:
        video, audio = video_stream(container), audio_stream(container)
        if video is None and audio is None:
            raise MediaError(f"{path}: holds neither video nor audio", fix="leave it out")
        rate = audio.rate if audio is not None else None
        if video is None:
            seconds = _seconds(container, audio.duration, audio.time_base) if audio is not None else 0.0
            return VideoInfo(path, 0, 0, 0.0, seconds, None, False, True, rate, 0)
        first = next(_decoded(path, container, video), None)
        if first is None:
            raise damaged(path, "holds no frame that can be decoded")
        rotation = _rotation(first.frame)
        width, height = first.frame.width, first.frame.height
        if rotation % 180:
            width, height = height, width
        return VideoInfo(
            path=path,
            width=width,
            height=height,
            fps=float(video.average_rate or video.guessed_rate or 0),
            duration=_seconds(container, video.duration, video.time_base),
            n_frames=video.frames or None,
            has_video=True,
            has_audio=audio is not None,
            audio_rate=rate,
            rotation=rotation,
            codec=video.codec_context.name,
            pixel_format=str(video.codec_context.pix_fmt or ""),
        )


def read_frames(
    path: str | Path, *, fps: float | None = 25.0, chunk: int = 64, shorter: int | None = None
) -> Iterator[NDArray[np.uint8]]:
    """Yield the video as uint8 RGB (n, H, W, 3), n <= chunk; memory does not grow with its length.

    With `fps`, output frame k shows what is on screen at k/fps seconds after the first frame: the latest frame whose
    timestamp is not after that (1 ms of slack for containers that round), up to the end of the last frame; so any
    frame rate, constant or variable, is resampled by time, repeating or leaving out frames. With None: every stored
    frame once. Rotation flags are applied, transparency is laid over black, a picture that changes size keeps the
    first size. Pixels are not stretched for non-square sample aspect ratios. With `shorter`, pictures whose shorter
    side is longer than that are scaled down to it, which is much quicker for large ones. Raises MediaError: no video,
    damaged, truncated.
    """
    path = Path(path)
    if chunk < 1:
        raise ValueError(f"chunk must be at least 1, got {chunk}")
    with open_input(path) as container:
        stream = video_stream(container)
        if stream is None:
            raise MediaError(f"{path}: has no video", fix="give a file with a picture")
        decoded = _decoded(path, container, stream)
        converter = _Converter(shorter)
        block: list[NDArray[np.uint8]] = []
        seen = False
        for frame in _on_grid(path, decoded, fps) if fps is not None else (item.frame for item in decoded):
            seen = True
            block.append(converter(frame))
            if len(block) == chunk:
                yield np.stack(block)
                block = []
        if block:
            yield np.stack(block)
        if not seen:
            raise damaged(path, "holds no frame that can be decoded")


def read_video(path: str | Path, fps: float = 25.0, rate: int = 16000) -> Video:
    """Read a whole clip: frames resampled to `fps` (see `read_frames`), audio at `rate` Hz or None where it has none.

    Audio sample 0 belongs to frame 0. Frames and audio keep their own lengths. Raises MediaError.
    """
    path = Path(path)
    blocks = list(read_frames(path, fps=fps))
    with open_input(path) as container:
        has_audio = audio_stream(container) is not None
    return Video(np.concatenate(blocks), fps, read_audio(path, rate) if has_audio else None, rate)


@dataclass(frozen=True)
class _Timed:
    """A decoded frame, on screen for [start, end) seconds after the first one."""

    frame: VideoFrame
    start: float
    end: float


def _decoded(path: Path, container: InputContainer, stream: VideoStream) -> Iterator[_Timed]:
    """Frames in order of time. Missing or backward timestamps are replaced by the nominal frame rate."""
    stream.codec_context.thread_count = 1  # clips are read in parallel; threads of one decoder get in each other's way
    nominal = 1.0 / float(stream.average_rate or stream.guessed_rate or 25)
    declared = declared_seconds(container, stream)
    origin: float | None = None
    start = end = -nominal
    for frame in container.decode(stream):
        stamp = frame.time if frame.pts is not None else None
        if origin is None:
            origin = stamp or 0.0
        at = stamp - origin if stamp is not None else end
        if at <= start:
            at = end
        if at - start > MAX_GAP:
            raise damaged(path, f"its timestamps jump by {at - start:.0f} s")
        lasts = float(frame.duration * frame.time_base) if frame.duration and frame.time_base else nominal
        start, end = max(at, 0.0), max(at, 0.0) + min(lasts, MAX_GAP)
        yield _Timed(frame, start, end)
    refuse_truncated(path, max(end, 0.0), declared, 2.5 * nominal)


def _on_grid(path: Path, decoded: Iterator[_Timed], fps: float) -> Iterator[VideoFrame]:
    """For every k/fps of the video's duration, the latest frame that has begun; at least one frame."""
    if not fps > 0:
        raise ValueError(f"fps must be above 0, got {fps}")
    slack = min(1e-3, 0.1 / fps)
    latest: _Timed | None = None
    k = 0
    for item in decoded:
        while latest is not None and k / fps < item.start - slack:
            yield latest.frame
            k += 1
        latest = item
    while latest is not None and (k == 0 or k / fps < latest.end - slack):
        yield latest.frame
        k += 1


class _Converter:
    """VideoFrame -> upright uint8 RGB array of the first one's scaled size; remembers the last: repeats are common."""

    def __init__(self, shorter: int | None = None) -> None:
        self._shorter = shorter
        self._size: tuple[int, int] | None = None
        self._last: tuple[VideoFrame, NDArray[np.uint8]] | None = None

    def __call__(self, frame: VideoFrame) -> NDArray[np.uint8]:
        if self._last is not None and self._last[0] is frame:
            return self._last[1]
        if self._size is None:
            scale = min(1.0, (self._shorter or frame.width) / min(frame.width, frame.height))
            self._size = (max(round(frame.width * scale), 1), max(round(frame.height * scale), 1))
        upright = np.rot90(_to_rgb(frame, *self._size), k=_rotation(frame) // 90)
        self._last = (frame, upright)
        return upright


def _to_rgb(frame: VideoFrame, width: int, height: int) -> NDArray[np.uint8]:
    alpha = any(component.is_alpha for component in frame.format.components) or frame.format.name == "pal8"
    picture = frame.to_ndarray(
        format="rgba" if alpha else "rgb24", width=width, height=height, interpolation=_EXACT_RGB, threads=1
    )
    if not alpha:
        return cast("NDArray[np.uint8]", picture)
    weighted = picture[..., :3].astype(np.uint16) * picture[..., 3:] + 127
    return (weighted // 255).astype(np.uint8)


def _rotation(frame: VideoFrame) -> int:
    """Degrees counterclockwise, a multiple of 90 in [0, 360)."""
    return round(frame.rotation / 90) * 90 % 360


def _seconds(container: InputContainer, duration: int | None, time_base: object) -> float:
    if duration is not None and time_base is not None:
        return float(duration * time_base)  # type: ignore[operator]
    return (container.duration or 0) / 1e6
