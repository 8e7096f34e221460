"""Writing, round trips and still images; reading odd and broken files is in test_media_reading.py."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from eap.errors import MediaError
from eap.files import sha256_file
from eap.media import (
    VideoWriter,
    mux,
    probe,
    read_audio,
    read_frames,
    read_image,
    read_video,
    resample,
    write_audio,
    write_image,
    write_video,
)

Frames = NDArray[np.uint8]
Audio = NDArray[np.float32]


def _film(count: int = 30, height: int = 64, width: int = 96) -> Frames:
    """Smooth moving colours with some texture, as a face has."""
    y, x = np.mgrid[0:height, 0:width]
    texture = np.random.default_rng(0).normal(0, 3, (height, width))
    frames = [
        np.stack(
            [120 + 90 * np.sin(x / 9 + t / 5), 120 + 90 * np.cos(y / 8 - t / 7), 100 + 60 * np.sin((x + y) / 15)], -1
        )
        for t in range(count)
    ]
    return np.clip(np.stack(frames) + texture[None, :, :, None], 0, 255).astype(np.uint8)


def _speechlike(seconds: float, rate: int = 16000) -> Audio:
    """Band-limited noise in syllable-like bursts: one sharp cross-correlation peak."""
    t = np.arange(round(seconds * rate)) / rate
    noise = np.convolve(np.random.default_rng(1).normal(size=len(t)), np.hanning(9), "same")
    burst = np.sin(2 * np.pi * 2.3 * t) ** 2
    return np.asarray(0.3 * noise * burst / np.abs(noise).max(), dtype=np.float32)


def _psnr(a: Frames, b: Frames) -> float:
    return float(10 * np.log10(255**2 / np.mean((a.astype(float) - b.astype(float)) ** 2)))


def _lag(heard: Audio, original: Audio) -> int:
    """Samples by which `heard` is late."""
    n = min(len(heard), len(original))
    spectrum = np.fft.rfft(heard[:n], 2 * n) * np.conj(np.fft.rfft(original[:n], 2 * n))
    peak = int(np.fft.irfft(spectrum).argmax())
    return peak if peak < n else peak - 2 * n


def _boxes(path: Path) -> list[bytes]:
    """Names of an MP4's top-level boxes, in order."""
    data, at, names = path.read_bytes(), 0, []
    while at < len(data):
        names.append(data[at + 4 : at + 8])
        at += int.from_bytes(data[at : at + 4], "big")
    return names


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_round_trip_keeps_pictures_length_and_sync(tmp_path: Path, suffix: str) -> None:
    frames, audio = _film(50), _speechlike(2.0)
    path = tmp_path / f"clip{suffix}"
    write_video(path, frames, 25.0, audio)
    video = read_video(path)
    assert video.frames.shape == frames.shape and video.fps == 25.0
    assert _psnr(video.frames, frames) > 38
    assert video.audio is not None and abs(len(video.audio) - len(audio)) <= (0 if suffix != ".mkv" else 1024)
    assert abs(_lag(video.audio, audio)) <= 16  # 1 ms
    info = probe(path)
    assert (info.width, info.height, info.fps, info.audio_rate) == (96, 64, 25.0, 16000)
    assert info.duration == pytest.approx(2.0, abs=0.07)


def test_colours_are_not_shifted(tmp_path: Path) -> None:
    """swscale's default conversions darken every channel by about 1.3 levels; ours must not."""
    frames = np.full((3, 32, 32, 3), (180, 120, 90), np.uint8)
    write_video(tmp_path / "flat.mp4", frames, crf=1)
    back = next(read_frames(tmp_path / "flat.mp4"))
    assert np.abs(back.astype(int) - frames).max() <= 1
    film = _film(3)
    write_video(tmp_path / "film.mp4", film, crf=1)
    bias = (next(read_frames(tmp_path / "film.mp4")).astype(float) - film).mean(axis=(0, 1, 2))
    assert np.abs(bias).max() < 0.6


def test_lower_crf_is_closer(tmp_path: Path) -> None:
    frames = _film(10)
    quality = []
    for crf in (8, 18, 34):
        write_video(tmp_path / "clip.mp4", frames, crf=crf)
        quality.append(_psnr(np.concatenate(list(read_frames(tmp_path / "clip.mp4"))), frames))
    assert quality[0] > quality[1] + 2 and quality[1] > quality[2] + 2


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_index_lies_in_front_of_the_data(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"clip{suffix}"
    write_video(path, _film(), audio=_speechlike(1.2))
    names = _boxes(path)
    assert names.index(b"moov") < names.index(b"mdat")


def test_same_input_same_bytes(tmp_path: Path) -> None:
    frames, audio = _film(40), _speechlike(1.6)
    sums = set()
    for attempt in range(4):
        clutter = [np.full(997 * (k + attempt), attempt + k, np.uint8) for k in range(200)]
        del clutter  # x264's macroblock tree gave other bytes on memory that was used before
        write_video(tmp_path / "clip.mp4", frames, audio=audio)
        sums.add(sha256_file(tmp_path / "clip.mp4"))
    assert len(sums) == 1


def test_odd_sizes_are_padded_by_their_last_row_and_column(tmp_path: Path) -> None:
    frames = _film(3, height=33, width=47)
    write_video(tmp_path / "odd.mp4", frames, crf=1)
    back = next(read_frames(tmp_path / "odd.mp4"))
    assert back.shape == (3, 34, 48, 3)
    assert _psnr(back[:, :33, :47], frames) > 38
    assert np.abs(back[:, 33, :47].astype(int) - frames[:, 32]).mean() < 4
    write_video(tmp_path / "dot.mp4", frames[:1, :1, :1])
    assert next(read_frames(tmp_path / "dot.mp4")).shape == (1, 2, 2, 3)


def test_writer_takes_blocks_and_single_frames_and_late_audio(tmp_path: Path) -> None:
    frames, audio = _film(10), _speechlike(0.4)
    with VideoWriter(tmp_path / "a.mp4", 96, 64) as writer:
        writer.write(frames[:7])
        writer.write(frames[7])
        writer.write(frames[8:])
        writer.write_audio(audio[:100])
        writer.write_audio(audio[100:])
    video = read_video(tmp_path / "a.mp4")
    assert len(video.frames) == 10 and _psnr(video.frames, frames) > 38
    assert video.audio is not None and abs(_lag(video.audio, audio)) <= 16


def test_iterables_of_blocks_equal_one_array(tmp_path: Path) -> None:
    frames, audio = _film(20), _speechlike(0.8)
    write_video(tmp_path / "a.mp4", frames, audio=audio)
    write_video(tmp_path / "b.mp4", (frames[k : k + 20] for k in (0,)), audio=audio)
    write_video(tmp_path / "c.mp4", iter(frames), audio=audio)
    assert sha256_file(tmp_path / "a.mp4") == sha256_file(tmp_path / "b.mp4")
    np.testing.assert_array_equal(read_video(tmp_path / "a.mp4").frames, read_video(tmp_path / "c.mp4").frames)


def test_a_writer_without_sound_makes_no_sound_track(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", 96, 64) as writer:
        writer.write(_film(2))
    assert not probe(tmp_path / "a.mp4").has_audio
    assert read_video(tmp_path / "a.mp4").audio is None


@pytest.mark.parametrize(("video_seconds", "audio_seconds"), [(1.0, 2.0), (2.0, 0.5)])
def test_picture_and_sound_keep_their_own_lengths(tmp_path: Path, video_seconds: float, audio_seconds: float) -> None:
    frames, audio = _film(round(25 * video_seconds)), _speechlike(audio_seconds)
    write_video(tmp_path / "a.mp4", frames, audio=audio)
    video = read_video(tmp_path / "a.mp4")
    assert len(video.frames) == len(frames)
    assert video.audio is not None and len(video.audio) == len(audio)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_audio_that_is_not_finite_is_refused(tmp_path: Path, bad: float) -> None:
    audio = _speechlike(0.4)
    audio[100] = bad
    with pytest.raises(MediaError, match=r"a\.mp4: audio to write holds NaN"):
        write_video(tmp_path / "a.mp4", _film(10), audio=audio)
    with pytest.raises(MediaError, match=r"a\.wav: audio to write holds NaN"):
        write_audio(tmp_path / "a.wav", audio, 16000)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda p: write_video(p / "a.mp4", _film(2).astype(np.float32)), "frames to write are float32"),
        (lambda p: write_video(p / "a.mp4", _film(2)[:0]), "no frames"),
        (lambda p: write_video(p / "a.mp4", iter([])), "no frames"),
        (lambda p: write_video(p / "a.mp4", iter([_film(2), _film(2)[:, :10]])), "frames to write are uint8"),
        (lambda p: write_video(p / "a.gif", _film(2)), "cannot write .gif video"),
        (lambda p: write_video(p / "a.mp4", _film(2), audio=np.zeros((2, 9), np.float32)), r"of shape \(2, 9\)"),
        (lambda p: write_video(p / "a.mp4", _film(2), audio=_speechlike(1), rate=12345), "AAC cannot hold 12345 Hz"),
        (lambda p: write_audio(p / "a.mp3", _speechlike(1), 16000), "cannot write .mp3 audio"),
        (lambda p: write_audio(p / "a.wav", np.zeros(0, np.float32), 16000), "no audio samples"),
        (lambda p: write_image(p / "a.bmp", _film(1)[0]), "cannot write .bmp images"),
        (lambda p: write_image(p / "a.png", _film(1)), "image to write is uint8"),
    ],
)
def test_wrong_input_is_one_line_and_leaves_nothing(
    tmp_path: Path, write: Callable[[Path], None], message: str
) -> None:
    with pytest.raises(MediaError, match=message) as caught:
        write(tmp_path)
    assert "\n" not in str(caught.value) and str(tmp_path) in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_an_error_in_the_block_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"old")
    with pytest.raises(FileNotFoundError, match="mine"), VideoWriter(path, 96, 64) as writer:
        writer.write(_film(5))
        raise FileNotFoundError("mine")
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"] and path.read_bytes() == b"old"


_LIMITED = """
import resource, signal, sys
import numpy as np
from pathlib import Path
from eap.errors import MediaError
from eap.media import write_audio, write_image, write_video
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
root = Path(sys.argv[1])
noise = np.random.default_rng(0)
frames = noise.integers(0, 255, (20, 64, 64, 3), dtype=np.uint8)
audio = noise.normal(0, 0.1, 16000).astype(np.float32)
for write in (lambda: write_video(root / "a.mp4", frames, audio=audio), lambda: write_video(root / "a.mkv", frames),
              lambda: write_audio(root / "a.m4a", audio, 16000), lambda: write_audio(root / "a.wav", audio, 16000),
              lambda: write_image(root / "a.png", frames[0])):
    try:
        write()
    except MediaError as error:
        print(error)
    else:
        print("written")
"""


def test_a_write_the_disk_refuses_names_the_file_and_leaves_nothing(tmp_path: Path) -> None:
    """A file-size limit stands for a full disk: the same calls fail, only with another errno."""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(tmp_path)], capture_output=True, text=True, check=True, cwd=root
    )
    lines = done.stdout.splitlines()
    names = ["a.mp4", "a.mkv", "a.m4a", "a.wav", "a.png"]
    assert len(lines) == len(names)
    for line, name in zip(lines, names, strict=True):
        assert line.startswith(f"{tmp_path / name}: cannot be written (File too large); free disk space")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MediaError, match=r"a\.mp4: cannot be written"):
        write_video(tmp_path / "file" / "a.mp4", _film(1))


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_pcm_round_trip_is_exact_to_16_bits(tmp_path: Path, suffix: str) -> None:
    audio = np.concatenate([_speechlike(0.5), np.array([1.0, -1.0, 2.0], np.float32)])
    write_audio(tmp_path / f"a{suffix}", audio, 16000)
    np.testing.assert_allclose(read_audio(tmp_path / f"a{suffix}"), np.clip(audio, -1, 1), atol=1 / 32768)


def test_aac_priming_and_padding_are_removed(tmp_path: Path) -> None:
    audio = _speechlike(1.23)
    write_audio(tmp_path / "a.m4a", audio, 16000)
    back = read_audio(tmp_path / "a.m4a")
    assert len(back) == len(audio)
    assert _lag(back, audio) == 0
    assert float(np.corrcoef(back, audio)[0, 1]) > 0.9


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_other_rates_arrive_at_16_khz_in_time_and_pitch(tmp_path: Path, rate: int) -> None:
    t = np.arange(rate) / rate
    write_audio(tmp_path / "a.wav", (0.4 * np.sin(2 * np.pi * 440 * t)).astype(np.float32), rate)
    back = read_audio(tmp_path / "a.wav")
    assert len(back) == 16000
    expected = 0.4 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    np.testing.assert_allclose(back[400:-400], expected[400:-400], atol=2e-3)


def test_resample_removes_what_the_lower_rate_cannot_hold() -> None:
    t = np.arange(48000) / 48000
    high = np.sin(2 * np.pi * 11000 * t).astype(np.float32)
    assert np.abs(resample(high, 48000, 16000)[200:-200]).max() < 2e-3
    assert resample(high, 48000, 48000) is high
    assert len(resample(high[:0], 48000, 16000)) == 0
    with pytest.raises(ValueError, match="above 0"):
        resample(high, 0, 16000)


def test_stereo_is_averaged(tmp_path: Path) -> None:
    left, right = _speechlike(0.5, 44100), np.full(22050, 0.25, np.float32)
    with av.open(str(tmp_path / "s.wav"), "w") as container:
        stream = container.add_stream("pcm_f32le", rate=44100, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.stack([left, right], -1).reshape(1, -1), format="flt", layout="stereo")
        frame.rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    np.testing.assert_allclose(read_audio(tmp_path / "s.wav", 44100), (left + right) / 2, atol=1e-6)


def test_mux_copies_the_picture_and_replaces_the_sound(tmp_path: Path) -> None:
    frames, audio = _film(50), _speechlike(2.0, 44100)
    write_video(tmp_path / "v.mp4", frames, audio=np.zeros(16000, np.float32))
    write_audio(tmp_path / "a.wav", audio, 44100)
    mux(tmp_path / "v.mp4", tmp_path / "a.wav", tmp_path / "out.mp4")
    np.testing.assert_array_equal(read_video(tmp_path / "out.mp4").frames, read_video(tmp_path / "v.mp4").frames)
    assert abs(_lag(read_audio(tmp_path / "out.mp4", 44100), audio)) <= 44
    assert _boxes(tmp_path / "out.mp4").index(b"moov") < _boxes(tmp_path / "out.mp4").index(b"mdat")
    with pytest.raises(MediaError, match=r"a\.wav: has no video"):
        mux(tmp_path / "a.wav", tmp_path / "a.wav", tmp_path / "no.mp4")
    assert not (tmp_path / "no.mp4").exists()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_images_round_trip(tmp_path: Path, suffix: str) -> None:
    image = _film(1)[0]
    write_image(tmp_path / f"i{suffix}", image)
    back = read_image(tmp_path / f"i{suffix}")
    assert back.dtype == np.uint8 and back.shape == image.shape
    assert np.array_equal(back, image) if suffix == ".png" else _psnr(back, image) > 34


def test_images_of_every_mode_become_rgb(tmp_path: Path) -> None:
    ramp = np.tile(np.arange(16, dtype=np.uint8) * 17, (16, 1))
    gray = np.repeat(ramp[..., None], 3, axis=2)
    Image.fromarray(ramp).save(tmp_path / "l.png")
    Image.fromarray(ramp.astype(np.uint16) * 257).save(tmp_path / "i16.png")
    Image.fromarray(gray).convert("P", palette=Image.Palette.ADAPTIVE, colors=16).save(tmp_path / "p.png")
    Image.fromarray(gray).convert("CMYK").save(tmp_path / "c.tif")
    for name in ("l.png", "i16.png", "p.png", "c.tif"):
        assert np.abs(read_image(tmp_path / name).astype(int) - gray).max() <= 1, name
    half = np.dstack([np.full((4, 4, 3), 200, np.uint8), np.full((4, 4), 128, np.uint8)])
    Image.fromarray(half).save(tmp_path / "a.png")
    assert np.abs(read_image(tmp_path / "a.png").astype(int) - 100).max() <= 1


def test_images_are_turned_upright(tmp_path: Path) -> None:
    picture = np.zeros((8, 16, 3), np.uint8)
    picture[:, :8] = 255  # left half white
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise: the left side comes to the top
    Image.fromarray(picture).save(tmp_path / "e.png", exif=exif)
    upright = read_image(tmp_path / "e.png")
    assert upright.shape == (16, 8, 3)
    assert (upright[:8] == 255).all() and (upright[8:] == 0).all()


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n broken", b"\xff\xd8\xff\xe0 broken"])
def test_broken_images_are_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "i.png"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=r"i\.png: (is empty|not an image)") as caught:
        read_image(path)
    assert "\n" not in str(caught.value)


def test_missing_image_and_cut_image(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no such file"):
        read_image(tmp_path / "none.png")
    write_image(tmp_path / "i.png", _film(1)[0])
    (tmp_path / "i.png").write_bytes((tmp_path / "i.png").read_bytes()[:-4000])
    with pytest.raises(MediaError, match="not an image, or damaged"):
        read_image(tmp_path / "i.png")
