"""Opening containers and turning every failure into one line that names the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.codec import CodecContext
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from eap.errors import MediaError

# Only demuxers of real media: others make "video" of text files, or are playlists that open further files, or wait for
# more of a live stream that never comes.
_FORMATS = (
    "mov,mp4,matroska,webm,avi,mpeg,mpegts,mpegvideo,m4v,h264,hevc,flv,asf,ogg,mxf,nut,dv,ivf,yuv4mpegpipe,gif,apng,"
    "wav,w64,aiff,au,caf,flac,mp3,aac,ac3,eac3,amr"
)
MAX_GAP = 60.0
"""Seconds: a longer jump in a file's timestamps is taken for damage, not for a pause."""


@contextmanager
def open_input(path: str | Path) -> Iterator[InputContainer]:
    """Open a local media file for reading. Raises MediaError, also for what fails while it is read."""
    path = Path(path)
    _check_file(path)
    try:
        # "file:" keeps a colon in a name from being read as a protocol; the whitelist keeps a file from opening URLs.
        container = av.open(f"file:{path}", "r", options=_OPTIONS)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise MediaError(f"{path}: not a media file, or damaged at its beginning", fix=_REPLACE) from error
    with container:
        try:
            yield container
        except av.FFmpegError as error:
            raise MediaError(f"{path}: cannot be decoded ({error.strerror})", fix=_REPLACE) from error
        except (ArithmeticError, MemoryError) as error:  # sizes and rates that only a damaged file has
            raise MediaError(f"{path}: cannot be decoded ({type(error).__name__})", fix=_REPLACE) from error


_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _FORMATS}
_REPLACE = "copy or download it again, or leave it out"


def _check_file(path: Path) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        what = "no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise MediaError(f"{path}: {what}", fix="check the path") from error
    if path.is_dir():
        raise MediaError(f"{path}: is a folder, not a file", fix="name a file in it")
    if size == 0:
        raise MediaError(f"{path}: is empty (0 bytes)", fix=_REPLACE)


def video_stream(container: InputContainer) -> VideoStream | None:
    """The first moving picture that there is a decoder for; cover art is none."""
    for stream in container.streams.video:
        if _decodable(stream) and not stream.disposition & Disposition.attached_pic:
            return stream
    return None


def audio_stream(container: InputContainer) -> AudioStream | None:
    """The first sound track that there is a decoder for."""
    return next((stream for stream in container.streams.audio if _decodable(stream) and stream.rate > 0), None)


def _decodable(stream: Stream) -> bool:
    """PyAV leaves the codec context out where a (damaged) file names a codec that does not exist."""
    context: CodecContext | None = stream.codec_context
    return context is not None


def declared_seconds(container: InputContainer, stream: VideoStream | AudioStream) -> float | None:
    """The stream's length as an MP4/MOV index states it exactly; None for formats that only estimate it."""
    if "mov" not in container.format.name.split(",") or stream.duration is None or stream.time_base is None:
        return None
    return float(stream.duration * stream.time_base)


def refuse_truncated(path: Path, seconds: float, declared: float | None, slack: float) -> None:
    """Raise MediaError when the decoded part is more than `slack` seconds shorter than the index says."""
    if declared is not None and declared - seconds > slack:
        raise MediaError(f"{path}: truncated, {seconds:.2f} s of {declared:.2f} s could be decoded", fix=_REPLACE)


def damaged(path: Path, what: str) -> MediaError:
    """A MediaError for a file whose content contradicts itself."""
    return MediaError(f"{path}: {what}", fix=_REPLACE)
