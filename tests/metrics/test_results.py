from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.results import (
    CLIP_VALUE_COLUMNS,
    FRAME_COLUMNS,
    NOT_APPLICABLE,
    VALUE_COLUMNS,
    ClipValue,
    ConfusionCell,
    FrameSeries,
    ResultTable,
    Signature,
    Value,
    frames_frame,
)

SIGNATURE = Signature("psnr", (("crop", "frame"), ("pool", "clip-mean")))


def _value(method: str = "eap", value: float = 30.0) -> Value:
    return Value("psnr", SIGNATURE, method, "neutral", value, 29.0, math.nan, 7, 8, "dB", True)


def _clip_value(value: float, reason: str = "") -> ClipValue:
    return ClipValue("psnr", SIGNATURE, "eap", "neutral", "c1", "M003", None, None, value, reason)


def test_signature_text() -> None:
    assert str(SIGNATURE) == "psnr|crop:frame|pool:clip-mean|v1"
    with pytest.raises(ValueError, match="not a metric signature"):
        Signature.parse("psnr|crop|v1")


_WORDS = st.text("abcdefgh0123456789-_.>=:", min_size=1, max_size=8)
_KEYS = st.text("abcdefgh-", min_size=1, max_size=8)


@given(_KEYS, st.lists(st.tuples(_KEYS, _WORDS), max_size=4))
def test_signature_survives_writing(name: str, parts: list[tuple[str, str]]) -> None:
    signature = Signature(name, tuple(parts), "v3")
    assert Signature.parse(str(signature)) == signature


def test_a_number_that_is_missing_must_say_why() -> None:
    with pytest.raises(ValueError, match="needs a reason"):
        _clip_value(math.nan)
    assert not _clip_value(math.nan, "no face").scored
    assert _clip_value(math.nan, "no face").expected
    assert not _clip_value(math.nan, f"{NOT_APPLICABLE}: flat truth").expected
    assert _clip_value(1.0, "face lost in 1 of 5 frames").scored


def test_table_finds_exactly_one() -> None:
    table = ResultTable((_value("a", 1.0), _value("b", 2.0)))
    assert table.value("psnr", "b").value == 2.0
    with pytest.raises(KeyError, match="2 values match"):
        table.value("psnr")


def test_frames_and_json() -> None:
    clips = (_clip_value(3.0), _clip_value(math.nan, "no face"))
    table = ResultTable((_value(),), clips, (ConfusionCell("eap", "neutral", "sad", "sad", 2),), ("note",))
    values, clip_values = table.to_frame(), table.clip_frame()
    assert tuple(values.columns) == VALUE_COLUMNS
    assert tuple(clip_values.columns) == CLIP_VALUE_COLUMNS
    assert values.loc[0, "signature"] == "psnr|crop:frame|pool:clip-mean|v1"
    assert bool(values.loc[0, "higher_is_better"]) is True
    assert clip_values["value"].isna().tolist() == [False, True]
    plain = json.loads(json.dumps(table.to_json(), allow_nan=False))
    assert plain["values"][0]["ci_high"] is None
    assert plain["clips"][1]["reason"] == "no face"


def test_no_rows_keep_their_columns() -> None:
    assert tuple(ResultTable(()).to_frame().columns) == VALUE_COLUMNS
    assert tuple(frames_frame([]).columns) == FRAME_COLUMNS


def test_frame_series_become_long() -> None:
    frame = frames_frame(
        [
            FrameSeries("eap", "neutral", "c1", "intensity", (0.1, 0.2)),
            FrameSeries("eap", "neutral", "c2", "intensity_true", (0.5,)),
        ]
    )
    assert frame["frame"].tolist() == [0, 1, 0]
    assert frame["clip"].tolist() == ["c1", "c1", "c2"]
    assert np.allclose(frame["value"], [0.1, 0.2, 0.5])
