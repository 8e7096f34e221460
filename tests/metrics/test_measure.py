from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eap.data.truth import Truth
from eap.errors import ConfigError, MeasureError
from metrics.measure import frame_series, measure_clip, require_fit, set_up
from metrics.protocols import STRICT, get_protocol
from metrics.registry import all_metrics
from metrics.results import ClipReading
from tests.metrics.fakes import FakeEvaluators, make_clip

READING = ClipReading("eap", "neutral", "c1", "M003", "happy", 3, "neutral")
CLIP_METRICS = [item.spec.name for item in all_metrics() if item.clip is not None]


def _truth(intensity: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Truth:
    n = len(intensity)
    return Truth(
        25.0, np.zeros((n, 68, 2), np.float32), intensity.astype(np.float32), intensity.astype(np.float32),
        np.zeros(n, np.float32), np.zeros((n, 1), np.float32), ("AU1",), np.array(["a"] * n),
        np.zeros((n, 8), np.float32), np.zeros((n, 3), np.float32), np.zeros(n, np.float32),
    )  # fmt: skip


def test_a_clip_against_itself(tmp_path: Path, fake: FakeEvaluators) -> None:
    path = make_clip(tmp_path / "a.mp4")
    setup = set_up(CLIP_METRICS, STRICT, fake, world="embedded", truth="pseudo")
    found = measure_clip(path, path, READING, setup)
    values = {item.metric: item.value for item in found.values}
    assert set(values) == set(CLIP_METRICS)
    for name, expected in {"psnr": 100.0, "ssim": 1.0, "m_lmd": 0.0, "f_lmd": 0.0, "intensity_pcc": 1.0,
                           "intensity_ccc": 1.0, "saturation_index": 1.0, "intensity_range": 1.0}.items():  # fmt: skip
        assert values[name] == pytest.approx(expected, abs=1e-9), name
    assert found.reading.judged_emotion is not None
    assert values["emotion_accuracy"] == float(found.reading.judged_emotion == "happy")


def test_exact_truth_is_what_intensity_is_measured_against(tmp_path: Path, fake: FakeEvaluators) -> None:
    path = make_clip(tmp_path / "a.mp4")
    setup = set_up(["intensity_pcc"], STRICT, fake, world="embedded")
    course = measure_clip(path, path, READING, setup).features
    assert course is not None
    (value,) = measure_clip(path, path, READING, setup, truth=_truth(1.0 - course.intensity())).values
    assert value.value == pytest.approx(-1.0, abs=1e-5)
    assert "|truth:exact|" in str(value.signature)
    (value,) = measure_clip(path, path, READING, setup, truth=_truth(np.linspace(0, 1, 12))).values
    assert value.reason == "length differs: 30 frames, truth has 12"


def test_everything_wrong_is_a_reason(tmp_path: Path, fake: FakeEvaluators) -> None:
    good, silent = make_clip(tmp_path / "a.mp4"), make_clip(tmp_path / "silent.mp4", sound=False)
    (tmp_path / "empty.mp4").write_bytes(b"")
    setup = set_up(CLIP_METRICS, STRICT, fake, world="embedded", truth="pseudo")
    lost = measure_clip(tmp_path / "empty.mp4", good, READING, setup)
    assert len(lost.values) == len(CLIP_METRICS)
    assert all("empty.mp4" in item.reason and not item.scored for item in lost.values)
    quiet = {item.metric: item for item in measure_clip(silent, good, READING, setup).values}
    assert quiet["lse_c"].reason == "generated: no audio stream"
    assert quiet["psnr"].scored
    broken = {item.metric: item for item in measure_clip(good, tmp_path / "empty.mp4", READING, setup).values}
    assert broken["lse_c"].scored
    assert broken["m_lmd"].reason.startswith("reference: ")
    alone = {item.metric: item for item in measure_clip(good, None, READING, setup).values}
    assert alone["lse_d"].scored
    assert alone["m_lmd"].reason == "no reference clip"
    assert alone["psnr"].reason == "frames were not compared with a reference"


def test_foreign_data_is_refused_unless_forced(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4")
    bundled = FakeEvaluators(embedded_only=True)
    setup = set_up(["psnr", "lse_c"], STRICT, bundled, world="data")
    values = {item.metric: item for item in measure_clip(path, path, READING, setup).values}
    assert values["psnr"].scored
    assert values["lse_c"].reason == "refused: the bundled evaluators know only the embedded world"
    assert bundled.frames_seen == 0
    with pytest.raises(MeasureError, match="lse_c: refused"):
        require_fit(setup)
    forced = set_up(["psnr", "lse_c"], STRICT, bundled, world="data", force=True)
    require_fit(forced)
    values = {item.metric: item for item in measure_clip(path, path, READING, forced).values}
    assert values["lse_c"].scored
    assert "|world:foreign|" in str(values["lse_c"].signature)
    assert "foreign" not in str(values["psnr"].signature)
    require_fit(set_up(["psnr"], STRICT, bundled, world="data"))


def test_frame_series(tmp_path: Path, fake: FakeEvaluators) -> None:
    path = make_clip(tmp_path / "a.mp4")
    setup = set_up(["intensity_pcc"], STRICT, fake, world="embedded")
    features = measure_clip(path, path, READING, setup).features
    assert features is not None
    series = {item.name: item.values for item in frame_series(READING, features, _truth(np.linspace(0, 1, 30)))}
    assert set(series) == {"valence", "arousal", "intensity", "valence_true", "arousal_true", "intensity_true"}
    assert series["intensity_true"] == pytest.approx(np.linspace(0, 1, 30), abs=1e-6)
    assert series["intensity"] == pytest.approx(features.intensity())


def test_unknown_names() -> None:
    with pytest.raises(ConfigError, match="unknown metric"):
        set_up(["nice"], STRICT, None, world="data")
    with pytest.raises(ConfigError, match="unknown protocol 'eat'; choose one of: strict"):
        get_protocol("eat")
