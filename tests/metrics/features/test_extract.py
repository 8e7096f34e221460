from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from eap.errors import MediaError
from eap.files import cache_dir
from eap.media import read_frames
from metrics.features.clip import ClipFeatures
from metrics.features.extract import extract, load_features
from tests.metrics.fakes import FakeEvaluators, make_clip, voice

ARRAYS = ("landmarks", "emotion", "affect", "identity", "sync_video", "sync_audio", "features")


def _same(first: ClipFeatures, second: ClipFeatures, atol: float = 0.0) -> None:
    for name in ARRAYS:
        assert np.allclose(getattr(first, name), getattr(second, name), rtol=0, atol=atol), name
    assert (first.n_frames, first.missing) == (second.n_frames, second.missing)


def test_shapes_and_values(tmp_path: Path, fake: FakeEvaluators) -> None:
    path = make_clip(tmp_path / "a.mp4")
    found = extract(path, fake, cache=False)
    frames = np.concatenate(list(read_frames(path)))
    assert (found.n_frames, found.width, found.height, found.has_audio) == (30, 32, 32, True)
    assert np.array_equal(found.need("affect"), fake.read(frames, frozenset({"affect"}))["affect"])
    video, audio = found.sync()
    assert len(video) == len(audio) == 25  # syncnet_python: frames - 5
    lips = fake.lips(frames)[:, 0]
    assert np.allclose(video[3], lips[3:8])
    assert found.intensity() == pytest.approx(np.hypot(*found.need("affect").astype(np.float64).T))
    assert found.need("identity").shape == (3,)
    assert np.linalg.norm(found.need("identity")) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("chunk", [1, 2, 4, 7, 29])
def test_block_size_changes_nothing(tmp_path: Path, fake: FakeEvaluators, chunk: int) -> None:
    path = make_clip(tmp_path / "a.mp4")
    _same(extract(path, fake, cache=False, chunk=chunk), extract(path, fake, cache=False), atol=1e-6)


def test_second_time_comes_from_the_cache(tmp_path: Path, fake: FakeEvaluators) -> None:
    path = make_clip(tmp_path / "a.mp4", seed=3)
    first = extract(path, fake)
    seen = fake.frames_seen
    copy = tmp_path / "elsewhere.mp4"
    copy.write_bytes(path.read_bytes())
    second = extract(copy, fake)
    assert fake.frames_seen == seen
    _same(first, second)
    assert first.key == second.key
    assert load_features(first.key) is not None
    assert load_features("0" * 64) is None


def test_other_weights_and_other_needs_are_other_entries(tmp_path: Path, fake: FakeEvaluators) -> None:
    path = make_clip(tmp_path / "a.mp4", seed=4)
    keys = {
        extract(path, fake).key,
        extract(path, FakeEvaluators(version="2")).key,
        extract(path, fake, frozenset({"emotion"})).key,
        extract(path, None).key,
        extract(path, fake, sound=make_clip(tmp_path / "b.mp4", seed=5)).key,
    }
    assert len(keys) == 5
    only = extract(path, fake, frozenset({"emotion"}))
    assert only.emotion is not None
    assert only.landmarks is None


def test_damaged_cache_entry_is_made_again(tmp_path: Path, fake: FakeEvaluators) -> None:
    path = make_clip(tmp_path / "a.mp4", seed=6)
    first = extract(path, fake)
    entry = cache_dir() / "features" / first.key[:2] / f"{first.key}.npz"
    entry.write_bytes(entry.read_bytes()[:100])
    _same(extract(path, fake), first)


def test_silent_and_short_clips_say_why(tmp_path: Path, fake: FakeEvaluators) -> None:
    silent = extract(make_clip(tmp_path / "a.mp4", sound=False), fake)
    assert silent.sync_video is None
    assert silent.missing == {"sync": "no audio stream"}
    assert silent.emotion is not None
    short = extract(make_clip(tmp_path / "b.mp4", n=5), fake)
    assert short.missing["sync"].startswith("too short: 5 frames")
    assert extract(make_clip(tmp_path / "c.mp4", n=1), fake).n_frames == 1


def test_sound_of_its_own_and_sound_shorter_than_the_picture(tmp_path: Path, fake: FakeEvaluators) -> None:
    from eap.media import write_audio

    write_audio(tmp_path / "a.wav", voice(20), 16000)
    silent = make_clip(tmp_path / "a.mp4", sound=False)
    found = extract(silent, fake, sound=tmp_path / "a.wav")
    assert len(found.sync()[0]) == 15


@pytest.mark.parametrize("content", [None, b"", b"no video at all"])
def test_what_is_no_video_is_named(tmp_path: Path, fake: FakeEvaluators, content: bytes | None) -> None:
    path = tmp_path / "bad.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MediaError, match=r"bad\.mp4"):
        extract(path, fake)


def _peak(path: Path, fake: FakeEvaluators) -> int:
    tracemalloc.start()
    try:
        extract(path, fake, frozenset({"emotion", "affect", "features"}), cache=False, chunk=16)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_clip(tmp_path: Path, fake: FakeEvaluators) -> None:
    short, long = (make_clip(tmp_path / f"{n}.mp4", n=n, size=64) for n in (40, 240))
    _peak(short, fake)  # imports
    growth = _peak(long, fake) - _peak(short, fake)
    assert growth < 200 * 64 * 64 * 3 / 10  # 200 frames more, not a tenth of their pixels
