"""Whole-file writing, hashing, cache folder, and errors that survive a process boundary."""

from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path

import pytest

from eap.errors import DataError, EapError, MeasureError
from eap.files import atomic_path, atomic_write, cache_dir, sha256_file, write_json


def test_a_failed_write_leaves_the_old_file_and_no_debris(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    write_json(target, {"kept": 1})
    with pytest.raises(RuntimeError), atomic_write(target, "w") as stream:
        stream.write("half")
        raise RuntimeError("the disk filled")
    assert json.loads(target.read_text()) == {"kept": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_the_temporary_name_keeps_the_suffix(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "deep" / "clip.mp4") as temporary:
        assert temporary.suffix == ".mp4"
        temporary.write_bytes(b"x")
    assert (tmp_path / "deep" / "clip.mp4").read_bytes() == b"x"


def test_sha256_equals_hashlib(tmp_path: Path) -> None:
    data = bytes(range(256)) * 9000
    (tmp_path / "x").write_bytes(data)
    assert sha256_file(tmp_path / "x") == hashlib.sha256(data).hexdigest()


def test_the_cache_folder_can_be_moved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EAP_CACHE", str(tmp_path))
    assert cache_dir() == tmp_path
    monkeypatch.delenv("EAP_CACHE")
    assert cache_dir().name in ("eap-bench", "Cache")


def test_errors_are_one_line_and_cross_processes() -> None:
    error = DataError("clip.mp4:\n is not a video", fix="give a video")
    assert str(error) == "clip.mp4: is not a video; give a video"
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.message, again.fix) == (DataError, error.message, error.fix)
    assert EapError("x").exit_code == 2
    assert MeasureError("x").exit_code == 3
