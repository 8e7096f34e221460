"""Reading what the world holds: other rates and formats, flags, damage. Files are made here, or real (../shared)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from eap.errors import MediaError
from eap.media import mux, probe, read_audio, read_audio_blocks, read_frames, read_video, write_audio, write_video

Frames = NDArray[np.uint8]


def _numbered(count: int, step: int = 3, size: int = 32) -> Frames:
    """Gray frames whose value tells their number: frame k is k * step."""
    frames = np.zeros((count, size, size, 3), np.uint8)
    frames[:] = (np.arange(count) * step)[:, None, None, None]
    return frames


def _encode(
    path: Path,
    frames: Frames,
    *,
    codec: str = "ffv1",
    pixels: str = "bgr0",
    rate: Fraction | int = 25,
    stamps: Sequence[int] | None = None,
    source: str = "rgb24",
    rotation: float | None = None,
) -> Path:
    """Write `frames` with PyAV itself; `stamps` are milliseconds, for a variable rate."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=rate)
        stream.height, stream.width, stream.pix_fmt = frames.shape[1], frames.shape[2], pixels
        base = Fraction(1, 1000) if stamps is not None else 1 / Fraction(rate)
        if stamps is not None:
            stream.codec_context.time_base = base
        if rotation is not None:
            stream.set_display_rotation(rotation)
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, format=source)
            frame.pts, frame.time_base = number if stamps is None else stamps[number], base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _read(path: Path, fps: float | None = 25.0) -> Frames:
    return np.concatenate(list(read_frames(path, fps=fps)))


def _numbers(path: Path, step: int = 3, fps: float | None = 25.0) -> list[int]:
    return [int(value) for value in np.round(_read(path, fps)[:, 5, 5, 0] / step)]


def test_variable_frame_rate_shows_the_latest_frame_begun(tmp_path: Path) -> None:
    path = _encode(tmp_path / "vfr.mkv", _numbered(8, 30), stamps=[0, 40, 80, 300, 320, 340, 600, 640])
    # Worked by hand: k/25 s falls at 0, 40, 80, 120 ... 640 ms.
    assert _numbers(path, 30) == [0, 1, 2, 2, 2, 2, 2, 2, 4, 5, 5, 5, 5, 5, 5, 6, 7]
    assert _numbers(path, 30, fps=None) == [0, 1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("rate", [10, 24, 25, 30, 50, 60, Fraction(30000, 1001)])
def test_constant_rates_are_resampled_by_time(tmp_path: Path, rate: int | Fraction) -> None:
    count = int(rate)
    got = _numbers(_encode(tmp_path / "r.mkv", _numbered(count), rate=rate))
    stamps = np.round(np.arange(count) / float(rate) * 1000) / 1000  # Matroska keeps milliseconds
    expected = [int(np.searchsorted(stamps, k / 25 + 1e-3, "right")) - 1 for k in range(len(got))]
    assert got == expected
    assert len(got) == pytest.approx(25, abs=1)


def test_25_fps_is_passed_through_in_every_container(tmp_path: Path) -> None:
    for name, codec, pixels in (("a.mp4", "libx264", "yuv420p"), ("a.avi", "ffv1", "bgr0"), ("a.mov", "png", "rgb24")):
        path = _encode(tmp_path / name, _numbered(30, 8), codec=codec, pixels=pixels)
        assert _numbers(path, 8) == list(range(30)), name
    path = _encode(tmp_path / "a.webm", _numbered(30, 8), codec="libvpx-vp9", pixels="yuv420p")
    assert _numbers(path, 8) == list(range(30))


def test_chunks_are_full_but_the_last(tmp_path: Path) -> None:
    path = _encode(tmp_path / "a.mkv", _numbered(10))
    assert [len(block) for block in read_frames(path, chunk=4)] == [4, 4, 2]
    with pytest.raises(ValueError, match="chunk"):
        next(read_frames(path, chunk=0))


@pytest.mark.parametrize(("degrees", "turns"), [(0, 0), (90, 1), (180, 2), (270, 3), (-90, 3)])
def test_rotation_flags_are_applied(tmp_path: Path, degrees: float, turns: int) -> None:
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32], picture[:24, 32:], picture[24:, :32] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    path = _encode(tmp_path / "r.mp4", np.stack([picture] * 3), codec="libx264", pixels="yuv420p", rotation=degrees)
    shown = _read(path)[0]
    expected = np.rot90(picture, turns)
    assert shown.shape == expected.shape
    assert np.median(np.abs(shown.astype(int) - expected)) <= 2
    info = probe(path)
    assert (info.height, info.width, info.rotation) == (*expected.shape[:2], turns * 90)


def test_rotation_agrees_with_opencv_and_survives_mux(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    frames = np.zeros((2, 48, 64, 3), np.uint8)
    frames[:, :24] = 200
    path = _encode(tmp_path / "r.mp4", frames, codec="libx264", pixels="yuv420p", rotation=90)
    other = cv2.VideoCapture(str(path)).read()[1][..., ::-1]
    assert np.abs(_read(path)[0].astype(int) - other).mean() < 2
    write_audio(tmp_path / "a.wav", np.zeros(800, np.float32), 16000)
    mux(path, tmp_path / "a.wav", tmp_path / "m.mp4")
    np.testing.assert_array_equal(_read(tmp_path / "m.mp4"), _read(path))


@pytest.mark.parametrize(("name", "codec", "pixels"), [("a.mov", "png", "rgba"), ("a.mkv", "ffv1", "yuva420p")])
def test_transparency_is_laid_over_black(tmp_path: Path, name: str, codec: str, pixels: str) -> None:
    picture = np.full((16, 16, 4), 200, np.uint8)
    picture[:8, :, 3], picture[8:, :, 3] = 255, 128
    shown = _read(_encode(tmp_path / name, picture[None], codec=codec, pixels=pixels, source="rgba"))[0]
    assert np.abs(shown[:8].astype(int) - 200).max() <= 1
    assert np.abs(shown[8:].astype(int) - 100).max() <= 1


def test_one_frame_and_gray_and_ten_bit(tmp_path: Path) -> None:
    assert _read(_encode(tmp_path / "one.mkv", _numbered(1))).shape == (1, 32, 32, 3)
    write_video(tmp_path / "one.mp4", _numbered(1))
    assert len(_read(tmp_path / "one.mp4")) == 1
    gray = _read(_encode(tmp_path / "gray.mkv", _numbered(4, 60), pixels="gray"))
    np.testing.assert_allclose(gray[:, 0, 0], np.repeat(np.arange(4)[:, None] * 60, 3, 1), atol=1)
    deep = _read(_encode(tmp_path / "deep.mkv", _numbered(4, 60), pixels="yuv420p10le"))
    np.testing.assert_allclose(deep[:, 0, 0], np.repeat(np.arange(4)[:, None] * 60, 3, 1), atol=1)


def test_bt709_material_is_read_by_its_tag(tmp_path: Path) -> None:
    picture = np.full((32, 32, 3), (200, 60, 40), np.uint8)
    with av.open(str(tmp_path / "hd.mp4"), "w") as container:
        stream: Any = container.add_stream("libx264", rate=25, options={"crf": "1"})
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        stream.codec_context.colorspace, stream.codec_context.color_range = 1, 1
        frame = av.VideoFrame.from_ndarray(picture).reformat(format="yuv420p", dst_colorspace="itu709")
        frame.pts = 0
        container.mux(stream.encode(frame) + stream.encode(None))
    assert np.abs(_read(tmp_path / "hd.mp4")[0].astype(int) - picture).max() <= 4


def _with_late_audio(path: Path, late: float) -> None:
    """25 white frames, a click at 0.5 s of the picture, the audio track beginning `late` s after the picture."""
    with av.open(str(path), "w") as container:
        video: Any = container.add_stream("ffv1", rate=25)
        video.width = video.height = 16
        video.pix_fmt = "bgr0"
        audio: Any = container.add_stream("pcm_s16le", rate=16000, layout="mono")
        for number in range(25):
            frame = av.VideoFrame.from_ndarray(np.full((16, 16, 3), 255, np.uint8))
            frame.pts, frame.time_base = number * 40 + 1000, Fraction(1, 1000)
            container.mux(video.encode(frame))
        samples = np.zeros((1, 16000), np.int16)
        samples[0, round((0.5 - late) * 16000)] = 20000
        sound = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        sound.rate, sound.pts, sound.time_base = 16000, round((1.0 + late) * 16000), Fraction(1, 16000)
        container.mux(audio.encode(sound) + audio.encode(None) + video.encode(None))


@pytest.mark.parametrize("late", [0.0, 0.2, -0.2])
def test_sample_zero_belongs_to_the_first_frame(tmp_path: Path, late: float) -> None:
    _with_late_audio(tmp_path / "a.mkv", late)
    assert int(read_audio(tmp_path / "a.mkv").argmax()) == pytest.approx(8000, abs=16)
    assert len(_read(tmp_path / "a.mkv")) == 25


def test_sound_without_picture_and_picture_without_sound(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", np.zeros(8000, np.float32), 16000)
    write_video(tmp_path / "v.mp4", _numbered(5))
    info = probe(tmp_path / "a.wav")
    assert (info.has_video, info.has_audio, info.audio_rate, info.duration) == (False, True, 16000, 0.5)
    assert (probe(tmp_path / "v.mp4").has_audio, probe(tmp_path / "v.mp4").n_frames) == (False, 5)
    with pytest.raises(MediaError, match=r"a\.wav: has no video; give"):
        next(read_frames(tmp_path / "a.wav"))
    with pytest.raises(MediaError, match=r"v\.mp4: has no audio; give"):
        read_audio(tmp_path / "v.mp4")


def test_nan_in_a_sound_file_is_an_error(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "n.wav"), "w") as container:
        stream: Any = container.add_stream("pcm_f32le", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.full((1, 800), np.nan, np.float32), format="flt", layout="mono")
        frame.rate = 16000
        container.mux(stream.encode(frame) + stream.encode(None))
    with pytest.raises(MediaError, match=r"n\.wav: its audio holds NaN"):
        read_audio(tmp_path / "n.wav")


READERS: dict[str, Callable[[Path], object]] = {
    "probe": probe,
    "frames": lambda path: list(read_frames(path)),
    "audio": read_audio,
    "video": read_video,
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("zero.mp4", b"", r"is empty \(0 bytes\)"),
        ("text.mp4", b"not a video\n" * 50, "not a media file"),
        ("notes.txt", b"not a video\n" * 50, "not a media file"),
        ("noise.mp4", bytes(range(256)) * 40, "not a media file"),
        ("list.m3u8", b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:9/a.ts\n", "not a media file"),
        ("list.ffconcat", b"ffconcat version 1.0\nfile /etc/hostname\n", "not a media file"),
    ],
)
def test_what_is_no_media_is_one_line(tmp_path: Path, reader: str, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(MediaError, match=message) as caught:
        READERS[reader](tmp_path / name)
    assert str(caught.value).startswith(f"{tmp_path / name}: ") and "; " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    for reader in READERS.values():
        with pytest.raises(MediaError, match=r"none\.mp4: no such file; check the path"):
            reader(tmp_path / "none.mp4")
        with pytest.raises(MediaError, match="is a folder"):
            reader(tmp_path)


@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.85])
def test_a_cut_mp4_is_an_error_not_a_short_clip(tmp_path: Path, part: float) -> None:
    noise = np.random.default_rng(0)
    path = tmp_path / "cut.mp4"
    audio = noise.normal(0, 0.1, 32000).astype(np.float32)
    write_video(path, noise.integers(0, 255, (50, 32, 32, 3), dtype=np.uint8), audio=audio)
    path.write_bytes(path.read_bytes()[: round(path.stat().st_size * part)])
    for read in (_read, read_audio):
        with pytest.raises(MediaError, match=r"cut\.mp4: (truncated|cannot be decoded|not a media file)"):
            read(path)


def test_bytes_flipped_inside_never_escape_as_another_error(tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    path = tmp_path / "bad.mp4"
    write_video(path, _numbered(25, 9), audio=noise.normal(0, 0.1, 16000).astype(np.float32))
    whole = path.read_bytes()
    failed = 0
    for _ in range(40):
        data = bytearray(whole)
        for at in noise.integers(0, len(data), 20):
            data[at] = noise.integers(256)
        path.write_bytes(data)
        for read in READERS.values():
            try:
                read(path)
            except MediaError as error:
                failed += 1
                assert "\n" not in str(error) and "bad.mp4" in str(error)
    assert failed > 20


@pytest.mark.parametrize("name", ["grid_bbaf2n", "grid_id2_vcd_swwp2s", "grid_lbbc2a", "grid_pwij3p"])
def test_real_mpeg1_program_streams(shared_dir: Path, name: str) -> None:
    path = shared_dir / "real" / f"{name}.mpg"
    info = probe(path)
    assert (info.width, info.height, info.fps, info.audio_rate) == (360, 288, 25.0, 44100)
    video = read_video(path)
    assert video.frames.shape == (75, 288, 360, 3)
    assert video.audio is not None and len(video.audio) == pytest.approx(2.978 * 16000, abs=16)
    assert 0.01 < float(np.abs(video.audio).max()) <= 1.0


def test_real_clip_frames_agree_with_opencv(shared_dir: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    path = shared_dir / "real" / "grid_bbaf2n.mpg"
    capture = cv2.VideoCapture(str(path))
    for number, frame in enumerate(np.concatenate(list(read_frames(path)))):
        other = capture.read()[1][..., ::-1]
        assert np.abs(frame.astype(int) - other).mean() < 3, number


def test_a_cut_program_stream_gives_what_it_holds(shared_dir: Path, tmp_path: Path) -> None:
    data = (shared_dir / "real" / "grid_bbaf2n.mpg").read_bytes()
    (tmp_path / "cut.mpg").write_bytes(data[: len(data) // 2])
    assert 30 <= len(_read(tmp_path / "cut.mpg")) <= 40  # the format states no length: nothing to miss it by


def test_sound_in_blocks_is_the_whole_sound(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).uniform(-0.4, 0.4, 48000 * 5 + 17).astype(np.float32)
    for rate in (16000, 22050, 44100, 48000, 8000):
        write_audio(tmp_path / "a.wav", noise, rate)
        blocks = list(read_audio_blocks(tmp_path / "a.wav", seconds=0.7))
        assert len(blocks) > 3
        assert np.array_equal(np.concatenate(blocks), read_audio(tmp_path / "a.wav"))
    (tmp_path / "b.wav").write_bytes((tmp_path / "a.wav").read_bytes()[:20])
    with pytest.raises(MediaError):
        list(read_audio_blocks(tmp_path / "b.wav"))


def test_pictures_are_scaled_down_and_never_up(tmp_path: Path) -> None:
    frames = np.zeros((3, 64, 96, 3), np.uint8)
    frames[:, :, 48:] = 200
    write_video(tmp_path / "a.mp4", frames, 25.0)
    small = next(read_frames(tmp_path / "a.mp4", shorter=32))
    assert small.shape == (3, 32, 48, 3)
    assert abs(int(small[0, 16, 40, 0]) - 200) < 6
    assert int(small[0, 16, 8, 0]) < 6
    assert next(read_frames(tmp_path / "a.mp4", shorter=320)).shape == (3, 64, 96, 3)
