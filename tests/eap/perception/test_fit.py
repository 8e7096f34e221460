"""Fitting: determinism, splits, damage, figures, and the command line from cache to weights and back."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from eap.bundle.store import read_manifest
from eap.data.arrays import ArraySet
from eap.errors import DataError, WeightsError
from eap.perception import fit, zoo
from eap.perception.fit import Budget, FitReport
from eap.perception.fit.__main__ import FITS, main
from eap.perception.fit.augment import Damage, augment
from eap.perception.fit.batches import (
    FrameSampler,
    identity_number,
    split_by_identity,
    spread,
    visible_emotion_weight,
)
from eap.perception.fit.faces import brow_loss
from eap.perception.fit.identity import swap_backgrounds
from eap.perception.fit.loop import fit_module
from eap.perception.fit.measures import (
    brow_rise,
    ccc,
    emotion_figures,
    equal_error_rate,
    landmark_errors,
    pcc,
    roc_auc,
    within_clips_pcc,
)
from eap.perception.fit.sync import contrastive_loss, mouth_course

Fit = Callable[[ArraySet, Budget, int], tuple[nn.Module, FitReport]]


@pytest.mark.parametrize("function", [fit.fit_teacher, fit.fit_identity_judge, fit.fit_sync_judge])
def test_same_seed_same_weights_other_seed_other_weights(function: Fit, arrays: ArraySet) -> None:
    budget = Budget(steps=2)
    first, report = function(arrays, budget, 3)
    again, _ = function(arrays, budget, 3)
    other, _ = function(arrays, budget, 4)
    states = [torch.cat([p.flatten() for p in m.state_dict().values()]) for m in (first, again, other)]
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])
    assert report.steps == 2


@pytest.mark.parametrize("which", sorted(FITS))
def test_every_network_goes_from_cache_to_weights_and_back(which: str, arrays: ArraySet, tmp_path: Path) -> None:
    code = main(["--arrays", str(arrays.root), "--which", which, "--steps", "1", "--out", str(tmp_path)])
    assert code == 0
    name = FITS[which][0]
    entry = read_manifest(tmp_path)[name]
    report = json.loads((tmp_path / f"{name}.report.json").read_text())
    assert entry.meta.measured == report["measured"]
    assert entry.meta.role == ("teacher" if which == "teacher" else "evaluator")
    assert set(entry.meta.identities) == {int(person[1:]) for person in report["identities"]}
    assert not set(report["identities"]) & set(report["held_out_identities"])
    load: Callable[[Path], nn.Module] = {
        "teacher": zoo.load_teacher, "emotion": zoo.load_emotion_judge, "landmarks": zoo.load_landmark_judge,
        "identity": zoo.load_identity_judge, "sync": zoo.load_sync_judge, "audio": zoo.load_audio_probe,
    }[which]  # fmt: skip
    module = load(tmp_path)
    assert not module.training
    assert not any(parameter.requires_grad for parameter in module.parameters())
    assert entry.bytes <= 4 << 20


def test_a_judge_trained_on_the_teachers_people_is_refused(arrays: ArraySet, tmp_path: Path) -> None:
    for which in ("teacher", "emotion"):
        assert main(["--arrays", str(arrays.root), "--which", which, "--steps", "1", "--out", str(tmp_path)]) == 0
    zoo.load_teacher(tmp_path)
    with pytest.raises(WeightsError, match="identities in both trainings"):
        zoo.load_emotion_judge(tmp_path)
    with pytest.raises(WeightsError, match="identities in both trainings"):
        zoo.check_independence(tmp_path)


def test_default_seeds_and_names_are_all_different() -> None:
    assert len({seed for _, _, seed in FITS.values()}) == len(FITS)
    assert {name for name, _, _ in FITS.values()} == set(zoo.BUILD)


def test_a_missing_cache_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "eap.perception.fit", "--arrays", str(tmp_path / "no"), "--which", "sync"]
    done = subprocess.run([*command, "--out", str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1


def test_split_keeps_people_apart_and_whole(arrays: ArraySet) -> None:
    split = split_by_identity(arrays, 0.34, seed=1)
    assert len(split.held_out_identities) == 2
    assert set(split.identities) | set(split.held_out_identities) == {clip.identity for clip in arrays.clips}
    assert not set(split.identities) & set(split.held_out_identities)
    assert len(split.train) + len(split.held_out) == len(arrays.clips)
    assert split_by_identity(arrays, 0.34, seed=1) == split


def test_too_few_people_are_told(arrays: ArraySet) -> None:
    few = ArraySet.open(arrays.root)
    few.clips = [clip for clip in arrays.clips if clip.identity in ("M1000", "M1001", "M1002")]
    with pytest.raises(DataError, match="3 usable identities"):
        split_by_identity(few)


def test_sampler_is_balanced_over_emotions(arrays: ArraySet) -> None:
    clips = [clip for clip in arrays.clips if clip.emotion != 0 or clip.identity == "M1000"]
    batch = FrameSampler(arrays, clips, ("M1000",), 0).draw(400)
    counts = np.bincount(batch.emotion.numpy(), minlength=8)
    assert counts.min() > 25
    assert set(batch.person[batch.emotion == 0].tolist()) == {0}


def test_sampled_truth_belongs_to_the_frame(arrays: ArraySet) -> None:
    clip = arrays.clips[5]
    batch = FrameSampler(arrays, [clip], (clip.identity,), 0).draw(4)
    truth = arrays.truth(clip)
    for image, points in zip(batch.images, batch.landmarks.numpy(), strict=True):
        frame = int(np.abs(truth.landmarks - points).sum((1, 2)).argmin())
        expected = torch.from_numpy(arrays.frames(clip, frame)).permute(2, 0, 1) / 255
        torch.testing.assert_close(image, expected)


def test_spread_is_even_and_bounded(arrays: ArraySet) -> None:
    picks = spread(arrays.clips, 3, 30)
    assert len(picks) == 30
    assert [frame for _, frame in picks[:3]] == [0, 16, 31]


def test_identity_numbers() -> None:
    assert identity_number("W1024") == 1024
    with pytest.raises(DataError, match="no number"):
        identity_number("anna")


def test_faces_that_show_nothing_count_little() -> None:
    weight = visible_emotion_weight(torch.tensor([0, 0, 0, 5]), torch.tensor([0.1, 0.275, 0.9, 0.0]))
    torch.testing.assert_close(weight, torch.tensor([0.0, 0.5, 1.0, 1.0]))


def test_damage_moves_landmarks_with_the_pixels() -> None:
    points = torch.rand(6, 68, 2) * 0.4 + 0.3
    images = torch.zeros(6, 3, 96, 96)
    for i in range(6):
        x, y = (points[i, 0] * 96).round().long()
        images[i, :, y - 1 : y + 1, x - 1 : x + 1] = 1
        points[i, 0] = torch.stack([x, y]) / 96
    plain = Damage(light=0, tint=0, blur=0, noise=0, coding=0, scale=0.2, shift=0.1, roll=0.4)
    moved, found = augment(images, points.clone(), plain, torch.Generator().manual_seed(3))
    assert found is not None
    where = (torch.arange(96) + 0.5) / 96
    for i in range(6):
        mass = moved[i, 0] / moved[i, 0].sum()
        centre = torch.stack([(mass.sum(0) * where).sum(), (mass.sum(1) * where).sum()])
        assert float((centre - found[i, 0]).abs().max() * 96) < 0.3
    assert float((found - points).abs().max()) > 0.03


def test_damage_is_seeded_bounded_and_shared_within_a_clip() -> None:
    images = torch.rand(1, 3, 64, 64).repeat(8, 1, 1, 1)
    damage = Damage(noise=0, coding=1, blur=1)
    first, _ = augment(images.clone(), None, damage, torch.Generator().manual_seed(1), repeat=4)
    again, _ = augment(images.clone(), None, damage, torch.Generator().manual_seed(1), repeat=4)
    assert torch.equal(first, again)
    assert float(first.min()) >= 0
    assert float(first.max()) <= 1
    assert float((first[0] - first[4]).abs().mean()) > 0.01
    gentle = Damage(noise=0, coding=0, blur=1)
    same, _ = augment(images.clone(), None, gentle, torch.Generator().manual_seed(1), repeat=4)
    torch.testing.assert_close(same[0], same[3])


def test_background_is_swapped_and_the_head_is_kept() -> None:
    images = torch.arange(4.0)[:, None, None, None].expand(4, 3, 64, 64).contiguous()
    landmarks = torch.rand(4, 68, 2) * 0.3 + 0.35
    swapped = swap_backgrounds(images, landmarks, 1.0, torch.Generator().manual_seed(0))
    assert swapped[:, 0, 32, 32].tolist() == [0, 1, 2, 3]
    assert swapped[:, 0, 0, 0].tolist() == [3, 0, 1, 2]
    assert torch.equal(swap_backgrounds(images, landmarks, 0.0, torch.Generator()), images)


def test_loop_reaches_the_minimum_and_averages() -> None:
    net = nn.Linear(1, 1, bias=False)
    fitted, steps, _ = fit_module(
        net, lambda m: (m.weight - 3).square().sum(), Budget(steps=400), lr=0.1, weight_decay=0
    )
    assert steps == 400
    assert float(fitted.weight.detach()) == pytest.approx(3, abs=0.05)
    assert fitted is not net


def test_contrastive_loss_prefers_the_right_moment() -> None:
    path = nn.functional.normalize(torch.randn(2, 6, 16, generator=torch.Generator().manual_seed(0)), dim=-1)
    scale = torch.tensor(3.0)
    right = contrastive_loss(path, path, scale)
    assert float(right) < 0.1
    assert float(contrastive_loss(path, path.roll(1, 1), scale)) > float(right) + 5
    assert float(contrastive_loss(path, path.roll(1, 0), scale)) > float(right) + 5


def test_mouth_course_is_the_gap_about_its_mean() -> None:
    landmarks = torch.zeros(1, 6, 68, 2)
    landmarks[0, 3, [65, 66, 67], 1] = 0.06
    course = mouth_course(landmarks).reshape(1, 2, 3, 5)
    torch.testing.assert_close(course[0, 0, 0], torch.tensor([-0.4, -0.4, -0.4, 2.0, -0.4]))
    torch.testing.assert_close(course[0, 1, 0], torch.tensor([-0.4, -0.4, 2.0, -0.4, -0.4]))
    assert float(course[:, :, 1:].abs().max()) == 0


def test_correlations_by_hand() -> None:
    a, b = np.array([1.0, 2, 3]), np.array([2.0, 4, 6])
    assert pcc(a, b) == pytest.approx(1)
    # var 2/3 and 8/3, cov 4/3, means 2 and 4: 2*4/3 / (10/3 + 4) = 4/11
    assert ccc(a, b) == pytest.approx(4 / 11)
    assert np.isnan(pcc(a, np.ones(3)))
    clip = np.array([0, 0, 0, 1, 1, 1])
    assert within_clips_pcc(np.r_[a, -a], np.r_[b, b], clip) == pytest.approx(0)
    assert within_clips_pcc(np.r_[a, -a], np.r_[b, b * 0], clip) == pytest.approx(1)


def test_verification_figures_by_hand() -> None:
    assert roc_auc(np.array([3.0, 4]), np.array([1.0, 2])) == 1
    assert roc_auc(np.array([1.0, 3]), np.array([1.0, 2])) == pytest.approx(2.5 / 4)
    assert equal_error_rate(np.array([3.0, 4]), np.array([1.0, 2])) == 0
    assert equal_error_rate(np.array([1.0, 2, 3, 4]), np.array([0.0, 0.5, 0.7, 3.5])) == pytest.approx(0.25)


def test_landmark_errors_by_hand() -> None:
    truth = np.full((2, 68, 2), 0.5)
    found = truth.copy()
    found[:, 48:68, 0] += 0.03
    found[:, 48:68, 1] += 0.04
    assert "brow_pcc_within_clip" not in landmark_errors(found, truth, 100)
    errors = landmark_errors(found, truth, 100, np.zeros(2, int))
    assert np.isnan(errors["brow_pcc_within_clip"])  # brows that do not move have no course
    assert errors["mouth_px"] == pytest.approx(5)
    assert errors["landmarks_px"] == pytest.approx(5 * 20 / 68)
    assert errors["mouth_gap_error_px"] == pytest.approx(0)


def test_brows_about_the_corners_by_hand() -> None:
    truth = np.full((4, 68, 2), 0.5)
    truth[:, 17:27, 1] = np.array([0.4, 0.38, 0.36, 0.38])[:, None]
    assert brow_rise(truth) == pytest.approx([0.1, 0.12, 0.14, 0.12])
    found = truth + np.array([0.02, 0.03])  # the whole face elsewhere: no fault of the brows
    a, b = torch.from_numpy(found), torch.from_numpy(truth)
    assert brow_loss(a, b).item() == pytest.approx(0, abs=1e-9)
    assert landmark_errors(found, truth, 100, np.zeros(4, int))["brow_pcc_within_clip"] == pytest.approx(1)
    a[:, 17:27, 1] -= 0.01
    assert brow_loss(a, b).item() == pytest.approx(0.005)  # half of the coordinates are off by .01
    a[:, [37, 38, 43, 44]] += 0.05  # a blink
    assert brow_loss(a, b).item() == pytest.approx(0.005)


def test_emotion_figures_by_hand() -> None:
    p = np.eye(8)[[0, 5, 0, 1]]
    figures = emotion_figures(p, np.array([0, 0, 0, 0]), np.array([0.9, 0.1, 0.9, 0.9]), np.array([0, 0, 0, 1]))
    assert figures["emotion_accuracy"] == 0.5
    assert figures["emotion_accuracy_visible"] == pytest.approx(2 / 3)
    assert figures["emotion_accuracy_clip"] == 0.5
