from __future__ import annotations

import pytest

from eap.errors import ConfigError
from metrics.registry import EVALUATOR_NEEDS, SignatureContext, all_metrics, get_metric, metric
from metrics.results import Signature

EXPECTED = {
    "psnr", "ssim", "fid", "m_lmd", "f_lmd", "lse_c", "lse_d", "av_offset", "emotion_accuracy", "intensity_pcc",
    "intensity_ccc", "saturation_index", "intensity_range", "reference_leakage",
}  # fmt: skip


def test_all_are_found_by_name() -> None:
    assert {item.spec.name for item in all_metrics()} >= EXPECTED
    names = [item.spec.name for item in all_metrics()]
    assert names == sorted(names)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_record_is_complete(name: str) -> None:
    item = get_metric(name)
    spec = item.spec
    assert (item.clip is None) != (item.over_clips is None)
    assert spec.title
    assert spec.source
    assert spec.needs
    assert spec.bounds[0] < spec.bounds[1]
    assert spec.higher_is_better is not None or spec.target is not None
    function = item.clip or item.over_clips
    assert function is not None
    assert function.__doc__
    labels = tuple((need, f"bundled-{need}-1a2b3c4d") for need in sorted(EVALUATOR_NEEDS))
    signature = SignatureContext("strict", "frame", labels).sign(spec)
    assert Signature.parse(str(signature)) == signature
    for need in spec.needs:
        assert f"|{need}:bundled-{need}-1a2b3c4d|" in str(signature) or need == "pixels"


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
    with pytest.raises(ConfigError, match="unknown metric 'psrn'; choose from: av_offset"):
        get_metric("psrn")
    with pytest.raises(ValueError, match="declared twice"):
        metric(get_metric("psnr").spec)(lambda measured: 0.0)
