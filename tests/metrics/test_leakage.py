from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from eap.constants import EMOTIONS
from metrics.leakage import leakage_per_clip, reference_leakage
from metrics.registry import SetInputs
from metrics.results import NOT_APPLICABLE, ClipReading


def _reading(track: str, clip: str, driving: str, reference: str | None, judged: str | None) -> ClipReading:
    return ClipReading("m", track, clip, clip[:1], driving, 3, reference, judged)


def _both(clip: str, driving: str, judged: str, judged_neutral: str) -> list[ClipReading]:
    return [
        _reading("neutral", clip, driving, "neutral", judged_neutral),
        _reading("emotional", clip, driving, "angry", judged),
    ]


def test_by_hand() -> None:
    readings = [
        *_both("a1", "happy", "angry", "happy"),  # leaks
        *_both("a2", "sad", "angry", "angry"),  # judged angry whatever the reference: no leak
        *_both("b1", "fear", "fear", "fear"),
        *_both("b2", "neutral", "neutral", "angry"),  # angry only with the neutral reference
    ]
    found = {reading.clip_id: value for reading, value, _ in leakage_per_clip(readings, "m")}
    assert found == {"a1": 1.0, "a2": 0.0, "b1": 0.0, "b2": -1.0}


def test_what_does_not_count_says_why() -> None:
    readings = [
        *_both("a1", "angry", "angry", "angry"),
        _reading("emotional", "a2", "happy", "angry", "angry"),
        _reading("emotional", "a3", "happy", "angry", None),
        _reading("emotional", "a4", "happy", None, "happy"),
    ]
    reasons = {reading.clip_id: reason for reading, value, reason in leakage_per_clip(readings, "m") if np.isnan(value)}
    assert reasons == {
        "a1": f"{NOT_APPLICABLE}: reference and voice carry the same emotion",
        "a2": "not judged on the neutral track",
        "a3": "not judged on the emotional track",
        "a4": "the reference image's emotion is not known",
    }


@given(st.integers(0, 1000))
def test_mean_is_the_difference_of_probabilities_in_any_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    readings: list[ClipReading] = []
    for i in range(30):
        driving, judged, control = rng.choice(EMOTIONS, 3)
        readings += _both(f"c{i}", str(driving), str(judged), str(control))
    kept = [(e, n) for n, e in zip(readings[::2], readings[1::2], strict=True) if n.emotion != "angry"]
    expected = np.mean([e.judged_emotion == "angry" for e, _ in kept]) - np.mean(
        [n.judged_emotion == "angry" for _, n in kept]
    )
    order = rng.permutation(len(readings))
    values = [value for _, value, _ in leakage_per_clip([readings[i] for i in order], "m")]
    assert np.isclose(np.nanmean(values), expected)


def test_only_the_emotional_track_has_it() -> None:
    readings = tuple(_both("a1", "happy", "angry", "happy"))
    assert reference_leakage(SetInputs("m", "neutral", readings, None, None, ())) is None
    found = reference_leakage(SetInputs("m", "emotional", readings, None, None, ()))
    assert found is not None
    assert [value for _, value, _ in found.clip_values] == [1.0]
