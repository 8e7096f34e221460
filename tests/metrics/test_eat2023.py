"""Protocol eat-2023: pairing, pooling, crops and faults of EAT's scripts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import metrics
from eap.media import read_video
from metrics.aggregate import aggregate
from metrics.features.clip import ClipFeatures, Measured, PairFeatures
from metrics.features.eat import count_frames, crop_frame, eat_crop, spread
from metrics.features.pair import compare
from metrics.protocols import EAT_2023
from metrics.registry import Remarked, SignatureContext, Unmeasurable, clip_value, get_metric
from metrics.results import ClipReading, ClipValue
from tests.metrics.evaluators.recipe import pictures
from tests.metrics.fakes import TEMPLATE, FakeEvaluators, make_clip


def test_crop_undoes_a_similarity() -> None:
    picture = pictures(1, 163)[0]
    gap = crop_frame(picture, TEMPLATE, TEMPLATE).astype(int) - picture[1:129, 1:129]
    assert set(np.unique(gap)) <= {-1, 0}  # the script cuts fractions off
    wide = np.zeros((400, 400, 3), np.uint8)
    wide[40:366, 30:356] = np.repeat(np.repeat(picture, 2, axis=0), 2, axis=1)
    found = crop_frame(wide, TEMPLATE * 2 + (30, 40), TEMPLATE)
    assert np.abs(found.astype(int) - picture[1:129, 1:129]).mean() < 1.5
    with pytest.raises(Unmeasurable, match="coincide"):
        crop_frame(picture, np.zeros((68, 2)), TEMPLATE)


def test_spread_is_numpys() -> None:
    assert spread(7, 3).tolist() == [0, 2, 4]
    assert spread(5, 5).tolist() == [0, 1, 2, 3, 4]


def test_unequal_lengths_are_paired_by_even_spread(tmp_path: Path) -> None:
    long, short = make_clip(tmp_path / "a.mp4", 12, 1), make_clip(tmp_path / "b.mp4", 5, 2)
    found = compare(long, short, EAT_2023, cache=False).series("psnr")
    ours, theirs = read_video(long).frames, read_video(short).frames
    expected = [10 * np.log10(255**2 / np.mean((ours[i].astype(float) - theirs[j]) ** 2))
                for i, j in zip([0, 2, 4, 7, 9], range(5), strict=True)]  # fmt: skip
    assert found == pytest.approx(expected)


def _value(clip: str, identity: str, frames: list[float]) -> ClipValue:
    features = ClipFeatures(clip, len(frames), 128, 128, 25.0, False)
    measured = Measured(features, features, PairFeatures(np.array(frames), np.array(frames)))
    metric = get_metric("psnr", "eat-2023")
    reading = ClipReading("m", "all", clip, identity, None, None)
    return clip_value(metric, measured, reading, SignatureContext("eat-2023", "eat128").sign(metric.spec))


def test_frames_are_pooled_and_an_identical_one_is_not_capped() -> None:
    values = [_value("a", "1", [10.0, 20.0]), _value("b", "2", [40.0] * 6)]
    readings = [ClipReading("m", "all", v.clip_id, v.identity, None, None) for v in values]
    context = SignatureContext("eat-2023", "eat128")
    table = aggregate(values, readings, context, metrics=["psnr"])
    assert table.value("psnr").value == pytest.approx((10 + 20 + 6 * 40) / 8)  # over clips it would be 27.5
    signature = "psnr|crop:eat128|pairs:linspace|pool:frames|protocol:eat-2023|v1"
    assert str(table.value("psnr").signature) == signature
    same = _value("c", "3", [10.0, np.inf])
    assert not same.scored
    assert same.reason == "a frame equals its reference: the scripts' mean is infinite"


def test_golden_landmark_distances(shared_dir: Path) -> None:
    golden = json.loads((shared_dir / "reference/lmd/golden.json").read_text())["videos"]
    arrays = np.load(shared_dir / "reference/lmd/landmarks.npz")
    for name, expected in golden.items():
        sides = [ClipFeatures(name, len(a), 128, 128, 25.0, False, landmarks=a)
                 for a in (arrays[f"{name}_fake"], arrays[f"{name}_gt"])]  # fmt: skip
        measured = Measured(sides[0], sides[1], max_length_difference=EAT_2023.max_length_difference)
        for metric, key in (("m_lmd", "m_lmd"), ("f_lmd", "f_lmd"), ("m_lvd", "m_lvd"), ("f_lvd", "f_lvd_eat_bug")):
            function = get_metric(metric, "eat-2023").clip
            assert function is not None
            found = function(measured)
            value = found.value if isinstance(found, Remarked) else found
            assert value == pytest.approx(expected[key], abs=1e-9), (name, metric)


def test_score_by_the_protocol(template: Path, tmp_path: Path) -> None:
    ours, theirs = make_clip(tmp_path / "a.mp4", 12, 1, size=96), make_clip(tmp_path / "b.mp4", 12, 2, size=96)
    fake = FakeEvaluators()
    crop = eat_crop(ours, fake, 25.0)
    assert read_video(crop).frames.shape == (12, 128, 128, 3)
    assert count_frames(crop, 25.0) == 12
    table = metrics.score(ours, theirs, metrics=["psnr", "m_lmd", "fid"], protocol="eat-2023", evaluators=fake)
    assert {value.metric: value.n_scored for value in table.values} == {"psnr": 1, "m_lmd": 1, "fid": 1}
    assert table.value("m_lmd").unit == "px"
    assert "|crop:eat128@fake-landmarks-1|" in str(table.value("psnr").signature)
    assert "frames:5|input:bgr-twice-normalised" in str(table.value("fid").signature)
    strict = metrics.score(ours, theirs, metrics=["psnr"], evaluators=None)
    assert strict.value("psnr").value != pytest.approx(table.value("psnr").value)


def test_without_template_or_landmarks_rows_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EAP_WEIGHTS", str(tmp_path / "none"))
    clip = make_clip(tmp_path / "a.mp4", 8)
    table = metrics.score(clip, clip, metrics=["psnr"], protocol="eat-2023", evaluators=FakeEvaluators())
    assert "'eap-bench weights fetch eat-template'" in table.clip_values[0].reason
    table = metrics.score(clip, clip, metrics=["psnr"], protocol="eat-2023", evaluators=None)
    assert table.clip_values[0].reason == "generated: the crop eat128 needs landmarks: no evaluators"
