from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eap.data.mead import Gap, gaps, read_mead
from eap.errors import DataError
from eap.media import write_audio, write_video

FRAMES = np.zeros((2, 16, 16, 3), np.uint8)
AUDIO = np.zeros(1600, np.float32)


def _put(root: Path, name: str, *, audio: bool = True, content: bytes = b"x") -> Path:
    """A clip of the layout, by the part after the root: `M003/video/front/angry/level_3/012.mp4`."""
    video = root / name
    video.parent.mkdir(parents=True, exist_ok=True)
    video.write_bytes(content)
    if audio:
        identity, _, _, emotion, level, file = Path(name).parts
        sound = root / identity / "audio" / emotion / level / file.replace(".mp4", ".m4a")
        sound.parent.mkdir(parents=True, exist_ok=True)
        sound.write_bytes(b"x")
    return video


def test_reads_a_clip_with_everything_beside_it(tmp_path: Path) -> None:
    video = _put(tmp_path, "M003/video/front/angry/level_3/012.mp4")
    truth, twin = video.with_name("012.truth.npz"), video.with_name("012.twin.mp4")
    truth.write_bytes(b"x")
    twin.write_bytes(b"x")
    manifest = read_mead(tmp_path)
    assert manifest.rejected == ()
    (clip,) = manifest.clips
    assert (clip.id, clip.identity, clip.view) == ("M003_front_angry_3_012", "M003", "front")
    assert (clip.emotion, clip.level, clip.sentence) == ("angry", 3, "012")
    assert (clip.video, clip.truth, clip.twin) == (video, truth, twin)
    assert clip.audio == tmp_path / "M003/audio/angry/level_3/012.m4a"


@pytest.mark.parametrize("second", ["video", "1", "2"])
def test_the_three_names_of_the_second_folder(tmp_path: Path, second: str) -> None:
    _put(tmp_path, f"W009/{second}/front/happy/level_1/001.mp4")
    assert [clip.id for clip in read_mead(tmp_path)] == ["W009_front_happy_1_001"]


def test_filters_leave_files_alone_without_rejecting_them(tmp_path: Path) -> None:
    for name in (
        "M003/video/front/angry/level_1/001.mp4",
        "M003/video/front/angry/level_3/001.mp4",
        "M003/video/left_30/angry/level_3/001.mp4",
        "M003/video/left_60/angry/level_3/001.mp4",
        "W009/video/front/sad/level_3/001.mp4",
    ):
        _put(tmp_path, name)
    assert len(read_mead(tmp_path)) == 3
    assert len(read_mead(tmp_path, views=None)) == 5
    assert [clip.view for clip in read_mead(tmp_path, views=["left_60"])] == ["left_60"]
    assert [clip.identity for clip in read_mead(tmp_path, identities=["W009"])] == ["W009"]
    assert [clip.emotion for clip in read_mead(tmp_path, emotions=["sad"])] == ["sad"]
    assert [clip.level for clip in read_mead(tmp_path, levels=[1])] == [1]
    assert read_mead(tmp_path, levels=[1]).rejected == ()


def test_every_unusable_file_is_named_with_its_reason(tmp_path: Path) -> None:
    _put(tmp_path, "M003/video/front/angry/level_3/001.mp4")
    _put(tmp_path, "M003/video/front/disgust/level_1/001.mp4")
    _put(tmp_path, "M003/video/front/neutral/level_2/001.mp4")
    _put(tmp_path, "M003/video/front/angry/level_4/001.mp4")
    _put(tmp_path, "M003/video/front/angry/level_1/002.mp4", content=b"")
    _put(tmp_path, "M003/video/front/angry/level_1/take2.mp4")
    _put(tmp_path, "M003/video/front/angry/level_1/003.txt")
    _put(tmp_path, "M003/video/side/angry/level_1/001.mp4")
    _put(tmp_path, "M003/1/front/angry/level_3/001.mp4")
    _put(tmp_path, "M003/video/front/angry/level_1/004.truth.npz", audio=False)
    (tmp_path / "M003/audio/angry/level_1/005.m4a").touch()
    _put(tmp_path, "M003/video/front/angry/level_1/005.mp4", audio=False)
    (tmp_path / "M003/video/front/angry/level_3/.DS_Store").touch()
    manifest = read_mead(tmp_path)
    found = {item.path.relative_to(tmp_path / "M003").as_posix(): item.reason for item in manifest.rejected}
    expected = {
        "video/front/disgust/level_1/001.mp4": "unknown emotion disgust",
        "video/front/neutral/level_2/001.mp4": "neutral has level_1 only",
        "video/front/angry/level_4/001.mp4": "level_4 is not",
        "video/front/angry/level_1/002.mp4": "empty (0 bytes)",
        "video/front/angry/level_1/take2.mp4": "name is not a number",
        "video/front/angry/level_1/003.txt": "not an .mp4 file",
        "video/side/angry/level_1/001.mp4": "unknown view side",
        "1/front/angry/level_3/001.mp4": "same clip as M003/video/front",
        "video/front/angry/level_1/004.truth.npz": "belongs to 004.mp4, which is missing",
        "video/front/angry/level_1/005.mp4": "its audio 005.m4a is empty",
    }
    assert found.keys() == expected.keys()
    for path, reason in expected.items():
        assert found[path].startswith(reason), (path, found[path])
    assert len(manifest) == 1


def test_sound_inside_the_video_counts_and_silence_does_not(tmp_path: Path) -> None:
    folder = tmp_path / "M003/video/front/angry/level_1"
    write_video(folder / "001.mp4", FRAMES, audio=AUDIO)
    write_video(folder / "002.mp4", FRAMES)
    (folder / "003.mp4").write_bytes(b"no video at all")
    write_video(folder / "004.mp4", FRAMES)
    write_audio(tmp_path / "M003/audio/angry/level_1/004.wav", AUDIO, 16000)
    manifest = read_mead(tmp_path)
    assert [(clip.sentence, clip.audio is None) for clip in manifest] == [("001", True), ("004", False)]
    reasons = {item.path.name: item.reason for item in manifest.rejected}
    assert reasons["002.mp4"].startswith("no audio: ")
    assert reasons["003.mp4"].startswith("not a media file")


def test_a_wrong_folder_is_told_what_mead_looks_like(tmp_path: Path) -> None:
    shown = r"M003/video/front/angry/level_3/012\.mp4"
    with pytest.raises(DataError, match="no such folder.*" + shown):
        read_mead(tmp_path / "none")
    with pytest.raises(DataError, match="is empty.*" + shown):
        read_mead(tmp_path)
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(DataError, match="holds no identity folder.*" + shown):
        read_mead(tmp_path)
    _put(tmp_path, "M003/video/front/angry/level_1/001.mp4", content=b"")
    with pytest.raises(DataError, match=r"no usable clip among 1 files, the first: M003/video/.*001\.mp4: empty"):
        read_mead(tmp_path)
    with pytest.raises(DataError, match="no clip of what was asked for"):
        read_mead(tmp_path, views=["top"])


def test_unknown_words_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="unknown view frontal; use one of front"):
        read_mead(tmp_path, views=["frontal"])
    with pytest.raises(DataError, match="unknown emotion disgust;"):
        read_mead(tmp_path, emotions=["disgust"])


def test_partial_downloads(tmp_path: Path) -> None:
    _put(tmp_path, "M003/video/front/angry/level_3/001.mp4")
    _put(tmp_path, "M003/video/top/angry/level_3/002.mp4")
    _put(tmp_path, "W009/video/front/sad/level_1/001.mp4")
    (tmp_path / "M003/video.tar").write_bytes(b"x")
    (tmp_path / "M003/audio/angry/level_3/003.m4a").write_bytes(b"x")
    (tmp_path / "M003/video/front/angry/level_3/004.mp4.crdownload").write_bytes(b"x")
    (tmp_path / "eap-world.json").touch()
    manifest = read_mead(tmp_path, views=None)
    found = {item.path.relative_to(tmp_path).as_posix(): item.reason for item in manifest.rejected}
    assert found == {
        "M003/video.tar": "an archive: unpack it",
        "M003/audio/angry/level_3/003.m4a": "sound without a video in any view",
        "M003/video/front/angry/level_3/004.mp4.crdownload": "an unfinished download: fetch it again",
    }
    first, second = gaps(manifest)
    assert first.views == ("left_30", "left_60", "right_30", "right_60", "down")
    others = ("angry", "contempt", "disgusted", "fear", "happy", "neutral", "surprised")
    assert second == Gap("W009", (*first.views[:4], "top", "down"), others)
    assert len(read_mead(tmp_path).rejected) == 1, "with views asked for, files outside them are left alone"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("M003", "the folder of one identity"),
        ("M003/video", "the folder of one identity's videos"),
        ("M003/video/front", "the folder of one view"),
        ("M003/video/front/angry", "the folder of one emotion"),
        ("M003/video/front/angry/level_3", "the folder of one level"),
        ("M003/audio", "the folder of one identity's sound"),
        ("..", "a folder above MEAD's, which is MEAD"),
    ],
)
def test_a_wrong_level_is_told(tmp_path: Path, given: str, said: str) -> None:
    root = tmp_path / "MEAD"
    _put(root, "M003/video/front/angry/level_3/001.mp4")
    with pytest.raises(DataError, match=f"this is {said}; give .*MEAD;"):
        read_mead(root / given)
