from __future__ import annotations

import pytest

from eap.errors import ConfigError
from metrics.registry import EVALUATOR_NEEDS, SignatureContext, all_metrics, get_metric, metric
from metrics.results import Signature

ROWS = {
    "psnr", "ssim", "fid", "csim", "m_lmd", "f_lmd", "m_lmd_px", "f_lmd_px", "m_lvd", "f_lvd", "lse_c", "lse_d",
    "av_offset", "emotion_accuracy", "emotion_accuracy_7", "valence_pcc", "valence_ccc", "valence_sagr", "valence_rmse",
    "arousal_pcc", "arousal_ccc", "arousal_sagr", "arousal_rmse", "intensity_pcc", "intensity_ccc", "intensity_sagr",
    "intensity_rmse", "votes_pcc", "votes_rank", "saturation_index", "intensity_range", "reference_leakage",
    "neutral_probability", "neutral_residual", "twin_distance", "silent_lip", "lip_dynamics", "brow_dynamics",
    "head_dynamics",
}  # fmt: skip
"""The rows of the design's table of metrics."""
NAMES = [item.spec.name for item in all_metrics()]


def test_all_are_found_by_name() -> None:
    assert {item.spec.name for item in all_metrics()} >= ROWS
    names = [item.spec.name for item in all_metrics()]
    assert names == sorted(names)


@pytest.mark.parametrize("name", NAMES)
def test_record_is_complete(name: str) -> None:
    item = get_metric(name)
    spec = item.spec
    assert (item.clip is None) != (item.over_clips is None)
    assert spec.title
    assert spec.source
    assert spec.needs
    assert spec.bounds[0] < spec.bounds[1]
    assert spec.group != "Other"
    assert spec.help.endswith(".")
    assert spec.pooling != "proportion" or spec.bounds == (0.0, 1.0)
    assert ("pool", "clip-median") in spec.parts or spec.pooling != "median"
    assert spec.higher_is_better is not None or spec.target is not None
    function = item.clip or item.over_clips
    assert function is not None
    assert function.__doc__
    labels = tuple((need, f"bundled-{need}-1a2b3c4d") for need in sorted(EVALUATOR_NEEDS))
    signature = SignatureContext("strict", "frame", labels).sign(spec)
    assert Signature.parse(str(signature)) == signature
    for need in spec.needs:
        assert f"|{need}:bundled-{need}-1a2b3c4d|" in str(signature) or need not in EVALUATOR_NEEDS


def test_signatures_differ() -> None:
    context = SignatureContext("strict", "frame")
    assert len({str(context.sign(item.spec)).split("|", 1)[1] + item.spec.name for item in all_metrics()}) == len(NAMES)


def test_fid_names_its_features() -> None:
    context = SignatureContext("strict", "frame", (("features", "bundled-emotion-0011aabb"),))
    text = str(context.sign(get_metric("fid").spec))
    assert text == "fid|features:bundled-emotion-0011aabb|frames:all|pool:frames|protocol:strict|v1"


def test_truth_and_crop_are_signed_where_they_matter() -> None:
    context = SignatureContext("strict", "frame", truth="pseudo")
    assert "|truth:pseudo|" in str(context.sign(get_metric("intensity_pcc").spec))
    assert "truth" not in str(context.sign(get_metric("psnr").spec))
    assert "|crop:frame|" in str(context.sign(get_metric("psnr").spec))


def test_unknown_and_doubled_names() -> None:
    with pytest.raises(ConfigError, match=r"unknown metric 'psrn'; choose from: .*av_offset"):
        get_metric("psrn")
    with pytest.raises(ValueError, match="declared twice"):
        metric(get_metric("psnr").spec)(lambda measured: 0.0)
