from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from eap import media
from eap.data.mead import read_mead
from eap.data.truth import load_truth
from eap.errors import DataError
from eap.synth.clip import ClipSpec, identity_name, render_clip
from eap.synth.dataset import MARKER, clip_files, plan_world, write_world

SPECS = [ClipSpec(0, emotion, 1, 3, seconds=0.2) for emotion in ("neutral", "sad", "angry")]


def test_a_plan_lets_everybody_say_the_same_in_every_emotion() -> None:
    plan = plan_world([0, 1], emotions=("happy", "neutral"), levels=(1, 3), per_cell=4)
    assert len(plan) == 2 * 4 * (2 + 1)
    assert [spec.identity for spec in plan] == sorted(spec.identity for spec in plan)
    said = {
        (who, emotion, level): {s.sentence for s in plan if (s.identity, s.emotion, s.level) == (who, emotion, level)}
        for who in (0, 1)
        for emotion, level in (("happy", 1), ("happy", 3), ("neutral", 1))
    }
    assert said[0, "happy", 1] == said[0, "happy", 3] == said[0, "neutral", 1] != said[1, "happy", 1]
    assert len(plan_world([0], sentences=(5,), emotions=("neutral",), neutral_takes=3)) == 3
    with pytest.raises(DataError, match="per_cell"):
        plan_world([0], sentences=(1, 2), per_cell=3)


def test_the_world_is_a_mead_folder_with_truth_and_twin(tmp_path: Path) -> None:
    root = tmp_path / "world"
    report = write_world(root, SPECS, size=64, workers=2)
    assert (report.written, report.kept) == (3, 0)
    manifest = read_mead(root)
    assert {clip.id for clip in manifest.clips} == {clip.id for clip in report.clips}
    assert not manifest.rejected
    found = next(clip for clip in manifest.clips if clip.emotion == "sad")
    name = identity_name(0)
    assert found.video == root / name / "video/front/sad/level_1/003.mp4"
    assert found.audio == root / name / "audio/sad/level_1/003.m4a"
    assert found.truth is not None
    assert found.twin is not None
    made = render_clip(SPECS[1], size=64, twin=True)
    assert made.frames is not None
    assert made.twin_frames is not None
    video, twin = media.read_video(found.video), media.read_video(found.twin)
    assert np.abs(video.frames.astype(int) - made.frames).mean() < 4
    assert np.abs(twin.frames.astype(int) - made.twin_frames).mean() < 4
    np.testing.assert_array_equal(load_truth(found.truth).alpha, made.truth.alpha)
    assert video.audio is not None
    assert len(media.read_audio(found.audio)) == pytest.approx(len(made.audio), abs=1100)


def test_a_second_run_keeps_what_is_there(tmp_path: Path) -> None:
    root = tmp_path / "world"
    write_world(root, SPECS[:1], size=64, twin=False)
    video = clip_files(root, SPECS[0]).video
    before = video.stat().st_mtime_ns
    report = write_world(root, SPECS, size=64, twin=False)
    assert (report.written, report.kept) == (2, 1)
    assert video.stat().st_mtime_ns == before


def test_a_killed_run_leaves_whole_clips_and_goes_on(tmp_path: Path) -> None:
    root = tmp_path / "world"
    code = f"""
        import os, signal
        from pathlib import Path
        from eap import media
        from eap.synth.clip import ClipSpec
        from eap.synth.dataset import write_world
        plain, written = media.write_video, []
        def fatal(path, *given, **named):
            if len(written) == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            written.append(path)
            plain(path, *given, **named)
        media.write_video = fatal
        specs = [ClipSpec(0, e, 1, 3, seconds=0.2) for e in ("neutral", "sad", "angry")]
        write_world(Path({str(root)!r}), specs, size=64, twin=False)
    """
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(root.rglob("*.mp4"))) == 1
    leftover = clip_files(root, SPECS[1]).video.with_name(".003.abcd.mp4")
    leftover.parent.mkdir(parents=True, exist_ok=True)
    leftover.write_bytes(b"half a file")
    report = write_world(root, SPECS, size=64, twin=False)
    assert (report.written, report.kept) == (2, 1)
    assert not leftover.exists()
    assert len(read_mead(root).clips) == 3


def test_a_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(DataError, match="other files"):
        write_world(tmp_path, SPECS, size=64)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["holiday.jpg"]
    with pytest.raises(DataError, match="a file"):
        write_world(tmp_path / "holiday.jpg", SPECS, size=64)


def test_another_world_or_a_damaged_marker_is_refused(tmp_path: Path) -> None:
    write_world(tmp_path, [], size=64)
    with pytest.raises(DataError, match="choose another folder"):
        write_world(tmp_path, SPECS, size=96)
    (tmp_path / MARKER).write_text("{")
    with pytest.raises(DataError, match="damaged"):
        write_world(tmp_path, SPECS, size=64)


def test_two_clips_of_one_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="same file"):
        write_world(tmp_path, [SPECS[0], ClipSpec(0, "neutral", 1, 3, seed=1)], size=64)


def test_a_full_disk_is_one_line_and_leaves_no_half_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    root = tmp_path / "world"
    monkeypatch.setattr(media, "write_video", full)
    with pytest.raises(DataError, match="No space left on device; free disk space"):
        write_world(root, SPECS[:1], size=64, twin=False)
    assert not list(root.rglob("*.mp4"))


def test_progress_counts_to_the_end(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    write_world(tmp_path, SPECS, size=64, twin=False, progress=lambda *at: seen.append(at))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_empty_worlds_and_impossible_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no identities"):
        plan_world([])
    with pytest.raises(DataError, match="no emotions and no views"):
        plan_world([0], emotions=(), views=())
    with pytest.raises(DataError, match="take"):
        plan_world([0], takes=0)
    with pytest.raises(DataError, match="angst"):
        plan_world([0], emotions=("angst",), sentences=(1,))
    with pytest.raises(DataError, match="behind"):
        plan_world([0], views=("behind",), sentences=(1,))
    for size in (0, -3, 8, 100_000):
        with pytest.raises(DataError, match="px"):
            write_world(tmp_path / "world", SPECS, size=size)
    assert not (tmp_path / "world").exists()
