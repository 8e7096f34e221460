from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from metrics.features.clip import ClipFeatures, Measured
from metrics.lmd import (
    FACE,
    MOUTH,
    f_lmd_px,
    f_lvd,
    interocular,
    landmark_distance,
    m_lmd,
    m_lmd_px,
    m_lvd,
    pair_by_linspace,
    valid_frames,
    velocity_distance,
)
from metrics.registry import Remarked, Unmeasurable

Points = NDArray[np.float64]


def _points(seed: int, n: int = 5) -> Points:
    points = np.random.default_rng(seed).uniform(10, 90, (n, 68, 2))
    points[:, 36], points[:, 45] = (30.0, 40.0), (70.0, 40.0)
    return points


def test_by_hand() -> None:
    reference = np.zeros((1, 68, 2))
    reference[0, 45, 0] = 40.0
    generated = reference.copy()
    generated[0, 48, 0] = 20.0  # the mouth's mean moves by 1: one point is off by 19, nineteen by 1
    value, valid = landmark_distance(generated, reference, MOUTH, "pixels")
    assert value == pytest.approx((19 + 19) / 20)
    assert valid == 1
    assert landmark_distance(generated, reference, MOUTH)[0] == pytest.approx(1.9 / 40)


@given(st.integers(0, 500), st.floats(-50, 50), st.floats(0.2, 5))
def test_moving_either_side_or_scaling_both_changes_nothing(seed: int, shift: float, scale: float) -> None:
    a, b = _points(seed), _points(seed + 1)
    value = landmark_distance(a, b, FACE)[0]
    assert landmark_distance(a + shift, b, FACE)[0] == pytest.approx(value, rel=1e-9)
    assert landmark_distance(a * scale, b * scale, FACE)[0] == pytest.approx(value, rel=1e-9)
    assert landmark_distance(a * scale, b * scale, FACE, "pixels")[0] == pytest.approx(
        landmark_distance(a, b, FACE, "pixels")[0] * scale, rel=1e-9
    )


def test_velocity_by_hand() -> None:
    still, moving = np.zeros((3, 68, 2)), np.zeros((3, 68, 2))
    moving[1:, 48, 0] = 3.0  # one mouth point moves once by 3 pixels
    found = velocity_distance(moving, still)
    assert found.mouth == pytest.approx(3 / (3 * 20))
    assert found.face == found.face_as_eat == pytest.approx(3 / (3 * 68))
    assert velocity_distance(moving + 7.0, still).face == pytest.approx(found.face)
    still[1] = np.nan  # frames 0 and 2 become neighbours
    assert velocity_distance(moving, still).mouth == pytest.approx(3 / (2 * 20))


def test_forms_in_pixels_are_eats_own() -> None:
    a, b = _points(3), _points(4)
    measured = Measured(_clip(a), _clip(b))
    pixels = landmark_distance(a.astype(np.float32), b.astype(np.float32), FACE, "pixels")[0]
    assert f_lmd_px(measured) == pytest.approx(pixels)
    assert m_lmd_px(measured) == pytest.approx(_number(m_lmd(measured)) * interocular(b.astype(np.float32)))
    found = velocity_distance(a.astype(np.float32), b.astype(np.float32))
    assert (m_lvd(measured), f_lvd(measured)) == (found.mouth, found.face)


def _number(outcome: float | Remarked) -> float:
    assert isinstance(outcome, float)
    return outcome


def _clip(points: Points) -> ClipFeatures:
    return ClipFeatures("k", len(points), 96, 96, 25.0, True, landmarks=points.astype(np.float32))


def test_lost_faces_are_remarked_and_none_is_a_reason() -> None:
    a, b = _points(1), _points(2)
    a[1] = np.nan
    outcome = m_lmd(Measured(_clip(a), _clip(b)))
    assert isinstance(outcome, Remarked)
    assert outcome.remark == "face lost in 1 of 5 frames"
    kept = [0, 2, 3, 4]
    expected = landmark_distance(a[kept].astype(np.float32), b[kept].astype(np.float32), MOUTH)[0]
    assert outcome.value == pytest.approx(expected)
    a[:] = np.nan
    with pytest.raises(Unmeasurable, match="no frame has a face"):
        m_lmd(Measured(_clip(a), _clip(b)))


def test_unequal_lengths_are_a_reason_beyond_one_frame() -> None:
    assert m_lmd(Measured(_clip(_points(1, 6)), _clip(_points(1, 6)[:5]))) == 0.0
    with pytest.raises(Unmeasurable, match="length differs: 7 frames, reference has 5"):
        m_lmd(Measured(_clip(_points(1, 7)), _clip(_points(2, 5))))


def test_golden_equals_eat(shared_dir: Path) -> None:
    golden = json.loads((shared_dir / "reference/lmd/golden.json").read_text())
    arrays = np.load(shared_dir / "reference/lmd/landmarks.npz")
    totals = []
    for name, expected in golden["videos"].items():
        fake, truth = pair_by_linspace(arrays[f"{name}_fake"], arrays[f"{name}_gt"])
        assert len(fake) == expected["paired_frames"]
        assert int(valid_frames(fake, truth).sum()) == expected["valid_frames"]
        mouth, face = (landmark_distance(fake, truth, part, "pixels")[0] for part in (MOUTH, FACE))
        assert (mouth, face) == pytest.approx((expected["m_lmd"], expected["f_lmd"]), abs=1e-9)
        totals.append((mouth, face))
        moved = velocity_distance(fake, truth)
        assert (moved.mouth, moved.face, moved.face_as_eat) == pytest.approx(
            (expected["m_lvd"], expected["f_lvd_intended"], expected["f_lvd_eat_bug"]), abs=1e-9
        )
    means = np.mean(totals, axis=0)
    assert means == pytest.approx([golden["dataset_mean"]["m_lmd"], golden["dataset_mean"]["f_lmd"]], abs=1e-9)
