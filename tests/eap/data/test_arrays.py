from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eap.data.arrays import ArraySet, ArrayWriter, ClipArrays
from eap.errors import DataError

SIZE = 8


def _clip(number: int, length: int | None = None) -> ClipArrays:
    rng = np.random.default_rng(number)
    n = 3 + number % 4 if length is None else length
    return ClipArrays(
        id=f"clip{number}",
        identity=f"M{number:03d}",
        emotion=number % 8,
        level=1 + number % 3,
        sentence=f"{number:03d}",
        view="front",
        wild=bool(number % 2),
        frames=rng.integers(0, 256, (n, SIZE, SIZE, 3), dtype=np.uint8),
        mel=rng.normal(size=(4 * n, 80)).astype(np.float32),
        landmarks=rng.random((n, 68, 2)).astype(np.float32),
        affect=rng.random((n, 3)).astype(np.float32),
        head=rng.random((n, 3)).astype(np.float32),
    )


def _write(root: Path, numbers: range) -> None:
    with ArrayWriter(root, SIZE) as writer:
        for number in numbers:
            writer.add(_clip(number))


def _assert_holds(arrays: ArraySet, numbers: range) -> None:
    assert [entry.id for entry in arrays] == [f"clip{number}" for number in numbers]
    for entry, number in zip(arrays, numbers, strict=True):
        clip = _clip(number)
        np.testing.assert_array_equal(arrays.frames(entry, slice(None)), clip.frames)
        np.testing.assert_array_equal(arrays.mel(entry, 0, entry.length), clip.mel.astype(np.float16))
        truth = arrays.truth(entry)
        np.testing.assert_array_equal(truth.landmarks, clip.landmarks)
        np.testing.assert_array_equal(truth.affect, clip.affect)
        np.testing.assert_array_equal(truth.head, clip.head)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    _write(tmp_path / "set", range(5))
    arrays = ArraySet.open(tmp_path / "set")
    assert (len(arrays), arrays.size, arrays.fps) == (5, SIZE, 25.0)
    entry = arrays.clips[3]
    assert (entry.identity, entry.emotion, entry.level, entry.sentence, entry.wild) == ("M003", 3, 1, "003", True)
    assert (entry.start, entry.length) == (3 + 4 + 5, 6)
    _assert_holds(arrays, range(5))


def test_arrays_are_plain_npy_files(tmp_path: Path) -> None:
    _write(tmp_path / "set", range(3))
    frames = np.load(tmp_path / "set" / "frames.npy", mmap_mode="r")
    assert frames.shape == (12, SIZE, SIZE, 3) and frames.dtype == np.uint8
    assert np.load(tmp_path / "set" / "mel.npy").shape == (48, 80)
    np.testing.assert_array_equal(frames[3:7], _clip(1).frames)


def test_every_kind_of_index_and_none_beyond_the_clip(tmp_path: Path) -> None:
    _write(tmp_path / "set", range(3))
    arrays = ArraySet.open(tmp_path / "set")
    entry, clip = arrays.clips[1], _clip(1)
    np.testing.assert_array_equal(arrays.frames(entry, 2), clip.frames[2])
    np.testing.assert_array_equal(arrays.frames(entry, [3, 0, 3]), clip.frames[[3, 0, 3]])
    np.testing.assert_array_equal(arrays.frames(entry, slice(1, 3)), clip.frames[1:3])
    np.testing.assert_array_equal(arrays.frames(entry, slice(0, 99, 2)), clip.frames[::2])
    np.testing.assert_array_equal(arrays.mel(entry, 1, 3), clip.mel.astype(np.float16)[4:12])
    np.testing.assert_array_equal(arrays.truth(entry, [1]).head, clip.head[1:2])
    for wrong in (4, -1, [0, 4], np.array([-1])):
        with pytest.raises(IndexError, match="clip1"):
            arrays.frames(entry, wrong)
    with pytest.raises(IndexError, match="clip1"):
        arrays.mel(entry, 2, 5)


def test_frames_are_copies_that_may_be_changed(tmp_path: Path) -> None:
    _write(tmp_path / "set", range(1))
    arrays = ArraySet.open(tmp_path / "set")
    arrays.frames(arrays.clips[0], slice(0, 1))[:] = 0
    np.testing.assert_array_equal(arrays.frames(arrays.clips[0], 0), _clip(0).frames[0])


def test_clips_already_there_are_skipped_and_a_set_can_grow(tmp_path: Path) -> None:
    _write(tmp_path / "set", range(3))
    reader = ArraySet.open(tmp_path / "set")
    with ArrayWriter(tmp_path / "set", SIZE) as writer:
        assert writer.done == {"clip0", "clip1", "clip2"}
        assert not writer.add(_clip(1))
        assert writer.add(_clip(3))
        _assert_holds(ArraySet.open(tmp_path / "set"), range(3))  # readers see the old set until it is finished
    _assert_holds(ArraySet.open(tmp_path / "set"), range(4))
    _assert_holds(reader, range(3))


def test_survives_kill_9(tmp_path: Path) -> None:
    root = tmp_path / "set"
    script = (
        "import sys, pathlib; sys.path.insert(0, sys.argv[2]); import importlib.util as u\n"
        "spec = u.spec_from_file_location('t', sys.argv[3]); t = u.module_from_spec(spec); spec.loader.exec_module(t)\n"
        "w = t.ArrayWriter(pathlib.Path(sys.argv[1]), t.SIZE)\n"
        "for k in range(100000): w.add(t._clip(k))\n"
    )
    here = Path(__file__).resolve()
    with subprocess.Popen([sys.executable, "-c", script, str(root), str(here.parents[3]), str(here)]) as child:
        journal = root / "journal.jsonl"
        deadline = time.monotonic() + 60
        while not (journal.exists() and journal.read_bytes().count(b"\n") > 30):
            assert child.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        os.kill(child.pid, signal.SIGKILL)
    with pytest.raises(DataError, match="not finished"):
        ArraySet.open(root)
    with ArrayWriter(root, SIZE) as writer:
        kept = len(writer.done)
        assert kept >= 30
        assert writer.add(_clip(kept))
    _assert_holds(ArraySet.open(root), range(kept + 1))


def test_half_a_clip_and_half_a_journal_line_are_cut_off(tmp_path: Path) -> None:
    root = tmp_path / "set"
    writer = ArrayWriter(root, SIZE)
    for number in range(3):
        writer.add(_clip(number))
    writer._release()
    with (root / "frames.npy").open("ab") as handle:
        handle.write(b"half a clip")
    with (root / "journal.jsonl").open("ab") as handle:
        handle.write(b'{"id": "clip3", "ident')
    _write(root, range(4))
    _assert_holds(ArraySet.open(root), range(4))


def test_journal_ahead_of_the_arrays_is_not_believed(tmp_path: Path) -> None:
    root = tmp_path / "set"
    _write(root, range(3))
    os.truncate(root / "mel.npy", (root / "mel.npy").stat().st_size - 10)
    with ArrayWriter(root, SIZE) as writer:
        assert writer.done == {"clip0", "clip1"}
        writer.add(_clip(2))
    _assert_holds(ArraySet.open(root), range(3))


def test_an_error_in_the_block_leaves_a_resumable_set(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), ArrayWriter(tmp_path / "set", SIZE) as writer:
        writer.add(_clip(0))
        raise KeyboardInterrupt
    with pytest.raises(DataError, match="not finished"):
        ArraySet.open(tmp_path / "set")
    _write(tmp_path / "set", range(2))
    _assert_holds(ArraySet.open(tmp_path / "set"), range(2))


def test_full_disk_names_the_file_and_keeps_the_earlier_clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "set"
    writer = ArrayWriter(root, SIZE)
    writer.add(_clip(0))

    class Full:
        def __init__(self, real: object) -> None:
            self.seek = real.seek  # type: ignore[attr-defined]
            self.close = real.close  # type: ignore[attr-defined]

        def write(self, data: bytes) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setitem(writer._files, "landmarks", Full(writer._files["landmarks"]))
    with pytest.raises(DataError, match=r"landmarks\.npy: No space left on device; free"), writer:
        writer.add(_clip(1))
    _write(root, range(2))
    _assert_holds(ArraySet.open(root), range(2))


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    with ArrayWriter(tmp_path / "set", SIZE), pytest.raises(DataError, match="another process"):
        ArrayWriter(tmp_path / "set", SIZE)
    ArrayWriter(tmp_path / "set", SIZE).close()


def test_other_size_and_foreign_folder_are_refused(tmp_path: Path) -> None:
    _write(tmp_path / "set", range(1))
    with pytest.raises(DataError, match="choose another folder"):
        ArrayWriter(tmp_path / "set", SIZE + 1)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").touch()
    with pytest.raises(DataError, match="not a training cache"):
        ArrayWriter(tmp_path / "photos", SIZE)
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["a.jpg"]


def test_wrong_shapes_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    good = _clip(0)
    with ArrayWriter(tmp_path / "set", SIZE) as writer:
        for bad, what in (
            (replace(good, mel=good.mel[1:]), "mel has shape"),
            (replace(good, frames=good.frames.astype(np.float32)), "frames are float32"),
            (replace(good, frames=good.frames[:0]), "no frames"),
        ):
            with pytest.raises(DataError, match=what):
                writer.add(bad)
        writer.add(good)
    _assert_holds(ArraySet.open(tmp_path / "set"), range(1))


def test_missing_damaged_and_short_sets_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no training cache here"):
        ArraySet.open(tmp_path / "none")
    root = tmp_path / "set"
    _write(root, range(2))
    os.truncate(root / "frames.npy", 1000)
    with pytest.raises(DataError, match=r"frames\.npy: shorter"):
        ArraySet.open(root)
    (root / "index.json").write_text("{")
    with pytest.raises(DataError, match="damaged"):
        ArraySet.open(root)


def test_an_empty_set_is_a_set(tmp_path: Path) -> None:
    ArrayWriter(tmp_path / "set", SIZE).close()
    assert len(ArraySet.open(tmp_path / "set")) == 0
    assert json.loads((tmp_path / "set" / "index.json").read_text())["clips"] == []


def test_pickle_carries_the_path_not_the_pixels(tmp_path: Path) -> None:
    _write(tmp_path / "set", range(5))
    carried = pickle.dumps(ArraySet.open(tmp_path / "set"))
    assert len(carried) < 1000
    _assert_holds(pickle.loads(carried), range(5))


def test_imports_numpy_alone() -> None:
    code = (
        "import sys, eap.data.arrays, eap.data.truth, eap.acoustics\n"
        "print([m for m in ('torch', 'scipy', 'pandas', 'pyarrow', 'av', 'librosa') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3]
    )
    assert done.stdout.strip() == "[]"
