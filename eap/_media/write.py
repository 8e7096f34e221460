"""Writing video and audio: whole files, the same bytes for the same input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from fractions import Fraction
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.container import OutputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream
from numpy.typing import NDArray

from eap._media.audio import checked_audio, decode_audio, resample
from eap._media.container import damaged, open_input, video_stream
from eap.errors import MediaError
from eap.files import atomic_path

VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv")
AUDIO_CODECS = {".wav": "pcm_s16le", ".flac": "flac", ".m4a": "aac"}

_AAC_RATES = (7350, 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
_CHUNK = 64
_EXACT_YUV = int(Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP)
_BT601, _LIMITED = 6, 1  # AVCOL_SPC_SMPTE170M and its like, AVCOL_RANGE_MPEG: what swscale's RGB -> YUV makes
# One thread: x264's output depends on their number. No macroblock tree: its SIMD code reads memory it never set, so
# the same frames gave other bytes every time.
_X264 = "threads=1:mbtree=0"


class VideoWriter:
    """Writes H.264 (yuv420p) and, once `write_audio` is called, AAC mono. Use as a context manager.

    The file (.mp4, .mov or .mkv) appears whole when the block ends, or not at all. MP4 and MOV have their index in
    front. An odd width or height gets one more column or row, a copy of the last. Same frames in the same calls, same
    bytes. `rate=None` refuses audio. Raises MediaError: wrong shapes, NaN audio, no frames, disk full.
    """

    def __init__(
        self,
        path: str | Path,
        width: int,
        height: int,
        fps: float = 25.0,
        rate: int | None = 16000,
        crf: int = 18,
    ) -> None:
        self.path = Path(path)
        self.width, self.height = width, height
        self.fps = Fraction(fps).limit_denominator(1001)
        self.rate = rate
        self.crf = crf
        if self.path.suffix.lower() not in VIDEO_SUFFIXES:
            raise MediaError(f"{path}: cannot write {self.path.suffix or 'no'} video", fix=f"use {VIDEO_SUFFIXES}")
        if width < 1 or height < 1 or not self.fps > 0:
            raise MediaError(f"{path}: cannot write {width}x{height} at {fps} fps", fix="sizes and rate must be > 0")
        if rate is not None and rate not in _AAC_RATES:
            raise MediaError(f"{path}: AAC cannot hold {rate} Hz", fix="resample the audio to 16000 Hz")
        self._stack = ExitStack()
        self._frames = 0
        self._held: list[
            Packet[VideoStream]
        ] = []  # until it is known whether there is audio: streams cannot be added later
        self._audio: _AudioTrack | None = None

    def __enter__(self) -> Self:
        with _named(self.path), ExitStack() as stack:
            self._container = stack.enter_context(_output(self.path))
            self._video = self._add_video()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._stack.__exit__(kind, error, trace)  # nothing half-written is left
            return
        with _named(self.path), self._stack:
            if not self._frames:
                raise MediaError(f"{self.path}: no frames to write", fix="give at least one frame")
            self._mux(self._video.encode(None))
            if self._audio is not None:
                self._audio.finish()
            self._release_held()

    def write(self, frames: NDArray[np.uint8]) -> None:
        """Append frames: uint8 RGB (n, H, W, 3) or (H, W, 3) of the writer's size."""
        block = frames[None] if frames.ndim == 3 else frames
        if block.dtype != np.uint8 or block.ndim != 4 or block.shape[1:] != (self.height, self.width, 3):
            raise MediaError(
                f"{self.path}: frames to write are {frames.dtype} {frames.shape}",
                fix=f"give uint8 (n, {self.height}, {self.width}, 3)",
            )
        with _named(self.path):
            for picture in block:
                frame = VideoFrame.from_ndarray(_even(picture), format="rgb24").reformat(
                    format="yuv420p", interpolation=_EXACT_YUV, threads=1
                )
                frame.pts, frame.time_base = self._frames, 1 / self.fps
                self._frames += 1
                self._mux(self._video.encode(frame))

    def write_audio(self, audio: NDArray[np.floating]) -> None:
        """Append mono samples (n,) at the writer's rate; values beyond [-1, 1] are clipped."""
        if self.rate is None:
            raise MediaError(f"{self.path}: was opened without audio", fix="give VideoWriter a rate")
        samples = checked_audio(self.path, audio)
        with _named(self.path):
            if self._audio is None:
                self._audio = _AudioTrack(self._container, "aac", self.rate)
                self._release_held()
            self._audio.add(samples)

    def _add_video(self) -> VideoStream:
        options = {"crf": str(self.crf), "preset": "medium", "x264-params": _X264}
        stream = self._container.add_stream("libx264", rate=self.fps, options=options)
        stream.width, stream.height = self.width + self.width % 2, self.height + self.height % 2
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.thread_count = 1
        context.gop_size = max(1, round(self.fps))  # a key frame each second: players seek quickly
        context.flags |= Flags.bitexact
        context.colorspace = context.color_primaries = context.color_trc = _BT601
        context.color_range = _LIMITED
        return stream

    def _mux(self, packets: list[Packet[VideoStream]]) -> None:
        if self.rate is not None and self._audio is None:
            self._held.extend(packets)
        else:
            self._container.mux(packets)

    def _release_held(self) -> None:
        self._container.mux(self._held)
        self._held = []


def write_video(
    path: str | Path,
    frames: NDArray[np.uint8] | Iterable[NDArray[np.uint8]],
    fps: float = 25.0,
    audio: NDArray[np.floating] | None = None,
    rate: int = 16000,
    crf: int = 18,
) -> None:
    """Write frames (T, H, W, 3), or an iterable of (n, H, W, 3) or (H, W, 3) blocks, with mono audio if given.

    Frames and audio keep their own lengths. See VideoWriter for the format and errors.
    """
    blocks = iter([frames] if isinstance(frames, np.ndarray) else frames)
    first = next(blocks, None)
    if first is None or first.ndim not in (3, 4) or not first.size:
        raise MediaError(f"{path}: no frames to write", fix="give frames (n, height, width, 3)")
    height, width = first.shape[-3:-1]
    with VideoWriter(path, width, height, fps, None if audio is None else rate, crf) as writer:
        shown = heard = 0
        for block in chain([first], blocks):
            batch = block[None] if block.ndim == 3 else block
            for start in range(0, len(batch), _CHUNK):
                part = batch[start : start + _CHUNK]
                writer.write(part)
                shown += len(part)
                if audio is not None:  # sound beside its pictures in the file, so that players need not seek
                    until = round(shown / fps * rate)
                    writer.write_audio(audio[heard:until])
                    heard = until
        if audio is not None:
            writer.write_audio(audio[heard:])


def write_audio(path: str | Path, audio: NDArray[np.floating], rate: int) -> None:
    """Write mono samples (n,) as .wav or .flac (16 bit) or .m4a (AAC), whole or not at all. Raises MediaError."""
    path = Path(path)
    codec = AUDIO_CODECS.get(path.suffix.lower())
    if codec is None:
        raise MediaError(f"{path}: cannot write {path.suffix or 'no'} audio", fix=f"use {', '.join(AUDIO_CODECS)}")
    if codec == "aac" and rate not in _AAC_RATES:
        raise MediaError(f"{path}: AAC cannot hold {rate} Hz", fix="resample the audio to 16000 Hz")
    samples = checked_audio(path, audio)
    if not len(samples):
        raise MediaError(f"{path}: no audio samples to write", fix="give at least one sample")
    with _named(path), _output(path) as container:
        track = _AudioTrack(container, codec, rate)
        track.add(samples)
        track.finish()


def mux(video_path: str | Path, audio_path: str | Path, out: str | Path) -> None:
    """Join the picture of one file (copied, not re-encoded) with the sound of another (as AAC mono) into `out`.

    Both start together: the first frame at sample 0. Each keeps its own length. Raises MediaError.
    """
    samples, rate = decode_audio(Path(audio_path))
    if rate not in _AAC_RATES:
        samples, rate = resample(samples, rate, 48000), 48000
    out = Path(out)
    if out.suffix.lower() not in VIDEO_SUFFIXES:
        raise MediaError(f"{out}: cannot write {out.suffix or 'no'} video", fix=f"use {VIDEO_SUFFIXES}")
    with open_input(video_path) as source:
        stream = video_stream(source)
        if stream is None:
            raise MediaError(f"{video_path}: has no video", fix="give a file with a picture")
        if stream.time_base is None:
            raise damaged(Path(video_path), "its video has no time base")
        with _named(out), _output(out) as container:
            copied = container.add_stream_from_template(stream)
            track = _AudioTrack(container, "aac", rate)
            begin, heard = stream.start_time or 0, 0
            for packet in source.demux(stream):
                if packet.dts is None or packet.pts is None:
                    continue  # the demuxer's empty end mark
                packet.pts, packet.dts = packet.pts - begin, packet.dts - begin
                until = max(heard, round(float(packet.dts * stream.time_base) * rate) + rate)
                packet.stream = copied
                container.mux(packet)
                track.add(samples[heard:until])
                heard = until
            track.add(samples[heard:])
            track.finish()


class _AudioTrack:
    """One mono track of an output container."""

    def __init__(self, container: OutputContainer, codec: str, rate: int) -> None:
        self._container = container
        self._rate = rate
        self._float = codec == "aac"
        stream = container.add_stream(codec, rate=rate, layout="mono")
        if not isinstance(stream, AudioStream):
            raise TypeError(f"{codec} is not an audio codec")
        if self._float:
            stream.bit_rate = 64000 if rate <= 16000 else 128000
        else:
            stream.format = "s16"
        stream.codec_context.flags |= Flags.bitexact
        self._stream = stream
        self._samples = 0

    def add(self, samples: NDArray[np.float32]) -> None:
        """Encode checked samples."""
        for start in range(0, len(samples), self._rate):
            block = samples[None, start : start + self._rate]
            if self._float:
                frame = AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout="mono")
            else:
                scaled = np.clip(np.round(block * 32768.0), -32768, 32767).astype(np.int16)
                frame = AudioFrame.from_ndarray(scaled, format="s16", layout="mono")
            frame.rate, frame.pts, frame.time_base = self._rate, self._samples, Fraction(1, self._rate)
            self._samples += block.shape[1]
            self._container.mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Write what the encoder still holds."""
        self._container.mux(self._stream.encode(None))


@contextmanager
def _output(path: Path) -> Iterator[OutputContainer]:
    """An output container whose file replaces `path` when the block ends without an error."""
    with atomic_path(path) as temporary:
        options = {"fflags": "+bitexact"}
        if path.suffix.lower() in (".mp4", ".mov", ".m4a"):
            options["movflags"] = "+faststart"
        container = av.open(f"file:{temporary}", "w", options=options)
        try:
            yield container
        except BaseException:
            with suppress(av.FFmpegError, OSError, ValueError):  # the first error is the one to report
                container.close()
            raise
        container.close()


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Turn what the encoder, the muxer or the disk raises into one line about `path`."""
    try:
        yield
    except (av.FFmpegError, OSError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise MediaError(
            f"{path}: cannot be written ({reason})", fix="free disk space or choose another folder"
        ) from error


def _even(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture with even sides, its last row and column repeated where needed."""
    height, width = picture.shape[:2]
    if height % 2 or width % 2:
        return np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return np.ascontiguousarray(picture)
