"""The parts of the world's evidence scripts that can be worked by hand, and each script once, as small as it goes."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.evidence import world_faces, world_identity, world_judges, world_shortcuts, world_speed
from benchmarks.evidence.pictures import UNSEEN, gather, shoot
from benchmarks.evidence.real_detectors import MESH_OF_68
from eap.constants import EMOTIONS, LEVELS
from eap.errors import MeasureError
from eap.synth.clip import ClipSpec, render_clip


def test_a_shot_is_a_frame_of_the_clip() -> None:
    spec = ClipSpec(UNSEEN, "fear", 2, 7, view="left_30")
    clip = render_clip(spec, size=48)
    assert clip.frames is not None
    for shot in shoot(spec, 3, 48, np.random.default_rng(1)):
        at = int(np.abs(clip.truth.alpha - shot.alpha).argmin())
        np.testing.assert_array_equal(shot.image, clip.frames[at])
        np.testing.assert_allclose(shot.landmarks, clip.truth.landmarks[at], atol=1e-3)


def test_everybody_feels_everything_as_often() -> None:
    shots = list(gather([UNSEEN], 2, 32, clips=2))
    assert len(shots) == len(EMOTIONS) * len(LEVELS) * 2
    count = {name: sum(shot.spec.emotion == name for shot in shots) for name in EMOTIONS}
    assert set(count.values()) == {6}
    assert len({(shot.spec.emotion, shot.spec.sentence, shot.spec.take) for shot in shots}) > len(EMOTIONS) * 4


def test_confusion_by_hand() -> None:
    table = world_judges.confusion(np.array([0, 0, 4]), np.array([0, 3, 4]))
    assert (table[0][0], table[0][3], table[4][4]) == (1, 1, 1)
    assert sum(map(sum, table)) == 3


def test_judge_tables_by_hand() -> None:
    happy, sad, neutral = (EMOTIONS.index(name) for name in ("happy", "sad", "neutral"))
    truth = np.array([happy, happy, sad, sad, neutral, neutral])
    seen = np.array([happy, sad, sad, sad, neutral, happy])
    alpha = np.array([0.9, 0.2, 0.7, 0.8, 0.0, 0.0])
    level = np.array([3, 3, 3, 2, 0, 0])
    who = np.array([1, 2, 1, 2, 1, 2])
    found = world_judges.tables(truth, seen, alpha, level, who)
    assert found["accuracy"]["all_frames"]["share"] == pytest.approx(4 / 6)
    assert found["accuracy"]["alpha_above_.6"]["share"] == 1.0
    assert found["accuracy"]["alpha_above_.6"]["n"] == 3
    assert found["accuracy"]["alpha_above_.6_or_neutral"]["share"] == pytest.approx(4 / 5)
    assert found["accuracy_by_level_and_emotion"]["level_3"] == {"happy": 0.5, "sad": 1.0}
    assert found["neutral_seen_as_neutral"] == 0.5
    assert found["confusion"]["level_3"][happy][sad] == 1
    assert sum(found["confusion"]["neutral"][neutral]) == 2


def test_masks_hide_the_face_or_the_head() -> None:
    shots = list(gather([UNSEEN, UNSEEN + 1], 1, 64, levels=(3,)))
    places = np.stack([shot.landmarks for shot in shots])
    face = world_shortcuts.hide(places, 64, head=False)
    head = world_shortcuts.hide(places, 64, head=True)
    assert not (face & ~head).any()
    for shot in shots:
        inside = np.clip(shot.landmarks.astype(int), 0, 63)
        assert face[inside[17:, 1], inside[17:, 0]].mean() > 0.98
        assert head[inside[:, 1], inside[:, 0]].mean() > 0.95
    assert not head[-2:, :6].any()  # the shoulders' corner stays
    assert head[0, 32]


def test_batches_are_whole_and_take_each_once() -> None:
    parts = world_identity.batches(10, 4, torch.Generator().manual_seed(0))
    assert [len(part) for part in parts] == [4, 4]
    assert len(set(torch.cat(parts).tolist())) == 8


def test_a_probe_learns_what_is_in_the_picture_and_not_what_is_hidden() -> None:
    """Emotion is the height of a bar in noise: found where it is shown, at chance where it is masked."""
    r = np.random.default_rng(0)
    truth = np.tile(np.arange(8), 80)
    images = r.integers(100, 130, (640, 64, 64, 3)).astype(np.uint8)
    for picture, emotion in zip(images, truth, strict=True):
        picture[16 + 4 * emotion : 20 + 4 * emotion, 20:44] = 230
    mask = np.zeros((64, 64), bool)
    mask[8:56, 8:56] = True
    who = np.repeat(np.arange(20), 32)
    right = []
    for hidden in (None, mask):
        x = world_shortcuts.centred(world_shortcuts.features(images, hidden), who)
        right.append(float((world_shortcuts.discriminant(x[:480], truth[:480], x[480:]) == truth[480:]).mean()))
    assert right[0] > 0.95
    assert right[1] < 0.3


def test_discriminant_and_regression_by_hand() -> None:
    x = np.array([[0.0, 0.1], [0.0, -0.1], [1.0, 0.1], [1.0, -0.1]])
    found = world_shortcuts.discriminant(x, np.array([3, 3, 5, 5]), np.array([[0.2, 0.0], [0.8, 0.0]]))
    assert found.tolist() == [3, 5]
    line = np.linspace(-1, 1, 21)[:, None]
    # one feature: the slope is shrunk by 1 / (1 + .2)
    assert world_shortcuts.regression(line, 2 * line[:, 0], np.array([[0.6]]))[0] == pytest.approx(1.0)


def test_a_persons_mean_is_taken_away() -> None:
    values = np.array([[1.0], [3.0], [10.0]])
    assert world_shortcuts.centred(values, np.array([0, 0, 1]))[:, 0].tolist() == [-1.0, 1.0, 0.0]


def test_identity_figures_by_hand() -> None:
    """Two people at right angles; the second one's two frames are 60 degrees apart."""
    vectors = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0.5, np.sqrt(0.75)]])
    person, emotion = np.array([7, 7, 9, 9]), np.array([0, 1, 0, 1])
    found = world_identity.compare(vectors, person, emotion)
    assert found["auc"] == 1.0
    assert found["cosine_same"]["mean"] == pytest.approx((1 + 0.5) / 2)
    assert found["cosine_different"]["mean"] == pytest.approx(0.0)
    assert found["nearest_neighbour_is_same_person"] == 1.0
    assert found["nearest_other_person_distance"]["least"] == pytest.approx(1.0)
    assert found["closest_pair"] == [7, 9]


def test_surroundings_are_grey_when_people_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    shots = list(gather([UNSEEN], 1, world_identity.SIZE, levels=(3,)))[:2]
    seen: list[torch.Tensor] = []

    def look(images: torch.Tensor) -> torch.Tensor:
        seen.append(images)
        return torch.ones(len(images), 128)

    world_identity.embed(look, shots)  # type: ignore[arg-type]
    assert (seen[0][:, :, -1, 0] == 0.5).all()
    middle = torch.from_numpy(shots[0].image).permute(2, 0, 1)[:, 40, 32] / 255
    assert torch.allclose(seen[0][0, :, 40, 32], middle, atol=1e-6)


def test_landmark_error_by_hand() -> None:
    truth = np.zeros((2, 68, 2))
    truth[:, 45, 0] = 100.0  # outer eye corners 100 px apart
    found = truth + np.array([3.0, 4.0])
    result = world_faces.landmark_error([found[0].tolist(), None], truth)
    assert result["frames"] == 1
    assert result["inner_51"] == pytest.approx(0.05)
    assert result["inner_51_without_offset"] == pytest.approx(0.0)
    with pytest.raises(MeasureError, match="no face"):
        world_faces.landmark_error([None, None], truth)


def test_detection_rates_by_hand() -> None:
    view = np.array(["front", "front", "top", "top"])
    found = world_faces.rates({"tool": {"found": [True, True, True, False]}}, view)["tool"]
    assert found["front"]["share"] == 1.0
    assert found["all_views"]["share"] == 0.75
    assert found["by_view"] == {"front": 1.0, "top": 0.5}


def test_foreign_detectors_run_in_their_own_python_or_say_why_not(tmp_path: Path) -> None:
    assert len(set(MESH_OF_68)) == 68
    frames = np.zeros((1, 64, 64, 3), np.uint8)
    # This environment has neither mediapipe nor OpenCV 4's cascades: nothing found is nothing claimed.
    assert world_faces.foreign_detectors(Path(sys.executable), frames) == {}
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no detectors here >&2\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(MeasureError, match=r"no detectors here; give a Python with mediapipe"):
        world_faces.foreign_detectors(broken, frames)


def test_without_the_prototype_the_speed_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world_speed, "_FRAMES", 2)
    found = world_speed.compare(argparse.Namespace(turns=2, prototype=None))
    assert found["not_run"] == "the prototype was not run: no --prototype was given"
    assert 0.5 < found["frame_ms"]["median"] < 1000
    with pytest.raises(MeasureError, match="no prototype there"):
        world_speed.compare(argparse.Namespace(turns=1, prototype=tmp_path))
