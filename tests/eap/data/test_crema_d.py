from __future__ import annotations

import math
from pathlib import Path

import pytest

from eap.data.crema_d import BAD_CLIPS, read_crema_d, read_crema_votes, votes_file
from eap.errors import DataError

TABLE = """,FileName,VoiceVote,VoiceLevel,FaceVote,FaceLevel,MultiModalVote,MultiModalLevel
1,1001_DFA_ANG_XX,A,51.5,A,66,A,66.5
2,1001_IEO_SAD_HI,S,40,N:S,50:70,S,30
3,1001_TIE_HAP_LO,H,20,,,H,10
"""


def put(root: Path, name: str, *, sound: bool = True) -> Path:
    video = root / "VideoFlash" / f"{name}.flv"
    video.parent.mkdir(parents=True, exist_ok=True)
    video.write_bytes(b"x")
    if sound:
        (root / "AudioWAV").mkdir(exist_ok=True)
        (root / "AudioWAV" / f"{name}.wav").write_bytes(b"x")
    return video


def test_names_say_everything(tmp_path: Path) -> None:
    put(tmp_path, "1001_DFA_ANG_XX")
    put(tmp_path, "1002_IEO_SAD_HI")
    first, second = read_crema_d(tmp_path)
    assert (first.id, first.identity, first.emotion, first.level) == ("1001_DFA_ANG_XX", "1001", "angry", None)
    assert (second.emotion, second.level, second.sentence) == ("sad", 3, "IEO")
    assert second.audio == tmp_path / "AudioWAV/1002_IEO_SAD_HI.wav"


def test_every_file_that_is_not_used_is_named(tmp_path: Path) -> None:
    put(tmp_path, "1001_DFA_ANG_XX")
    for name in BAD_CLIPS:
        put(tmp_path, name)
    put(tmp_path, "1001_DFA_JOY_XX")
    put(tmp_path, "1001_XYZ_ANG_XX")
    put(tmp_path, "take one é")
    put(tmp_path, "1003_DFA_ANG_XX").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    (tmp_path / "AudioWAV/1009_DFA_ANG_XX.wav").write_bytes(b"x")
    (tmp_path / "VideoFlash/1001_DFA_ANG_XX.mp4").write_bytes(b"x")
    (tmp_path / "README.md").touch()
    manifest = read_crema_d(tmp_path)
    assert [clip.id for clip in manifest] == ["1001_DFA_ANG_XX"]
    left_out = {item.path.stem for item in manifest.rejected if item.expected and item.path.suffix == ".flv"}
    assert left_out == BAD_CLIPS
    reasons = {item.path.name: item.reason for item in manifest.rejected if item.path.stem not in BAD_CLIPS}
    assert reasons == {
        "1001_DFA_ANG_XX.mp4": "a copy of 1001_DFA_ANG_XX.flv",
        "1001_DFA_JOY_XX.flv": "unknown emotion or level JOY_XX",
        "1001_XYZ_ANG_XX.flv": "unknown sentence XYZ",
        "take one é.flv": "name is not like 1001_DFA_ANG_XX",
        "1003_DFA_ANG_XX.flv": "a Git LFS pointer, not the file: run 'git lfs pull' in the dataset's checkout",
        "1009_DFA_ANG_XX.wav": "sound without a video called 1009_DFA_ANG_XX",
    }


def test_a_wrong_level_is_told(tmp_path: Path) -> None:
    root = tmp_path / "CREMA-D"
    put(root, "1001_DFA_ANG_XX")
    with pytest.raises(DataError, match=f"CREMA-D's VideoFlash folder; give {root};"):
        read_crema_d(root / "VideoFlash")
    with pytest.raises(DataError, match=f"a folder above CREMA-D's, which is CREMA-D; give {root};"):
        read_crema_d(tmp_path)


def test_votes_of_people(tmp_path: Path) -> None:
    (tmp_path / "processedResults").mkdir()
    (tmp_path / "processedResults/summaryTable.csv").write_text(TABLE)
    path = votes_file(tmp_path)
    assert path is not None
    votes = read_crema_votes(path)
    assert votes["1001_DFA_ANG_XX"].voice.emotions == ("angry",)
    assert votes["1001_DFA_ANG_XX"].both.intensity == pytest.approx(0.665)
    assert votes["1001_IEO_SAD_HI"].face.emotions == ("neutral", "sad")
    assert votes["1001_IEO_SAD_HI"].face.intensity == pytest.approx(0.6)
    assert votes["1001_TIE_HAP_LO"].face.emotions == ()
    assert math.isnan(votes["1001_TIE_HAP_LO"].face.intensity)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("FaceVote", "Face", "no column FaceVote"),
        (",A,66,", ",Q,66,", "line 2: FaceVote 'Q'"),
        ("66,", "166,", "0..100"),
    ],
)
def test_damaged_votes(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "summaryTable.csv"
    path.write_text(TABLE.replace(old, new, 1))
    with pytest.raises(DataError, match=said):
        read_crema_votes(path)
