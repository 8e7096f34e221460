from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from benchmarks.methods import load_method
from benchmarks.plan import build_tasks, choose_audio, choose_reference, select_data, select_world
from benchmarks.references import reference_frame
from benchmarks.suites import Suite, load_suite
from eap.data.clip import Clip, Manifest, clip_id
from eap.data.truth import Truth, save_truth
from eap.errors import DataError


def clip(identity: str, emotion: str, level: int, sentence: int, truth: Path | None = None) -> Clip:
    name = clip_id(identity, "front", emotion, level, str(sentence))
    return Clip(name, identity, emotion, level, "front", str(sentence), Path(f"{name}.mp4"), truth=truth)


def manifest_of(suite: Suite) -> Manifest:
    cells = [*suite.cells(), *suite.reference_cells()]
    return Manifest(Path(), tuple(clip(f"W{c.identity}", c.emotion, c.level, c.sentence) for c in cells))


@pytest.mark.parametrize("name", ["mead", "mead-full", "smoke"])
def test_references_follow_the_rules_in_every_suite(name: str) -> None:
    suite = load_suite(name)
    selection = select_world(manifest_of(suite), suite)
    tasks = build_tasks(selection, suite, [load_method(method) for method in suite.methods])
    assert not [task.problem for task in tasks if task.problem]
    for task in tasks:
        if task.reference is not None:
            assert task.reference.id != task.clip.id
            assert task.reference.identity == task.clip.identity
            if task.tracks == ("neutral",):
                assert task.reference.emotion == "neutral"
            else:
                assert task.reference.emotion not in ("neutral", task.clip.emotion)
                assert task.reference.level == 3
        if task.audio is not None:
            assert task.audio.sentence != task.clip.sentence
            assert task.audio.identity == task.clip.identity


def test_the_plan_has_every_method_track_and_clip_once() -> None:
    suite = load_suite("smoke")
    methods = [load_method(method) for method in suite.methods]
    tasks = build_tasks(select_world(manifest_of(suite), suite), suite, methods)
    rows = [(task.method.name, track, task.clip.id) for task in tasks for track in task.tracks]
    assert len(rows) == len(set(rows)) == 24 * 2 * 2
    assert [task.method.name for task in tasks[:24]] == ["ground-truth"] * 24


def test_choices_depend_on_seed_and_clip_alone() -> None:
    pool = [clip("M1", emotion, 3, i) for i, emotion in enumerate(["angry", "fear", "happy", "sad", "surprised"])]
    backwards = list(reversed(pool))
    chosen = [choose_reference(pool, c, "emotional", 7) for c in pool]
    assert chosen == [choose_reference(backwards, c, "emotional", 7) for c in pool]
    assert any(chosen != [choose_reference(pool, c, "emotional", seed) for c in pool] for seed in range(5))
    assert [choose_audio(pool, c, 7) for c in pool] == [choose_audio(backwards, c, 7) for c in pool]


def test_weaker_levels_are_no_emotional_reference_where_level_3_exists() -> None:
    pool = [clip("M1", "angry", level, level) for level in (1, 2, 3)] + [clip("M1", "sad", 3, 9)]
    reference = choose_reference(pool, pool[3], "emotional", 1)
    assert reference is not None
    assert reference.level == 3


def test_a_clip_without_reference_is_a_task_with_a_problem() -> None:
    suite = load_suite("smoke")
    alone = Manifest(Path(), (clip("M1", "angry", 3, 1),))
    tasks = build_tasks(select_data(alone, suite), suite, [load_method("eap"), load_method("mismatched-audio")])
    assert [task.problem for task in tasks] == [
        "M1 has no other neutral clip to take the reference image from",
        "M1 has no other emotional clip to take the reference image from",
        "M1 has no clip with another sentence to take the audio from",
    ]


def test_data_selection_takes_the_published_test_identities_where_present() -> None:
    suite = load_suite("mead")
    people = ["M001", "M003", "W009", "W020"]
    clips = tuple(clip(p, e, 3, s) for p in people for e in ("angry", "sad") for s in (1, 2))
    chosen = select_data(Manifest(Path(), clips), suite)
    assert {c.identity for c in chosen.clips} == {"M003", "W009"}
    assert {c.sentence for c in chosen.clips} == {"1"}
    assert "M003 happy level_3" in chosen.absent
    others = Manifest(Path(), tuple(c for c in clips if c.identity in ("M001", "W020")))
    assert {c.identity for c in select_data(others, suite).clips} == {"M001", "W020"}


def test_data_without_a_clip_of_the_suite_is_an_error() -> None:
    with pytest.raises(DataError, match="no clip of the suite 'mead' among 1"):
        select_data(Manifest(Path(), (clip("M1", "angry", 1, 1),)), load_suite("mead"))


def test_a_world_with_a_hole_is_an_error() -> None:
    suite = load_suite("smoke")
    holed = Manifest(Path(), manifest_of(suite).clips[1:])
    with pytest.raises(DataError, match="no clip of identity 2000, angry, level 3"):
        select_world(holed, suite)


def truth_with(path: Path, alpha: Sequence[float], eyes: Sequence[float], mouth: Sequence[float]) -> Path:
    """Truth whose eye and mouth openings are as given, all else zero."""
    count = len(alpha)
    points = np.zeros((count, 68, 2), np.float32)
    for left, upper, lower, right in ((36, (37, 38), (41, 40), 39), (42, (43, 44), (47, 46), 45)):
        points[:, right, 0] = points[:, left, 0] + 10
        for index in upper:
            points[:, index, 1] = -np.asarray(eyes)
        for index in lower:
            points[:, index, 1] = 0
    points[:, 64, 0] = 10
    points[:, 66, 1] = mouth
    zeros = np.zeros(count, np.float32)
    wide = np.zeros((count, 8), np.float32)
    truth = Truth(
        25.0, points, np.asarray(alpha, np.float32), zeros, zeros, wide[:, :1], ("AU01",),
        np.array(["sil"] * count), wide, wide[:, :3], zeros,
    )  # fmt: skip
    save_truth(path, truth)
    return path


def test_the_reference_frame_is_the_apex_or_the_closed_mouth_with_open_eyes(tmp_path: Path) -> None:
    path = truth_with(tmp_path / "t.npz", [0, 0.5, 0.9, 1, 0.2], [4, 4, 4, 1, 4], [3, 2, 5, 0, 1])
    source = clip("M1", "angry", 3, 1, truth=path)
    assert reference_frame(source, "emotional", 5) == 2  # the apex 3 blinks
    assert reference_frame(source, "neutral", 5) == 4  # so does the closed mouth of 3
    assert reference_frame(source, "emotional", 2) == 1  # a video shorter than its truth
    bare = clip("M1", "angry", 3, 1)
    assert (reference_frame(bare, "emotional", 9), reference_frame(bare, "neutral", 9)) == (4, 0)
