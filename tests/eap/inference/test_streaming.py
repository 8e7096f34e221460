"""A stream against the same clip known whole: what is equal, and what differs for which reason."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from eap.errors import ConfigError, DataError
from eap.inference import Control, IntensityCurve, Model, Stream
from eap.inference.listening import context
from tests.eap.inference.samples import IMAGE, scene, sweep, voice, world_face
from tests.eap.small_model import SMALL


def said(stream: Stream, audio: np.ndarray, block: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(frames, alpha) of each push, then of the close."""
    for start in range(0, len(audio), block):
        yield stream.push(audio[start : start + block]), stream.alpha
    yield stream.close(), stream.alpha


def all_frames(stream: Stream, audio: np.ndarray, block: int = 1000) -> np.ndarray:
    return np.concatenate([frames for frames, _ in said(stream, audio, block)])


def levels(a: np.ndarray, b: np.ndarray) -> int:
    return int(np.abs(a.astype(int) - b.astype(int)).max())


def test_with_all_of_the_future_only_z_exp_differs(model: Model) -> None:
    """alpha(t) equals the whole clip's; with z_exp given, so does every pixel; without, the last frame does."""
    audio = voice(2.0)
    offline = model.generate(IMAGE, audio)
    stream = model.stream(IMAGE, lookahead=None)
    parts = list(said(stream, audio, 1000))
    frames, alpha = np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])
    assert frames.shape == offline.frames.shape
    assert np.allclose(alpha, offline.latents.alpha, atol=2e-5)
    assert levels(frames[-1], offline.frames[-1]) <= 1, "the running mean ends as the clip's mean"
    assert levels(frames[0], offline.frames[0]) > 1, "at first it is another mean"
    control = Control(emotion="fear")
    fixed = all_frames(model.stream(IMAGE, control=control, lookahead=None), audio)
    assert levels(fixed, model.generate(IMAGE, audio, control=control).frames) <= 1


def test_with_less_the_latest_frames_know_less(model: Model) -> None:
    """With z_exp fixed the only difference is the sound not yet heard; the frames at the end know all there is."""
    audio, control = voice(2.0), Control(emotion="fear")
    offline = model.generate(IMAGE, audio, control=control).frames
    errors = []
    for lookahead in (0, 2, 4, context(SMALL)):
        frames = all_frames(model.stream(IMAGE, control=control, lookahead=lookahead), audio)
        assert len(frames) == 50
        assert levels(frames[-1], offline[-1]) <= 1
        errors.append(float(np.abs(frames.astype(int) - offline.astype(int)).mean()))
    assert errors[0] > errors[2] > errors[3]
    assert errors[3] < 0.01


def test_blocks_of_any_size_give_the_same_frames(model: Model) -> None:
    audio = voice(0.9)
    want = all_frames(model.stream(IMAGE), audio, 640)
    for block in (123, 5000, 100000):
        assert levels(all_frames(model.stream(IMAGE), audio, block), want) <= 1


def test_a_frame_comes_after_its_lookahead_and_no_later(model: Model) -> None:
    stream = model.stream(IMAGE, lookahead=3)
    assert stream.delay == pytest.approx(0.16)
    audio = voice(1.0)
    counts = [len(stream.push(audio[start : start + 160])) for start in range(0, 16000, 160)]
    first = next(i for i, count in enumerate(counts) if count)
    assert (first + 1) * 0.01 == pytest.approx(stream.delay)
    assert np.array_equal(np.cumsum(counts), [max(0, (160 * (i + 1)) // 640 - 3) for i in range(100)])
    assert len(stream.close()) == 3
    assert stream.frames == 25


@pytest.mark.parametrize("rate", [44100, 48000])
def test_other_rates(rate: int, model: Model) -> None:
    """Resampled on the way, block by block: the frames of the array resampled at once."""
    from eap.media import resample

    audio = sweep(1.0, rate)
    stream = model.stream(IMAGE, rate=rate)
    assert stream.delay == pytest.approx(0.2, abs=0.011)
    want = all_frames(model.stream(IMAGE), resample(audio, rate, 16000))
    assert levels(all_frames(stream, audio, 777), want) <= 1


def test_controls_and_the_whole_picture(model: Model) -> None:
    curve = IntensityCurve((0.0, 1.0), (1.0, 0.0))
    control = Control(intensity_curve=curve, intensity_scale=0.5)
    picture = scene(world_face(), [(200, 90)])
    stream = model.stream(picture, control=control, crop=True, full_frame=True)
    parts = list(said(stream, voice(1.0), 640))
    alpha = np.concatenate([p[1] for p in parts])
    assert np.allclose(alpha, 0.5 * (1 - (np.arange(25) + 0.5) / 25), atol=1e-6)
    assert all(p[0].shape[1:] == picture.shape for p in parts)
    assert np.array_equal(np.concatenate([p[0] for p in parts])[:, :80], np.repeat(picture[None, :80], 25, axis=0))


def test_ant_streams_without_emotion(talker: object) -> None:
    ant = Model(talker, name="ant", emotional=False)  # type: ignore[arg-type]
    audio = voice(0.6)
    frames = all_frames(ant.stream(IMAGE, lookahead=None), audio)
    assert levels(frames, ant.generate(IMAGE, audio).frames) <= 1


def test_wrong_use(model: Model) -> None:
    with model.stream(IMAGE) as stream:
        assert stream.push(np.zeros(0, np.float32)).shape == (0, 32, 32, 3)
        with pytest.raises(DataError, match="NaN"):
            stream.push(np.full(10, np.nan, np.float32))
        with pytest.raises(DataError, match="int16"):
            stream.push(np.zeros(640, np.int16))
        assert len(stream.close()) == 0
        assert len(stream.close()) == 0
    with pytest.raises(ConfigError, match="the stream is closed"):
        stream.push(voice(0.1))
    with pytest.raises(ConfigError, match="sample rate 0"):
        model.stream(IMAGE, rate=0)
    with pytest.raises(ConfigError, match="lookahead -1"):
        model.stream(IMAGE, lookahead=-1)
