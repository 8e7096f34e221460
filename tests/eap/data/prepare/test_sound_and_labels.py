from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eap import media
from eap.data.prepare.labels import FaceLabels, load_labels, save_labels, smoothed
from eap.data.prepare.sound import SoundCursor, sound_facts
from eap.errors import DataError


def test_parts_of_a_sound(tmp_path: Path) -> None:
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, 16000 * 25 + 100).astype(np.float32)
    media.write_audio(tmp_path / "a.wav", sound, 16000)
    facts = sound_facts(tmp_path / "a.wav")
    assert (facts.samples, facts.whole_frames) == (400100, 625)
    assert facts.loudest == pytest.approx(0.5, abs=0.01)
    whole, cursor = media.read_audio(tmp_path / "a.wav"), SoundCursor(tmp_path / "a.wav")
    for first, stop in ((0, 10), (10, 20), (300, 320), (320, 600)):
        assert np.array_equal(cursor.take(first, stop), whole[first * 640 : stop * 640])
    tail = cursor.take(620, 630)
    assert np.array_equal(tail[: 400100 - 620 * 640], whole[620 * 640 :])
    assert not tail[400100 - 620 * 640 :].any()
    with pytest.raises(ValueError, match="in order of time"):
        cursor.take(0, 10)


def some_labels(n: int = 6) -> FaceLabels:
    rng = np.random.default_rng(0)
    affect = rng.normal(size=(n, 2)).astype(np.float32)
    affect[0] = (0.6, 0.8)
    emotion = np.full((n, 8), 0.125, np.float32)
    return FaceLabels(rng.uniform(size=(n, 68, 2)).astype(np.float32), affect, emotion)


def test_labels_come_back_and_give_eq_6(tmp_path: Path) -> None:
    labels, path = some_labels(), tmp_path / "a.npz"
    assert labels.intensity[0] == pytest.approx(1.0), "r = sqrt(.36 + .64)"
    save_labels(path, labels, np.eye(2, 3), 12, "who")
    first = path.read_bytes()
    save_labels(path, labels, np.eye(2, 3), 12, "who")
    assert path.read_bytes() == first
    found = load_labels(path)
    assert np.array_equal(found.landmarks, labels.landmarks)
    assert np.array_equal(found.affect, labels.affect)
    with np.load(path) as stored:
        assert stored["intensity"][0] == pytest.approx(1.0)
        assert (str(stored["reader"]), int(stored["first"])) == ("who", 12)
    path.write_bytes(first[:100])
    with pytest.raises(DataError, match=r"a\.npz: is no file of labels"):
        load_labels(path)
    with pytest.raises(DataError, match=r"b\.npz: is missing"):
        load_labels(tmp_path / "b.npz")


def test_smoothing_takes_single_jumps_out_and_leaves_gaps() -> None:
    affect = np.zeros((9, 2), np.float32)
    affect[4] = 1.0
    assert not smoothed(affect).any()
    affect[2] = np.nan
    assert np.array_equal(smoothed(affect), affect, equal_nan=True)


def test_seen_is_where_landmarks_are() -> None:
    labels = some_labels()
    labels.landmarks[3, 5] = np.nan
    assert labels.seen.tolist() == [True, True, True, False, True, True]
