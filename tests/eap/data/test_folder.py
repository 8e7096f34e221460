from __future__ import annotations

from pathlib import Path

import pytest

from eap.data.folder import pair_folders, read_folder
from eap.errors import DataError


def _touch(root: Path, *names: str, content: bytes = b"x") -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def test_ids_are_paths_without_suffix_and_names_may_carry_labels(tmp_path: Path) -> None:
    _touch(tmp_path, "a.mp4", "sub/b.MPG", "sub/M003_left_30_angry_3_012.webm", "a.wav", "a.truth.npz")
    clips = {clip.id: clip for clip in read_folder(tmp_path)}
    assert list(clips) == ["a", "sub/M003_left_30_angry_3_012", "sub/b"]
    assert (clips["a"].identity, clips["a"].emotion, clips["a"].sound) == ("a", None, tmp_path / "a.wav")
    assert clips["a"].truth == tmp_path / "a.truth.npz"
    assert (clips["sub/b"].identity, clips["sub/b"].audio) == ("sub", None)
    labelled = clips["sub/M003_left_30_angry_3_012"]
    assert (labelled.identity, labelled.view, labelled.emotion) == ("M003", "left_30", "angry")
    assert (labelled.level, labelled.sentence) == (3, "012")


def test_what_is_no_video_is_rejected_with_its_reason(tmp_path: Path) -> None:
    _touch(tmp_path, "a.mp4", "a.avi", "notes.txt", "lost.wav", ".hidden")
    _touch(tmp_path, "empty.mp4", content=b"")
    reasons = {item.path.name: item.reason for item in read_folder(tmp_path).rejected}
    assert reasons == {
        "a.mp4": "same name as a.avi",
        "notes.txt": "not a video (.txt)",
        "lost.wav": "there is no video called lost",
        "empty.mp4": "empty (0 bytes)",
    }


def test_folders_without_a_video_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        read_folder(tmp_path / "none")
    with pytest.raises(DataError, match="no usable video among 0 files"):
        read_folder(tmp_path)
    _touch(tmp_path, "notes.txt")
    with pytest.raises(DataError, match=r"among 1 files, the first: notes\.txt: not a video"):
        read_folder(tmp_path)


def test_pairs_missing_and_extra_by_id(tmp_path: Path) -> None:
    made = _touch(tmp_path / "made", "x/1.mp4", "x/2.mp4", "x/extra.mp4")
    known = _touch(tmp_path / "known", "x/1.avi", "x/2.mp4", "x/3.mp4")
    pairs = pair_folders(made, known)
    assert [(a.video.name, b.video.name) for a, b in pairs.pairs] == [("1.mp4", "1.avi"), ("2.mp4", "2.mp4")]
    assert [clip.id for clip in pairs.missing] == ["x/3"]
    assert [clip.id for clip in pairs.extra] == ["x/extra"]


def test_pairs_by_bare_name_when_folders_differ(tmp_path: Path) -> None:
    made = _touch(tmp_path / "made", "1.mp4", "2.mp4")
    known = _touch(tmp_path / "known", "x/1.mp4", "y/3.mp4")
    pairs = pair_folders(made, known)
    assert [(a.id, b.id) for a, b in pairs.pairs] == [("1", "x/1")]
    assert ([clip.id for clip in pairs.missing], [clip.id for clip in pairs.extra]) == (["y/3"], ["2"])


def test_ambiguous_or_foreign_names_do_not_pair(tmp_path: Path) -> None:
    made = _touch(tmp_path / "made", "1.mp4")
    with pytest.raises(DataError, match="no video has the name of one in"):
        pair_folders(made, _touch(tmp_path / "twice", "x/1.mp4", "y/1.mp4"))
    with pytest.raises(DataError, match="for example 1 and other"):
        pair_folders(made, _touch(tmp_path / "foreign", "other.mp4"))
