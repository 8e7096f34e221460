"""A small folder of moving squares prepared from end to end, killed, changed, and read as training reads it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.executors import SerialExecutor
from eap import media
from eap.acoustics import log_mel
from eap.data.arrays import ArraySet
from eap.data.folder import read_folder
from eap.data.mead import read_mead
from eap.data.prepare.dataset import RESULT, Preparation, open_prepared, prepare
from eap.data.prepare.labels import load_labels
from eap.data.prepare.pack import pack_arrays, pack_shards
from eap.data.prepare.plan import Settings
from eap.data.prepare.report import PAGE, SHEET, write_report
from eap.errors import ConfigError, DataError
from tests.eap.data.prepare.fakes import BRIGHT, TOOLS, face_frames, speech, write_clip

SETTINGS = Settings(size=64, seconds=1.6, shortest=0.4)


def run(source: Path, out: Path, settings: Settings = SETTINGS, engine: Any = None) -> Preparation:
    return prepare(read_folder(source), out, "folder", settings, TOOLS, engine or SerialExecutor())


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "journal.jsonl"
    }


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    write_clip(folder / "anna" / "à b.mp4", face_frames(25))
    write_clip(folder / "anna" / "long.mp4", face_frames(90))
    write_clip(folder / "bert" / "none.mp4", np.full((25, 160, 240, 3), 30, np.uint8) + face_frames(25) // 40)
    write_clip(folder / "bert" / "still.mp4", face_frames(1).repeat(25, axis=0))
    write_clip(folder / "bert" / "mute.mp4", face_frames(25), seconds=0.4)
    write_clip(folder / "bert" / "short.mp4", face_frames(6))
    (folder / "bert" / "broken.mp4").write_bytes(b"no video at all" * 50)
    return folder


def test_every_clip_is_prepared_or_named(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run(source, out)
    assert [clip.id for clip in done.manifest.clips] == [
        "anna/long.p000",
        "anna/long.p001",
        "anna/long.p002",
        "anna/à b",
    ]
    assert {item.path.name: item.reason for item in done.manifest.rejected} == {
        "none.mp4": "no face found in 25 looks at 25 frames",
        "still.mp4": "the picture stands still: one image for the whole clip",
        "mute.mp4": "sound of 0.40 s for a picture of 1.00 s",
        "short.mp4": "only 0.24 s long, 0.4 s are the least",
        "broken.mp4": "not a media file, or damaged at its beginning",
    }
    crops = media.read_video(out / "clips" / "anna" / "à b.mp4")
    assert crops.frames.shape == (25, 64, 64, 3)
    bright = np.nonzero(crops.frames[0, :, :, 0] > BRIGHT - 30)
    assert bright[1].min() == pytest.approx(0.161 * 64, abs=1.5), "framed as the embedded world's faces are"
    assert bright[0].min() == pytest.approx(0.154 * 64, abs=1.5)
    assert bright[1].max() - bright[1].min() == pytest.approx(0.693 * 64 - 1, abs=2)
    sound = media.read_audio(out / "sound" / "anna" / "à b.wav")
    assert len(sound) == 25 * 640
    assert np.corrcoef(sound[2000:-2000], speech(1.0)[2000:-2000])[0, 1] > 0.99
    assert len(load_labels(out / "labels" / "anna" / "à b.npz").landmarks) == 25
    assert sum(len(media.read_audio(out / "sound" / "anna" / f"long.p{k:03d}.wav")) for k in range(3)) == 90 * 640


def test_training_reads_arrays_and_shards(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(source, out)
    manifest = open_prepared(out)
    arrays = pack_arrays(out, manifest, SerialExecutor())
    shards = pack_shards(out, manifest, 3, SerialExecutor())
    assert [entry.id for entry in arrays] == [clip.id for clip in manifest.clips]
    assert sorted(path.name for path in (out / "shards").glob("*.tar")) == ["000000.tar", "000001.tar"]
    by_id = {entry.id: entry for entry in shards}
    for clip, entry in zip(manifest.clips, arrays, strict=True):
        other, n = by_id[clip.id], entry.length
        own = media.read_video(clip.video).frames
        assert np.array_equal(arrays.frames(entry, slice(None)), own)
        assert np.abs(shards.frames(other, [0, n - 1]).astype(int) - own[[0, n - 1]]).mean() < 2
        wav = media.read_audio(out / "sound" / clip.video.relative_to(out / "clips").with_suffix(".wav"))
        assert np.array_equal(arrays.mel(entry, 2, 5), log_mel(wav, n)[8:20].astype(np.float16).astype(np.float32))
        assert np.array_equal(shards.mel(other, 2, 5), arrays.mel(entry, 2, 5))
        for mine, theirs in zip(arrays.truth(entry, [1, 3]), shards.truth(other, [1, 3]), strict=True):
            assert np.array_equal(mine, theirs, equal_nan=True)
        assert np.isnan(arrays.truth(entry).affect[:, 0]).all(), "alpha is unknown"
        assert np.isfinite(arrays.truth(entry).affect[:, 1:]).all()
        assert (entry.emotion, entry.wild, entry.identity) == (-1, True, "anna")


class Killed(Exception):  # noqa: N818
    """Stands for a kill: nothing after it is done."""


class DyingExecutor(SerialExecutor):
    """Does `count` items, then dies within the next, when its files are half there."""

    def __init__(self, count: int) -> None:
        self.count = count

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:  # type: ignore[override]
        for number, done in enumerate(super().map(function, items)):
            if number == self.count:
                raise Killed
            yield done


def test_after_kills_the_end_is_the_same(source: Path, tmp_path: Path) -> None:
    for number in (0, 2, 1):
        with pytest.raises(Killed):
            run(source, tmp_path / "killed", engine=DyingExecutor(number))
    with (tmp_path / "killed" / "journal.jsonl").open("ab") as stream:
        stream.write(b'{"state": "half a li')
    (tmp_path / "killed" / "clips" / "anna" / ".long.p000.x1.mp4").write_bytes(b"temporary")
    done = run(source, tmp_path / "killed")
    assert (done.kept, done.written) == (3, 4)
    run(source, tmp_path / "quiet")
    for name in ("killed", "quiet"):
        pack_arrays(tmp_path / name, open_prepared(tmp_path / name), SerialExecutor())
    assert tree(tmp_path / "killed") == tree(tmp_path / "quiet")


def test_a_second_run_keeps_all_and_a_changed_source_is_done_again(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(source, out)
    assert run(source, out).written == 0
    write_clip(source / "anna" / "long.mp4", face_frames(30))
    done = run(source, out)
    assert done.written == 1
    assert [clip.id for clip in done.manifest.clips] == ["anna/long", "anna/à b"]
    assert sorted(path.name for path in (out / "clips" / "anna").iterdir()) == ["long.mp4", "à b.mp4"]
    (out / "labels" / "anna" / "long.npz").unlink()
    assert run(source, out).written == 1, "a file that was lost is made again"


def test_folders_that_are_refused(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(source, out)
    with pytest.raises(DataError, match="was begun with settings"):
        run(source, out, Settings(size=96, seconds=1.6, shortest=0.4))
    with pytest.raises(DataError, match="lies in the dataset"):
        run(source, source / "out")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    with pytest.raises(DataError, match="holds other files"):
        run(source, tmp_path / "full")
    with pytest.raises(DataError, match="holds no finished preparation"):
        open_prepared(tmp_path / "full")
    with pytest.raises(ConfigError, match="even side"):
        Settings(size=65)


def test_the_report_names_and_shows_what_was_not_used(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run(source, out)
    record = json.loads((out / "preparation.json").read_text())
    page = write_report(done, record)
    text = page.read_text()
    assert page.name == PAGE
    assert text.count("<img src='thumbs/") == 4, "all but the one that cannot be decoded"
    assert "no face found in # looks at # frames" in text
    assert media.read_image(page.with_name(SHEET)).shape == (96, 4 * 96, 3)
    assert json.loads((out / RESULT).read_text())["used"] == 2
    write_report(done, record)
    assert page.read_text() == text


def test_mead_prepared_is_read_as_mead_again(tmp_path: Path) -> None:
    base = tmp_path / "MEAD" / "M003" / "video" / "front" / "angry" / "level_3"
    write_clip(base / "012.mp4", face_frames(25))
    write_clip(base / "013.mp4", face_frames(60))
    prepare(read_mead(tmp_path / "MEAD", views=None), tmp_path / "out", "mead", SETTINGS, TOOLS, SerialExecutor())
    found = read_mead(tmp_path / "out" / "clips", views=None)
    assert [clip.id for clip in found.clips] == [
        "M003_front_angry_3_012", "M003_front_angry_3_013000", "M003_front_angry_3_013001",
    ]  # fmt: skip
    assert not found.rejected
    arrays = pack_arrays(tmp_path / "out", open_prepared(tmp_path / "out"), SerialExecutor())
    assert [(entry.identity, entry.emotion, entry.level, entry.wild) for entry in arrays] == [("M003", 0, 3, False)] * 3
    assert ArraySet.open(tmp_path / "out" / "arrays").n_frames == 85


def test_aligned_crops_and_names_that_cannot_be_written(tmp_path: Path) -> None:
    source = tmp_path / "source"
    write_clip(source / "a.mp4", face_frames(20))
    odd = source / "b\udcff.mp4"
    (source / "a.mp4").rename(odd)
    write_clip(source / "a.mp4", face_frames(20))
    done = run(source, tmp_path / "out", Settings(size=64, crop="aligned", seconds=1.6, shortest=0.4))
    assert [clip.id for clip in done.manifest.clips] == ["a"]
    assert [(item.path.name, item.reason) for item in done.manifest.rejected] == [
        ("b\\udcff.mp4", "its name is not valid UTF-8: rename it")
    ]
    with np.load(tmp_path / "out" / "labels" / "a.npz") as stored:
        side = 60 / 0.693
        assert stored["matrix"][0, 0] == pytest.approx(64 / side, rel=0.03), "the template is where the face is already"
