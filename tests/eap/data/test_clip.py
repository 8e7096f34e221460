from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from eap.data.clip import Clip, Manifest, Rejected, clip_id
from eap.errors import DataError

ROOT = Path("/data/mead")


def _clip(identity: str, emotion: str | None, level: int | None, sentence: str) -> Clip:
    name = clip_id(identity, "front", emotion or "none", level or 0, sentence)
    video = ROOT / identity / f"{sentence}.mp4"
    return Clip(name, identity, emotion, level, "front", sentence, video, audio=video.with_suffix(".m4a"))


def _manifest() -> Manifest:
    clips = (
        _clip("M003", "angry", 3, "001"),
        _clip("M003", "neutral", 1, "002"),
        replace(_clip("W009", "angry", 1, "001"), truth=ROOT / "W009/001.truth.npz", audio=None),
        _clip("W009", None, None, "007"),
    )
    return Manifest(ROOT, clips, (Rejected(ROOT / "W009/bad.mp4", "empty (0 bytes)"),))


def test_clip_id_as_the_contract_spells_it() -> None:
    assert clip_id("M003", "front", "angry", 3, "012") == "M003_front_angry_3_012"


def test_filters_combine_and_keep_what_was_rejected() -> None:
    manifest = _manifest()
    assert manifest.identities == ("M003", "W009")
    assert [clip.id for clip in manifest.filter(emotions=["angry"], identities=["W009"])] == ["W009_front_angry_1_001"]
    assert len(manifest.filter(levels=[1])) == 2
    assert len(manifest.filter(sentences={"001"})) == 2
    assert len(manifest.filter(views=["top"])) == 0
    assert len(manifest.filter(where=lambda clip: clip.truth is not None)) == 1
    assert manifest.filter(levels=[1]).rejected == manifest.rejected


def test_sound_is_the_audio_file_or_the_video() -> None:
    clips = _manifest().clips
    assert clips[0].sound == ROOT / "M003/001.m4a"
    assert clips[2].sound == ROOT / "W009/001.mp4"


def test_parquet_round_trip_and_a_dataset_that_moved(tmp_path: Path) -> None:
    manifest = _manifest()
    manifest.to_parquet(tmp_path / "manifest.parquet")
    assert Manifest.from_parquet(tmp_path / "manifest.parquet") == manifest
    moved = Manifest.from_parquet(tmp_path / "manifest.parquet", root="/elsewhere")
    assert moved.clips[0].video == Path("/elsewhere/M003/001.mp4")
    assert moved.clips[2].truth == Path("/elsewhere/W009/001.truth.npz")
    assert moved.rejected[0].path == Path("/elsewhere/W009/bad.mp4")
    assert b"/data/mead/M003" not in (tmp_path / "manifest.parquet").read_bytes()


def test_empty_manifest_round_trip(tmp_path: Path) -> None:
    Manifest(ROOT, ()).to_parquet(tmp_path / "m.parquet")
    assert len(Manifest.from_parquet(tmp_path / "m.parquet")) == 0


def test_not_a_manifest_is_one_line(tmp_path: Path) -> None:
    import pandas as pd

    path = tmp_path / "m.parquet"
    with pytest.raises(DataError, match=r"m\.parquet: not a manifest"):
        Manifest.from_parquet(path)
    path.write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"m\.parquet: not a manifest"):
        Manifest.from_parquet(path)
    pd.DataFrame({"a": [1]}).to_parquet(path)
    with pytest.raises(DataError, match=r"m\.parquet: not a manifest"):
        Manifest.from_parquet(path)


def test_unknown_emotion_twice_the_same_id_and_missing_id() -> None:
    with pytest.raises(DataError, match="unknown emotion 'disgust'"):
        _clip("M003", "disgust", 1, "001")
    with pytest.raises(DataError, match="two clips are called M003_front_angry_3_001"):
        Manifest(ROOT, (_clip("M003", "angry", 3, "001"),) * 2)
    assert _manifest().get("M003_front_angry_3_001").sentence == "001"
    with pytest.raises(DataError, match="no clip M099"):
        _manifest().get("M099")
