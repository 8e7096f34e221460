from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eap.constants import EMOTIONS
from eap.media import write_video
from metrics.lmd import MOUTH
from metrics.measure import features_of, gather, measure_clip, pair_of, set_up
from metrics.protocols import STRICT, get_protocol
from metrics.registry import Unmeasurable, get_metric
from metrics.results import ClipReading
from metrics.worst_frames import CURVES, worst_frames, worst_frames_frame, worst_of
from tests.metrics.fakes import FakeEvaluators, make_clip, moving_frames

READING = ClipReading("eap", "neutral", "c1", "M003", "happy", 3, "neutral")
KNOWN = tuple(name for name in CURVES if name != "emotion_probability")


def spoilt(path: Path, frame: int) -> Path:
    """The clip of `make_clip` with one frame turned to noise."""
    frames = moving_frames().copy()
    frames[frame] = np.random.default_rng(1).integers(0, 256, frames[frame].shape)
    write_video(path, frames, 25.0, np.zeros(30 * 640, np.float32), 16000, crf=8)
    return path


def test_the_worst_of_a_curve() -> None:
    values = np.array([3.0, np.nan, 1.0, 5.0, 1.0, 5.0])
    assert worst_of(values, higher_is_better=True) == 2
    assert worst_of(values, higher_is_better=False) == 3
    assert worst_of(-values, higher_is_better=True) == 3
    assert worst_of(np.full(4, 7.0), higher_is_better=True) is None
    assert worst_of(np.full(4, np.nan), higher_is_better=True) is None


@pytest.mark.parametrize("name", KNOWN)
def test_the_mean_of_a_curve_is_the_metric_of_the_clip(name: str, tmp_path: Path, fake: FakeEvaluators) -> None:
    ours, theirs = make_clip(tmp_path / "a.mp4", seed=1), make_clip(tmp_path / "b.mp4", seed=2)
    setup = set_up([name], STRICT, fake, world="embedded")
    measured = gather(
        features_of(ours, setup), features_of(theirs, setup), pair_of(ours, theirs, setup), READING, setup
    )
    value = measure_clip(ours, theirs, READING, setup).values[0].value
    curve = CURVES[name](measured)
    assert float(np.nanmean(curve)) == pytest.approx(value, rel=1e-9)
    assert len(curve) == (30 if name != "lse_d" else len(measured.generated.need("sync")) + 4)
    assert [row.metric for row in worst_frames(measured, READING, setup)] == [name]


def test_a_lost_face_is_no_frame(tmp_path: Path, fake: FakeEvaluators) -> None:
    ours, theirs = make_clip(tmp_path / "a.mp4", seed=1), make_clip(tmp_path / "b.mp4", seed=2)
    setup = set_up(["m_lmd"], STRICT, fake, world="embedded")
    seen = features_of(ours, setup)
    assert seen.landmarks is not None
    landmarks = seen.landmarks.copy()
    landmarks[4, MOUTH] += np.linspace(0, 900, 20, dtype=np.float32)[:, None]
    landmarks[9] = np.nan
    measured = gather(replace(seen, landmarks=landmarks), features_of(theirs, setup), None, READING, setup)
    curve = CURVES["m_lmd"](measured)
    assert np.flatnonzero(np.isnan(curve)).tolist() == [9]
    assert worst_frames(measured, READING, setup)[0].frame == 4


def test_the_frame_that_was_spoilt_is_found(tmp_path: Path, fake: FakeEvaluators) -> None:
    ours, theirs = spoilt(tmp_path / "a.mp4", 17), make_clip(tmp_path / "b.mp4")
    setup = set_up(["psnr", "ssim", "psnr"], STRICT, fake, world="embedded")
    pair = pair_of(ours, theirs, setup)
    measured = gather(features_of(ours, setup), features_of(theirs, setup), pair, READING, setup)
    found = worst_frames(measured, READING, setup)
    assert [(row.metric, row.method, row.track, row.clip, row.frame) for row in found] == [
        ("psnr", "eap", "neutral", "c1", 17), ("ssim", "eap", "neutral", "c1", 17),
    ]  # fmt: skip
    assert pair.psnr is not None
    assert found[0].value == pair.psnr.min()


def test_a_clip_against_itself_has_no_worst_image(tmp_path: Path, fake: FakeEvaluators) -> None:
    path = make_clip(tmp_path / "a.mp4")
    setup = set_up(["psnr", "ssim", "m_lmd", "fid", "emotion_accuracy"], STRICT, fake, world="embedded")
    features = features_of(path, setup)
    measured = gather(features, features, pair_of(path, path, setup), READING, setup)
    assert worst_frames(measured, READING, setup) == []


def test_the_sync_judges_window_stands_at_its_middle_frame(tmp_path: Path, fake: FakeEvaluators) -> None:
    path = make_clip(tmp_path / "a.mp4")
    setup = set_up(["lse_d"], STRICT, fake, world="embedded")
    features = features_of(path, setup)
    curve = CURVES["lse_d"](gather(features, None, None, READING, setup))
    windows = len(features.need("sync"))
    assert windows >= 25
    assert np.flatnonzero(np.isnan(curve)).tolist() == [0, 1, windows + 2, windows + 3]


def test_frames_of_the_crops_of_eat_are_not_told(tmp_path: Path, fake: FakeEvaluators) -> None:
    path, other = make_clip(tmp_path / "a.mp4", seed=1), make_clip(tmp_path / "b.mp4", seed=2)
    strict = set_up(["psnr", "m_lmd", "lse_d"], STRICT, fake, world="embedded")
    measured = gather(
        features_of(path, strict), features_of(other, strict), pair_of(path, other, strict), READING, strict
    )
    assert [row.metric for row in worst_frames(measured, READING, strict)] == ["psnr", "m_lmd", "lse_d"]
    eat = replace(strict, protocol=get_protocol("eat-2023"))
    assert [row.metric for row in worst_frames(measured, READING, eat)] == ["lse_d"]


def test_without_evaluators_only_images_are_told(tmp_path: Path) -> None:
    path, other = make_clip(tmp_path / "a.mp4", seed=1), make_clip(tmp_path / "b.mp4", seed=2)
    setup = set_up(list(KNOWN), STRICT, None, world="data")
    measured = gather(features_of(path, setup), features_of(other, setup), pair_of(path, other, setup), READING, setup)
    assert [row.metric for row in worst_frames(measured, READING, setup)] == ["psnr", "ssim"]


def test_the_emotion_is_the_voices(tmp_path: Path, fake: FakeEvaluators) -> None:
    setup = set_up(["emotion_accuracy"], STRICT, fake, world="embedded")
    measured = gather(features_of(make_clip(tmp_path / "a.mp4"), setup), None, None, READING, setup)
    seen = measured.generated.need("emotion")[:, EMOTIONS.index("happy")]
    np.testing.assert_array_equal(CURVES["emotion_probability"](measured), seen)
    with pytest.raises(Unmeasurable, match="not known"):
        CURVES["emotion_probability"](replace(measured, emotion=None))


def test_every_curve_is_of_a_metric_with_a_direction() -> None:
    for name in KNOWN:
        assert get_metric(name).spec.higher_is_better is not None


def test_an_empty_table_has_its_columns() -> None:
    table = worst_frames_frame([])
    assert list(table.columns) == ["metric", "method", "track", "clip", "frame", "value"]
    assert str(table["frame"].dtype) == "int64"
