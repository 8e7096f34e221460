"""Data inside a page, packed so that big runs stay small: columns of few signs, gzip, base64.

`static/page.js` (`eapData`) and `static/player.js` read what is written here.
"""

from __future__ import annotations

import base64
import gzip
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

TOP = math.sqrt(2.0)
"""The largest intensity that can be packed: valence and arousal both at 1."""
STEPS = 100
UNKNOWN = 101
BASE = 40
"""Code of the first sign: from `(` on, so that JSON has little to escape."""
HUNDRED = 100
MOST_HUNDREDS = 50_000
"""More hundreds than this would reach the surrogates, which are no signs of their own."""


def compress(payload: object) -> str:
    """Data as base64 of gzip of JSON; the same bytes for the same data."""
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode("ascii")


def trace(values: Floats | None) -> str:
    """Intensity (T,) as one sign a frame: steps from the frame before, modulo 102, of levels 0..100 for 0..sqrt(2).

    Level 101 is "not measured". Steps are counted 0, -1, 1, -2, 2, ...: those of a smooth curve are few signs, one
    byte each, and compress well.
    """
    if values is None:
        return ""
    levels = np.where(np.isfinite(values), np.round(np.clip(np.nan_to_num(values), 0, TOP) / TOP * STEPS), UNKNOWN)
    half = (UNKNOWN + 1) // 2
    steps = np.mod(np.diff(levels.astype(np.int64), prepend=0) + half, UNKNOWN + 1) - half
    return "".join(chr(BASE + int(s)) for s in np.where(steps < 0, -2 * steps - 1, 2 * steps))


def column(values: Sequence[float | None], digits: int = 0) -> dict[str, Any] | list[float | None] | None:
    """Numbers of one kind at `digits` after the point, as two texts of one sign a number: its hundreds and the rest.

    They count from the least one; hundreds begin at 1, and 0 is "no number". None when there is no number at all. A
    column too wide for that (more than five million steps) stays a list.
    """
    whole = [None if v is None else round(round(v, digits) * 10**digits) for v in values]
    known = [n for n in whole if n is not None]
    if not known:
        return None
    least = min(known)
    if (max(known) - least) // HUNDRED >= MOST_HUNDREDS:
        return [None if v is None else round(v, digits) for v in values]
    high = "".join(chr(BASE if n is None else BASE + 1 + (n - least) // HUNDRED) for n in whole)
    low = "".join(chr(BASE if n is None else BASE + (n - least) % HUNDRED) for n in whole)
    return {"least": least, "high": high, "low": low}


class Words:
    """Texts that come again and again, each kept once: a number stands for it. 0 is the empty text."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {"": 0}

    def number(self, text: str | None) -> int:
        """The number of a text."""
        return self._numbers.setdefault(text or "", len(self._numbers))

    @property
    def texts(self) -> list[str]:
        """Every text, at the place of its number."""
        return list(self._numbers)
