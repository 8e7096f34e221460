from __future__ import annotations

import base64
import gzip
import json
import math
from typing import Any

import numpy as np
import pytest

from reports.packing import BASE, Words, column, compress, trace


def levels_of(text: str) -> list[int]:
    """A trace's levels, read as the page reads them."""
    levels, level = [], 0
    for sign in text:
        code = ord(sign) - BASE
        level = (level + (-(code + 1) // 2 if code % 2 else code // 2)) % 102
        levels.append(level)
    return levels


def numbers_of(packed: Any, digits: int) -> list[float | None]:
    """A column's numbers, read as the page reads them."""
    if not isinstance(packed, dict):
        return list(packed or [])
    pairs = zip(packed["high"], packed["low"], strict=True)
    whole = [(ord(high) - BASE, ord(low) - BASE) for high, low in pairs]
    return [None if h == 0 else (packed["least"] + (h - 1) * 100 + low) / 10**digits for h, low in whole]


def test_a_trace_is_one_sign_a_frame_for_the_step_from_the_frame_before() -> None:
    text = trace(np.array([0.0, math.sqrt(2), 2.0, np.nan, math.sqrt(2) / 2]))
    # Levels 0, 100, 100, 101 (unknown), 50: steps 0, 100 (which is -2 modulo 102), 0, 1 and -51.
    assert [ord(c) - BASE for c in text] == [0, 3, 0, 2, 101]
    assert levels_of(text) == [0, 100, 100, 101, 50]
    assert trace(None) == ""


def test_every_step_comes_back() -> None:
    rng = np.random.default_rng(3)
    levels = rng.integers(0, 102, 4000)
    values = np.where(levels == 101, np.nan, levels / 100 * math.sqrt(2))
    assert levels_of(trace(values)) == levels.tolist()


def test_small_steps_are_one_byte_each() -> None:
    swing = 0.7 + 0.3 * np.sin(np.arange(75) / 4)
    assert len(trace(swing)[1:].encode()) == 74


def test_a_column_is_hundreds_and_the_rest_from_the_least() -> None:
    packed = column([1.25, None, -0.5, 2.0], 2)
    # 125, -50 and 200 from -50 on: 175, 0 and 250. Hundreds begin at 1.
    assert isinstance(packed, dict)
    assert packed["least"] == -50
    assert [ord(c) - BASE for c in packed["high"]] == [2, 0, 1, 3]
    assert [ord(c) - BASE for c in packed["low"]] == [75, 0, 0, 50]
    assert column([None, None]) is None


@pytest.mark.parametrize("digits", [0, 1, 2, 3])
def test_a_column_gives_back_what_the_page_prints(digits: int) -> None:
    rng = np.random.default_rng(digits)
    values = [None if rng.random() < 0.1 else float(v) for v in rng.normal(0, 3, 500)]
    back = numbers_of(column(values, digits), digits)
    printed = [None if v is None else f"{v:.{digits}f}" for v in back]
    assert [p and float(p) for p in printed] == [v if v is None else float(f"{v:.{digits}f}") for v in values]


def test_a_column_that_is_too_wide_stays_a_list() -> None:
    assert column([0.0, 4_999_999.0]) == {"least": 0, "high": chr(BASE + 1) + chr(BASE + 50_000), "low": "(" + chr(139)}
    assert column([0.0, None, 5_000_000.0]) == [0.0, None, 5_000_000.0]
    chr(BASE + 50_000).encode()  # no surrogate


def test_words_are_kept_once_and_the_empty_one_is_0() -> None:
    words = Words()
    assert [words.number(text) for text in ("sad", "", None, "happy", "sad")] == [1, 0, 0, 2, 1]
    assert words.texts == ["", "sad", "happy"]


def test_compressed_data_is_the_same_bytes_and_comes_back() -> None:
    packed = compress({"a": ["ü<", 1.5, None]})
    assert packed == compress({"a": ["ü<", 1.5, None]})
    assert json.loads(gzip.decompress(base64.b64decode(packed))) == {"a": ["ü<", 1.5, None]}
    assert "<" not in packed
