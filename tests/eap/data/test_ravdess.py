from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eap.data.ravdess import read_ravdess
from eap.errors import DataError
from eap.media import write_video

FRAMES = np.zeros((2, 16, 16, 3), np.uint8)
AUDIO = np.zeros(1600, np.float32)


def put(root: Path, name: str, *, sound: bool = True) -> Path:
    path = root / f"Actor_{name[-2:]}" / f"{name}.mp4"
    write_video(path, FRAMES, audio=AUDIO if sound else None)
    return path


def test_numbers_say_everything_and_every_other_file_is_named(tmp_path: Path) -> None:
    zipped = tmp_path / "Video_Speech_Actor_01"
    put(zipped, "01-01-05-02-01-02-01")
    put(zipped, "01-01-01-01-02-01-01")
    put(zipped, "02-01-05-02-01-02-01", sound=False)
    put(zipped, "02-01-06-01-01-01-01", sound=False)
    put(zipped, "02-01-07-01-01-01-01", sound=False)
    put(zipped, "01-01-02-01-01-01-01")
    put(zipped, "01-02-03-01-01-01-01")
    put(tmp_path, "01-01-03-01-01-01-02").rename(tmp_path / "Actor_02/01-01-03-01-01-01-03.mp4")
    voice = tmp_path / "Audio_Speech_Actors_01-24/Actor_01"
    voice.mkdir(parents=True)
    for name in ("03-01-06-01-01-01-01", "03-01-08-01-01-01-01"):
        (voice / f"{name}.wav").write_bytes(b"x")
    (tmp_path / "Video_Speech_Actor_09.zip").write_bytes(b"x")
    manifest = read_ravdess(tmp_path)
    found = {clip.id: (clip.identity, clip.emotion, clip.level, clip.sentence) for clip in manifest}
    assert found == {
        "01-01-05-02-01-02-01": ("Actor_01", "angry", 3, "01-02"),
        "01-01-01-01-02-01-01": ("Actor_01", "neutral", 1, "02-01"),
        "02-01-06-01-01-01-01": ("Actor_01", "fear", 2, "01-01"),
    }
    assert manifest.get("02-01-06-01-01-01-01").audio == voice / "03-01-06-01-01-01-01.wav"
    reasons = {item.path.name: (item.reason, item.expected) for item in manifest.rejected}
    assert reasons == {
        "02-01-05-02-01-02-01.mp4": ("the picture of 01-01-05-02-01-02-01.mp4 without its sound", True),
        "02-01-07-01-01-01-01.mp4": ("no sound: the video has none, nor is there a 03-01-07-01-01-01-01.wav", False),
        "01-01-02-01-01-01-01.mp4": ("calm, which is none of the eight emotions", True),
        "01-02-03-01-01-01-01.mp4": ("song, and speech is wanted", True),
        "01-01-03-01-01-01-03.mp4": ("actor 03 by its name, 02 by its folder", False),
        "03-01-08-01-01-01-01.wav": ("sound alone: no video of the same numbers", False),
        "Video_Speech_Actor_09.zip": ("an archive: unpack it", False),
    }
    assert [clip.id for clip in read_ravdess(tmp_path, channel="song")] == ["01-02-03-01-01-01-01"]


def test_the_same_clip_twice_is_named(tmp_path: Path) -> None:
    put(tmp_path / "a b", "01-01-05-02-01-02-01")
    put(tmp_path / "ü", "01-01-05-02-01-02-01")
    manifest = read_ravdess(tmp_path)
    assert len(manifest) == 1
    assert manifest.rejected[0].reason == "same id (01-01-05-02-01-02-01) as a b/Actor_01/01-01-05-02-01-02-01.mp4"


def test_a_wrong_level_is_told(tmp_path: Path) -> None:
    root = tmp_path / "RAVDESS"
    put(root / "Video_Speech_Actor_01", "01-01-05-02-01-02-01")
    with pytest.raises(DataError, match=f"the folder of one actor \\(Actor_01\\); give {root};"):
        read_ravdess(root / "Video_Speech_Actor_01/Actor_01")
    with pytest.raises(DataError, match=f"what one zip unpacks to .*; give {root};"):
        read_ravdess(root / "Video_Speech_Actor_01")
