from __future__ import annotations

import os
from pathlib import Path

import pytest

from eap.data import walking
from eap.data.folder import read_folder
from eap.data.mead import read_mead
from eap.data.walking import walk
from eap.errors import DataError


def test_links_in_circles_end_and_are_named(tmp_path: Path) -> None:
    inner = tmp_path / "a b" / "ñ"
    inner.mkdir(parents=True)
    (inner / "1.mp4").write_bytes(b"x")
    (inner / "up").symlink_to(tmp_path)
    (inner / "self.mp4").symlink_to(inner / "self.mp4")
    (inner / "gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
    seen = walk(tmp_path)
    assert seen.files == (inner / "1.mp4",)
    assert {item.path.name: item.reason for item in seen.rejected} == {
        "up": "a link that leads back to a folder above it",
        "self.mp4": "a link to nothing",
        "gone.mp4": "a link to nothing",
    }
    assert [clip.id for clip in read_folder(tmp_path)] == ["a b/ñ/1"]


def test_a_linked_folder_is_followed_once_per_place(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/1.mp4").write_bytes(b"x")
    (tmp_path / "linked").symlink_to(tmp_path / "real")
    assert [path.relative_to(tmp_path).as_posix() for path in walk(tmp_path).files] == ["linked/1.mp4", "real/1.mp4"]


def test_what_may_not_be_opened_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "locked").mkdir()
    (tmp_path / "secret.mp4").write_bytes(b"x")
    real = walking.entries_of

    def entries(folder: Path) -> list[Path]:
        if folder.name == "locked":
            raise PermissionError(13, "Permission denied")
        return real(folder)

    monkeypatch.setattr(walking, "entries_of", entries)
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "secret.mp4")
    assert [(item.path.name, item.reason) for item in walk(tmp_path).rejected] == [
        ("locked", "folder cannot be opened (Permission denied)"),
        ("secret.mp4", "cannot be read (no permission)"),
    ]


def test_a_circle_inside_mead(tmp_path: Path) -> None:
    level = tmp_path / "M003/video/front/angry/level_1"
    level.mkdir(parents=True)
    sound = tmp_path / "M003/audio/angry/level_1"
    sound.mkdir(parents=True)
    (level / "001.mp4").write_bytes(b"x")
    (sound / "001.m4a").write_bytes(b"x")
    (tmp_path / "M003/video/strange").mkdir()
    (tmp_path / "M003/video/strange/up").symlink_to(tmp_path)
    manifest = read_mead(tmp_path)
    assert len(manifest) == 1
    assert "M003/video/strange/up/M003/video/strange/up" not in {str(item.path) for item in manifest.rejected}
    assert any(item.reason == "a link that leads back to a folder above it" for item in manifest.rejected)


def test_a_file_instead_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(DataError, match="x: is a file, a folder is wanted"):
        walk(tmp_path / "x")
