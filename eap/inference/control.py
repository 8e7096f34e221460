"""Overriding what the voice says: for stimuli and demonstrations, not for measuring the model.

The voice alone decides z_exp and alpha(t) of Eq. 1. A `Control` puts another emotion's direction in the place of z_exp,
a curve of one's own in the place of alpha(t), and multiplies alpha(t).
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eap.constants import EMOTIONS, FPS
from eap.errors import ConfigError

MOST = 10.0
"""Greatest intensity and scale that are accepted: far beyond what any voice gives."""
_MOST_BYTES = 10 << 20


@dataclass(frozen=True)
class IntensityCurve:
    """Intensity over time: straight lines between points (seconds, intensity), its first and last value held outside.

    Seconds rise strictly; an intensity is alpha of Eq. 1, from 0 (no expression) to `MOST`; a voice gives about 0 to 1.
    Raises ConfigError for anything else.
    """

    seconds: tuple[float, ...]
    intensity: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.seconds or len(self.seconds) != len(self.intensity):
            raise ConfigError("an intensity curve has no points", fix="give at least one 'seconds,intensity'")
        before = -1.0
        for second, value in zip(self.seconds, self.intensity, strict=True):
            _check_point(second, value, before)
            before = second

    def at(self, frames: NDArray[np.integer]) -> NDArray[np.float32]:
        """Intensity (n,) in the middle of frames (n,) of 25 a second."""
        middle = (np.asarray(frames, np.float64) + 0.5) / FPS
        return np.interp(middle, self.seconds, self.intensity).astype(np.float32)


@dataclass(frozen=True)
class Control:
    """What takes the place of what the voice says; by default nothing does.

    emotion: one of `EMOTIONS`, whose mean z_exp is taken. intensity_curve: alpha(t). intensity_scale: a factor on
    alpha(t), the voice's or the curve's, 0 to `MOST`. Raises ConfigError.
    """

    emotion: str | None = None
    intensity_scale: float = 1.0
    intensity_curve: IntensityCurve | None = None

    def __post_init__(self) -> None:
        if self.emotion is not None and self.emotion not in EMOTIONS:
            raise ConfigError(f"unknown emotion {self.emotion!r}", fix=f"use one of {', '.join(EMOTIONS)}")
        if not 0 <= self.intensity_scale <= MOST:
            raise ConfigError(f"intensity scale is {self.intensity_scale}", fix=f"give a number from 0 to {MOST:g}")

    @property
    def overrides(self) -> bool:
        """Whether anything is overridden."""
        return self != Control()

    def alpha(self, said: NDArray[np.float32], first: int) -> NDArray[np.float32]:
        """alpha (n,) of frames ``first`` onwards, from what the voice said (n,)."""
        if self.intensity_curve is not None:
            said = self.intensity_curve.at(np.arange(first, first + len(said)))
        return said * np.float32(self.intensity_scale)


def read_curve(path: str | Path) -> IntensityCurve:
    """An intensity curve from a CSV file: lines ``seconds,intensity``, a heading and blank lines are allowed.

    Raises ConfigError naming file and line.
    """
    path = Path(path)
    fix = "give lines 'seconds,intensity', seconds rising"
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ConfigError(f"{path}: {path.stat().st_size} bytes are no intensity curve", fix=fix)
        lines = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise ConfigError(f"{path}: {reason}", fix=fix) from error
    points: list[tuple[float, float]] = []
    for number, cells in enumerate(lines, 1):
        row = [cell.strip() for cell in cells]
        if not any(row) or (not points and row == ["seconds", "intensity"]):
            continue
        try:
            second, value = (float(cell) for cell in row)
        except ValueError as error:
            said = ",".join(row)[:40]
            raise ConfigError(f"{path}: line {number}: {said!r} is not two numbers", fix=fix) from error
        try:
            _check_point(second, value, points[-1][0] if points else -1.0)
        except ConfigError as error:
            raise ConfigError(f"{path}: line {number}: {error.message}", fix=error.fix) from error
        points.append((second, value))
    if not points:
        raise ConfigError(f"{path}: holds no points", fix=fix)
    return IntensityCurve(tuple(p[0] for p in points), tuple(p[1] for p in points))


def _check_point(second: float, value: float, before: float) -> None:
    if not math.isfinite(second) or second < 0:
        raise ConfigError(f"time {second:g} is not 0 seconds or later", fix="count from the beginning of the voice")
    if second <= before:
        raise ConfigError(f"time {second:g} does not come after {before:g}", fix="sort the lines by time")
    if not 0 <= value <= MOST:
        raise ConfigError(f"intensity {value:g} is outside 0 to {MOST:g}", fix="0 is no expression, 1 a strong one")
