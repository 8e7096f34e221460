"""HDTF, VoxCeleb2 and folders with a CSV file."""

from __future__ import annotations

from pathlib import Path

import pytest

from eap.data.csv_folder import read_csv_folder
from eap.data.hdtf import read_hdtf
from eap.data.voxceleb2 import read_voxceleb2
from eap.errors import DataError


def put(path: Path, sound: Path | None = None) -> Path:
    for file in (path, sound or path.with_suffix(".wav")):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
    return path


def test_hdtf(tmp_path: Path) -> None:
    for name in ("RD_Radio11_000", "Radio12_0", "WDA_Ann_Lee_003#2", "whole video"):
        put(tmp_path / f"{name}.mp4")
    (tmp_path / "RD_video_url.txt").touch()
    (tmp_path / "RD_Radio13_000.mp4.part").write_bytes(b"x")
    manifest = read_hdtf(tmp_path)
    found = {clip.id: (clip.identity, clip.sentence, clip.emotion) for clip in manifest}
    assert found == {
        "RD_Radio11_000": ("RD_Radio11", "000", None),
        "Radio12_0": ("Radio12", "0", None),
        "WDA_Ann_Lee_003#2": ("WDA_Ann_Lee", "003#2", None),
    }
    reasons = {item.path.name: item.reason for item in manifest.rejected}
    assert reasons.keys() == {"whole video.mp4", "RD_Radio13_000.mp4.part"}
    assert reasons["RD_Radio13_000.mp4.part"] == "an unfinished download: fetch it again"


def test_hdtf_lists_alone(tmp_path: Path) -> None:
    (tmp_path / "RD_video_url.txt").touch()
    with pytest.raises(DataError, match=r"lists of addresses \(1 files\) and no clip; fetch the videos"):
        read_hdtf(tmp_path)


def test_voxceleb2(tmp_path: Path) -> None:
    sound = tmp_path / "dev/aac/id00012/2-Ab_c/00001.m4a"
    put(tmp_path / "dev/mp4/id00012/2-Ab_c/00001.mp4", sound)
    put(tmp_path / "dev/mp4/id00012/x/intro.mp4")
    put(tmp_path / "test/mp4/id00012/2-Ab_c/00001.mp4", sound)
    manifest = read_voxceleb2(tmp_path)
    (clip,) = manifest.clips
    assert (clip.id, clip.identity, clip.audio) == ("id00012_2-Ab_c_00001", "id00012", sound)
    reasons = {item.path.relative_to(tmp_path).as_posix(): item.reason for item in manifest.rejected}
    assert reasons == {
        "dev/mp4/id00012/x/intro.mp4": "does not lie in id00012/<video>/00001.mp4",
        "test/mp4/id00012/2-Ab_c/00001.mp4": ("same id (id00012_2-Ab_c_00001) as dev/mp4/id00012/2-Ab_c/00001.mp4"),
    }
    with pytest.raises(DataError, match=f"the folder of one person .*; give {tmp_path / 'dev/mp4'};"):
        read_voxceleb2(tmp_path / "dev/mp4/id00012")


def test_csv(tmp_path: Path) -> None:
    for name in ("a/one two.mp4", "a/é.mp4", "a/x.mp4", "b.mp4"):
        put(tmp_path / name)
    (tmp_path / "clips.csv").write_text(
        "video,id,emotion,level,audio\n"
        '"a/one two.mp4",,happy,2,a/one two.wav\n'
        "a/e\u0301.mp4,E,,,a/é.wav\n"
        "../b.mp4,,,,\n"
        "gone.mp4,,,,\n"
        "a/x.mp4,,joy,,a/x.wav\n"
        "b.mp4,E,,,b.wav\n"
    )
    manifest = read_csv_folder(tmp_path)
    first, second = manifest.clips
    assert (first.id, first.identity, first.emotion, first.sentence) == ("E", "a", None, "é".replace("é", "e\u0301"))
    assert (second.id, second.emotion, second.level) == ("a/one two", "happy", 2)
    reasons = {item.path.relative_to(tmp_path).as_posix(): item.reason for item in manifest.rejected}
    assert reasons["../b.mp4"].startswith("line 4 of clips.csv: leads out of the folder")
    assert reasons["gone.mp4"] == "line 5 of clips.csv: no such file"
    assert reasons["a/x.mp4"].startswith("line 6 of clips.csv: unknown emotion joy")
    assert reasons["b.mp4"] == "same id (E) as a/é.mp4"
    (tmp_path / "extra.mp4").write_bytes(b"x")
    assert read_csv_folder(tmp_path / "clips.csv").rejected[-2].reason == "not in clips.csv"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name\nx\n", "no column 'video'"),
        ("video,mood\n", "unknown column mood"),
        ("video\na,b\n", "line 2: more cells"),
    ],
)
def test_csv_that_cannot_be_read(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "clips.csv").write_text(text)
    with pytest.raises(DataError, match=said):
        read_csv_folder(tmp_path)


def test_csv_must_be_the_only_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no CSV file"):
        read_csv_folder(tmp_path)
    (tmp_path / "a.csv").touch()
    (tmp_path / "b.csv").touch()
    with pytest.raises(DataError, match=r"holds 2 CSV files \(a.csv, b.csv\)"):
        read_csv_folder(tmp_path)
