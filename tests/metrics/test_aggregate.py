from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.aggregate import ClipSetFeatures, aggregate
from metrics.fid import FeatureSet, frechet_from_features
from metrics.registry import SignatureContext, as_clip_value, get_metric
from metrics.results import ClipReading, ClipValue, ResultTable, Signature

CONTEXT = SignatureContext("strict", "frame")


def _readings(method: str = "eap", track: str = "neutral", n: int = 12) -> list[ClipReading]:
    return [
        ClipReading(method, track, f"c{i:02d}", f"id{i % 4}", "happy", 3, "angry", "happy" if i % 3 else "angry")
        for i in range(n)
    ]


def _values(name: str, readings: list[ClipReading], values: list[float]) -> list[ClipValue]:
    signature = CONTEXT.sign(get_metric(name).spec)
    return [
        as_clip_value(name, signature, reading, value, "" if math.isfinite(value) else "no face")
        for reading, value in zip(readings, values, strict=True)
    ]


def test_mean_over_clips_and_a_lost_clip_stays_in_the_denominator() -> None:
    readings = _readings(n=4)
    table = aggregate(_values("psnr", readings, [30.0, 32.0, math.nan, 34.0]), readings, CONTEXT)
    value = table.value("psnr")
    assert (value.value, value.n_scored, value.n_expected) == (32.0, 3, 4)
    assert value.ci_low < 32.0 < value.ci_high
    assert "1 x not scored: no face" in value.note
    assert (value.unit, value.higher_is_better) == ("dB", True)


def test_a_clip_without_a_row_is_not_measured() -> None:
    readings = _readings(n=4)
    table = aggregate(_values("psnr", readings, [30.0] * 4)[:3], readings, CONTEXT)
    assert table.value("psnr").n_expected == 4
    assert [row.reason for row in table.clip_values if not row.scored] == ["not measured"]


def test_clips_outside_the_definition_are_not_expected_but_told() -> None:
    readings = _readings(n=4)
    values = _values("intensity_pcc", readings, [0.5, 0.7, math.nan, math.nan])
    outside = as_clip_value("intensity_pcc", values[0].signature, readings[3], math.nan, "not applicable: flat")
    value = aggregate([*values[:3], outside], readings, CONTEXT).value("intensity_pcc")
    assert value.value == pytest.approx(0.6)
    assert (value.n_scored, value.n_expected) == (2, 3)
    assert "1 of 4 clips are outside the definition" in value.note


def test_saturation_is_a_median() -> None:
    readings = _readings(n=5)
    table = aggregate(_values("saturation_index", readings, [0.1, 0.2, 0.3, 9.0, 8.0]), readings, CONTEXT)
    assert table.value("saturation_index").value == 0.3
    assert table.value("saturation_index").target == 1.0


def test_a_failed_method_is_a_row_without_a_number() -> None:
    readings = _readings(n=3)
    value = aggregate(_values("psnr", readings, [math.nan] * 3), readings, CONTEXT).value("psnr")
    assert math.isnan(value.value)
    assert (value.n_scored, value.n_expected) == (0, 3)


def test_leakage_from_readings_alone() -> None:
    emotional = _readings(track="emotional", n=12)  # every third is judged angry, the reference's emotion
    neutral = [ClipReading("eap", "neutral", r.clip_id, r.identity, "happy", 3, "neutral", "happy") for r in emotional]
    table = aggregate([], [*neutral, *emotional], CONTEXT, metrics=["reference_leakage"])
    (value,) = table.values
    assert value.value == pytest.approx(4 / 12)
    assert (value.track, value.n_scored) == ("emotional", 12)
    assert {(c.track, c.judged): c.count for c in table.confusion} == {
        ("emotional", "angry"): 4, ("emotional", "happy"): 8, ("neutral", "happy"): 12,
    }  # fmt: skip


def test_fid_per_method_and_track() -> None:
    rng = np.random.default_rng(0)
    clips = tuple(rng.standard_normal((9, 3)).astype(np.float32) for _ in range(12))
    names = tuple(f"id{i % 4}" for i in range(12))
    generated = {("eap", "neutral"): FeatureSet(tuple(c + 1 for c in clips), names)}
    features = ClipSetFeatures(generated, FeatureSet(clips, names))
    readings = _readings() + _readings(track="emotional")
    table = aggregate([], readings, CONTEXT, metrics=["fid"], features=features)
    expected = frechet_from_features(np.concatenate(clips) + 1, np.concatenate(clips))
    assert table.value("fid", track="neutral").value == pytest.approx(expected, rel=1e-5)
    lost = table.value("fid", track="emotional")
    assert math.isnan(lost.value)
    assert (lost.n_scored, lost.n_expected) == (0, 12)


def test_two_signatures_are_never_pooled() -> None:
    readings = _readings(n=2)
    first, second = _values("psnr", readings, [30.0, 31.0])
    other = ClipValue(**{**{f: getattr(second, f) for f in second.__slots__}, "signature": Signature("psnr")})
    with pytest.raises(ValueError, match="different signatures"):
        aggregate([first, other], readings, CONTEXT)


def _without_order(table: ResultTable) -> list[str]:
    return sorted(map(str, (*table.values, *table.confusion)))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_order_of_clips_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    readings = _readings() + _readings("still") + _readings(track="emotional")
    values = _values("psnr", readings, [float(v) for v in rng.normal(30, 3, len(readings))])
    shuffled = [values[i] for i in rng.permutation(len(values))]
    mixed = [readings[i] for i in rng.permutation(len(readings))]
    assert _without_order(aggregate(shuffled, mixed, CONTEXT)) == _without_order(aggregate(values, readings, CONTEXT))
