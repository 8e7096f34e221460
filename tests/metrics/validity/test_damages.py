from __future__ import annotations

import numpy as np
import pytest

from eap.errors import ConfigError
from metrics.registry import all_metrics
from metrics.validity.damages import (
    DAMAGES,
    FAMILIES,
    NAMES,
    bend_alpha,
    family,
    get_damage,
    shift_sound,
    spoil_frames,
)
from tests.metrics.fakes import moving_frames

FRAMES = moving_frames(21)


def _rng() -> np.random.Generator:
    return np.random.default_rng(3)


def test_the_catalogue_was_fixed_beforehand() -> None:
    assert len(set(NAMES)) == len(NAMES)
    for damage in DAMAGES:
        assert len(damage.grades) >= 6
        assert list(damage.grades) == sorted(set(damage.grades))
        assert damage.grades[0] > 0
    weakest = {name: get_damage(name).grades[0] for name in ("blur", "av_shift", "intensity_flatten")}
    assert weakest == {"blur": 0.5, "av_shift": 1, "intensity_flatten": 0.1}
    with pytest.raises(ConfigError, match="unknown damage 'rain'; choose from: blur, noise"):
        get_damage("rain")


def test_every_damage_has_one_family() -> None:
    assert sorted(name for names in FAMILIES.values() for name in names) == sorted(NAMES)
    assert family("shake") == "picture"
    assert family("rain") == "rain"


def test_every_metric_declares_a_damage_that_exists() -> None:
    for item in all_metrics():
        assert set(item.spec.sees) <= set(NAMES), item.spec.name
        assert item.spec.sees or item.spec.name == "intensity_sagr" or not item.spec.default, item.spec.name


@pytest.mark.parametrize("name", [damage.name for damage in DAMAGES if damage.kind == "image"])
def test_more_of_it_changes_frames_more(name: str) -> None:
    changes = [
        float(np.abs(spoil_frames(FRAMES, name, grade, _rng()).astype(int) - FRAMES).mean())
        for grade in get_damage(name).grades
    ]
    assert changes == sorted(changes)
    assert 0 < changes[0] < changes[-1]


def test_frozen_frames_are_nested_and_as_many_as_asked() -> None:
    before = np.zeros(20, bool)
    for grade in get_damage("frame_drop").grades:
        frozen = (np.diff(spoil_frames(FRAMES, "frame_drop", grade, _rng()).astype(int), axis=0) == 0).all(
            axis=(1, 2, 3)
        )
        assert (frozen | ~before).all()
        assert frozen.sum() == round(grade * 20)
        before = frozen


def test_sound_comes_late() -> None:
    audio = np.arange(6400, dtype=np.float32)
    late = shift_sound(audio, 3)
    assert len(late) == 6400
    assert not late[:1920].any()
    assert np.array_equal(late[1920:], audio[:-1920])


def test_bent_intensity_by_hand() -> None:
    alpha = np.array([0.2, 0.4, 0.9])
    assert bend_alpha(alpha, "intensity_flatten", 0.5) == pytest.approx([0.35, 0.45, 0.7])
    assert bend_alpha(alpha, "intensity_weaken", 0.5) == pytest.approx(alpha / 2)
    assert bend_alpha(alpha, "intensity_reverse", 1.0) == pytest.approx([0.9, 0.7, 0.2])
    with pytest.raises(ValueError, match="no damage of intensity"):
        bend_alpha(alpha, "blur", 1.0)
