"""`eap-bench data prepare` on the embedded world: damage is named, a kill changes nothing, real videos have faces."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.evidence.prepare_damage import DAMAGES, build_world, damage_world
from benchmarks.evidence.prepare_kills import tree
from benchmarks.executors import SerialExecutor
from benchmarks.preparing import EvaluatorLabeller, LandmarkFinder, tools_of
from eap.data.arrays import ArraySet
from eap.data.clip import Clip
from eap.data.folder import read_folder
from eap.data.mead import read_mead
from eap.data.prepare.dataset import open_prepared, prepare
from eap.data.prepare.finding import Place, cascade_finder
from eap.data.prepare.plan import Settings
from eap.data.truth import load_truth
from eap.errors import ConfigError
from metrics.evaluators.faces import FoundFaces, nothing_found
from tests.benchmarks.calling import Call


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """22 clips of .8 s, 20 of them damaged in 20 ways (the evidence has 220)."""
    root = tmp_path_factory.mktemp("world") / "MEAD"
    build_world(root, 1, seconds=0.8, workers=1)
    return root


def test_a_damaged_world_is_named_and_prepared(call: Call, world: Path, tmp_path: Path) -> None:
    clips = {clip.id for clip in read_mead(world, views=None).clips}
    damaged = damage_world(world)
    assert len({way for way, _ in damaged.values()}) == len(damaged) == len(DAMAGES)
    out = tmp_path / "out"
    done = call("data", "prepare", world, "--out", out, "--size", "96", "--workers", "1", "--json")
    assert done.code == 1, "files that cannot be used are a verdict against"
    found: dict[str, Any] = json.loads(done.out)
    named = {item["path"]: item["reason"] for item in found["unusable"]}
    missing = {way for way, path in damaged.values() if path not in named}
    assert not missing
    manifest = open_prepared(out)
    assert {clip.id for clip in manifest.clips} == clips - set(damaged)
    arrays = ArraySet.open(out / "arrays")
    for clip, entry in zip(manifest.clips, arrays, strict=True):
        assert clip.truth is not None
        truth, read = load_truth(clip.truth), arrays.truth(entry)
        assert np.abs(read.landmarks * 96 - truth.landmarks).mean() < 3, "the teacher sees what the world drew"
        assert len(truth) == entry.length
    _kill_in_the_middle(call, world, tmp_path, tree(out))


def _kill_in_the_middle(call: Call, world: Path, tmp_path: Path, quiet: dict[str, str]) -> None:
    line = [sys.executable, "-m", "benchmarks.cli", "data", "prepare", str(world), "--out", str(tmp_path / "killed"),
            "--size", "96", "--workers", "1", "--json"]  # fmt: skip
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    journal, limit = tmp_path / "killed" / "journal.jsonl", time.monotonic() + 60
    while time.monotonic() < limit and not (journal.exists() and journal.read_bytes().count(b"\n") >= 3):
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert call("data", "prepare", world, "--out", tmp_path / "killed", "--size", "96", "--workers", "1").code == 1
    assert tree(tmp_path / "killed") == quiet


def test_bad_folders(call: Call, tmp_path: Path) -> None:
    def refused(*arguments: object) -> str:
        done = call("data", "prepare", *arguments, "--out", tmp_path / "out")
        assert done.code == 2
        return done.err

    inner = tmp_path / "MEAD" / "M003" / "video" / "front" / "angry" / "level_3"
    inner.mkdir(parents=True)
    (inner / "001.mp4").write_bytes(b"no video")
    (tmp_path / "MEAD" / "M003" / "loop").symlink_to(tmp_path / "MEAD")
    assert "give " in refused(inner.parent)
    assert "no such folder" in refused(tmp_path / "none")
    assert "--size" in refused(tmp_path / "MEAD", "--size", "20")
    assert "even side" in refused(tmp_path / "MEAD", "--size", "97")
    clip = tmp_path / "other" / "a.mp4"
    clip.parent.mkdir()
    clip.write_bytes(b"no video")
    assert "--view left_30: no clip has it; choose from front" in refused(
        clip.parent, "--layout", "folder", "--view", "left_30"
    )
    assert not (tmp_path / "out").exists(), "nothing is written before the dataset was read"


def test_every_frame_of_real_speech_has_a_face(shared_dir: Path, tmp_path: Path) -> None:
    """Two of the four clips, every 15th frame: the evidence looks at every frame of all four."""
    (tmp_path / "source").mkdir()
    for name in ("grid_bbaf2n.mpg", "grid_pwij3p.mpg"):
        (tmp_path / "source" / name).symlink_to(shared_dir / "real" / name)
    tools = tools_of("cascade", "teacher")
    manifest = read_folder(tmp_path / "source")
    done = prepare(manifest, tmp_path / "out", "folder", Settings(every=12), tools, SerialExecutor())
    assert [source.found == source.looks == 8 for source in done.sources] == [True, True]
    assert [piece.frames for source in done.sources for piece in source.pieces] == [74, 74], "as long as the sound"


class _Evaluators:
    """Landmarks in a corner, and nothing else."""

    name = "stub"

    def why_not(self, need: str) -> str:
        return "" if need == "landmarks" else "not there"

    def label(self, need: str) -> str:
        return f"stub-{need}"

    def weights(self) -> dict[str, str]:
        return {"stub": "1" * 64}

    def read(self, frames: Any, needs: frozenset[str]) -> dict[str, Any]:
        assert needs == {"landmarks"}
        return {"landmarks": np.full((len(frames), 68, 2), 32.0, np.float32)}


def test_labels_of_an_evaluator_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.preparing.get_evaluators", lambda name: _Evaluators())
    labeller = EvaluatorLabeller("official")
    assert labeller.name == "stub-landmarks, no valence and arousal"
    assert not labeller.embedded_only
    found = labeller.read(np.zeros((2, 64, 64, 3), np.uint8))
    assert (found.landmarks == 0.5).all()
    assert np.isnan(found.affect).all()
    assert np.isnan(found.emotion).all()
    with pytest.raises(ConfigError, match="choose from"):
        tools_of("cascade", "guess")


class _Faces:
    name = "stub-faces"

    def find(self, frames: Any) -> FoundFaces:
        found = nothing_found(1)
        if frames[0, 0, 0, 0]:
            rows = np.zeros((68, 2), np.float32)
            rows[36:42], rows[42:48], rows[48:68] = (37.0, 42.8), (62.6, 42.8), (50.0, 74.1)
            found.landmarks[0], found.counts[0] = rows, 2
        return found


def test_a_finder_with_landmarks_frames_by_eyes_and_mouth() -> None:
    finder = LandmarkFinder(_Faces())  # type: ignore[arg-type]
    sight = finder.look(np.full((100, 100, 3), 9, np.uint8), None)
    assert sight is not None
    assert sight.place == pytest.approx(Place(0, 0, 100), abs=0.5)
    assert sight.faces == 2
    assert finder.look(np.zeros((100, 100, 3), np.uint8), None) is None


def test_the_cascade_finds_a_known_face_near_where_it_was(world: Path) -> None:
    from eap import media

    clip: Clip = next(clip for clip in read_mead(world, views=None).clips if clip.emotion == "neutral")
    room = np.full((240, 320, 3), 110, np.uint8)
    room[90:186, 120:216] = next(media.read_frames(clip.video))[0]
    first = cascade_finder().look(room, None)
    assert first is not None
    assert first.place.left == pytest.approx(120, abs=12)
    assert first.place.side == pytest.approx(96, abs=16)
    again = cascade_finder().look(room, first.place)
    assert again is not None
    assert again.place.left == pytest.approx(first.place.left, abs=6)
    away = Place(first.place.left - 300, first.place.top, first.place.side)
    assert cascade_finder().look(room, away) is None
