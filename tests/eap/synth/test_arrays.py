from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eap.acoustics import log_mel
from eap.constants import EMOTIONS
from eap.errors import DataError
from eap.synth.arrays import build_arrays
from eap.synth.clip import ClipSpec, render_clip, spec_id

SPECS = [ClipSpec(identity, emotion, 1, 3, seconds=0.2) for identity in (0, 1) for emotion in ("neutral", "sad")]


def test_arrays_hold_what_was_rendered(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    made = build_arrays(tmp_path / "set", SPECS, size=64, workers=2, progress=lambda *at: seen.append(at))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [entry.id for entry in made.clips] == [spec_id(spec) for spec in SPECS]
    entry, clip = made.clips[1], render_clip(SPECS[1], size=64)
    assert clip.frames is not None
    assert (EMOTIONS[entry.emotion], entry.level, entry.sentence, entry.length) == ("sad", 1, "003", 5)
    np.testing.assert_array_equal(made.frames(entry, slice(None)), clip.frames)
    np.testing.assert_allclose(made.mel(entry, 0, 5), log_mel(clip.audio, 5), atol=4e-3)
    truth = made.truth(entry)
    np.testing.assert_allclose(truth.landmarks * 64, clip.truth.landmarks, atol=1e-4)
    np.testing.assert_array_equal(truth.affect[:, 0], clip.truth.alpha)


def test_one_process_makes_the_same_as_two(tmp_path: Path) -> None:
    two = build_arrays(tmp_path / "two", SPECS[:2], size=64, workers=2)
    one = build_arrays(tmp_path / "one", SPECS[:2], size=64, workers=1)
    for left, right in zip(two.clips, one.clips, strict=True):
        np.testing.assert_array_equal(two.frames(left, slice(None)), one.frames(right, slice(None)))


def test_a_second_run_renders_only_what_is_missing(tmp_path: Path) -> None:
    build_arrays(tmp_path / "set", SPECS[:2], size=64, workers=1)
    seen: list[int] = []
    made = build_arrays(tmp_path / "set", SPECS, size=64, workers=1, progress=lambda done, _: seen.append(done))
    assert seen == [3, 4]
    assert len(made) == 4


def test_wild_clips_carry_no_label(tmp_path: Path) -> None:
    made = build_arrays(tmp_path / "set", [ClipSpec(0, "happy", 3, 3, seconds=0.2, wild=True)], size=64, workers=1)
    entry = made.clips[0]
    assert entry.wild
    assert entry.emotion == -1
    assert np.isnan(made.truth(entry).affect).all()
    assert np.isfinite(made.truth(entry).landmarks).all()


def test_the_same_clip_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="twice"):
        build_arrays(tmp_path / "set", [SPECS[0], SPECS[0]], size=64)


def test_an_error_in_a_worker_reaches_the_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> object:
        raise DataError("face is broken", fix="mend it")

    monkeypatch.setattr("eap.synth.arrays.render_clip", broken)
    with pytest.raises(DataError, match="face is broken"):
        build_arrays(tmp_path / "set", SPECS, size=64, workers=2)
