"""Resampling piece by piece: the samples that `resample` gives for the whole, in memory that does not grow."""

from __future__ import annotations

from math import gcd

import numpy as np
from numpy.typing import NDArray

KAISER = ("kaiser", 8.0)
"""Window of the low-pass filter; scipy's length of it: 10 zero crossings to either side."""


class BlockResampler:
    """Polyphase resampling of a signal that arrives in blocks; see `resample` for the filter.

    All blocks of `push` and the one of `close` joined equal `resample` of the joined input to float rounding. Raises
    ValueError for rates that are not above 0.
    """

    def __init__(self, rate_in: int, rate_out: int) -> None:
        if rate_in <= 0 or rate_out <= 0:
            raise ValueError(f"sample rates must be above 0, got {rate_in} and {rate_out}")
        self._rate_in = rate_in
        common = gcd(rate_in, rate_out)
        self._up, self._down = rate_out // common, rate_in // common
        half = 10 * max(self._up, self._down)  # in samples of the common multiple of both rates
        self._reach = -(-half // self._up)
        self._margin = -(-self._reach // self._down) * self._down
        self._filter = self._design(half)
        self._buffer = np.zeros(0, np.float32)
        self._start = 0  # input sample that the buffer begins with; a multiple of `down`, so of whole outputs
        self._given = 0  # output samples handed out

    @property
    def delay(self) -> float:
        """Seconds of input by which the output can be late."""
        return 0.0 if self._up == self._down else (self._reach + self._down) / self._rate_in

    def push(self, samples: NDArray[np.floating]) -> NDArray[np.float32]:
        """Take in samples (n,); give those (m,) of the other rate that no later input changes."""
        block = np.asarray(samples, np.float32)
        if self._up == self._down:
            return block
        self._buffer = np.concatenate([self._buffer, block])
        periods = (self._start + len(self._buffer) - 1 - self._reach) // self._down
        until = max(0, periods) * self._up
        if until <= self._given:
            return np.zeros(0, np.float32)
        out = self._output(until)
        keep = max(0, periods * self._down - self._margin)
        self._buffer = self._buffer[keep - self._start :].copy()
        self._start = keep
        return out

    def close(self) -> NDArray[np.float32]:
        """The rest: what follows is silence."""
        if self._up == self._down or not len(self._buffer):
            return np.zeros(0, np.float32)
        out = self._output(-(-(self._start + len(self._buffer)) * self._up // self._down))
        self._buffer = np.zeros(0, np.float32)
        return out

    def _output(self, until: int) -> NDArray[np.float32]:
        from scipy.signal import resample_poly

        made = resample_poly(self._buffer, self._up, self._down, window=self._filter)
        offset = self._start // self._down * self._up
        part = np.asarray(made[self._given - offset : until - offset], np.float32)
        self._given = until
        return part

    def _design(self, half: int) -> NDArray[np.float32]:
        if self._up == self._down:
            return np.zeros(0, np.float32)
        from scipy.signal import firwin

        taps = firwin(2 * half + 1, 1 / max(self._up, self._down), window=KAISER)
        return np.asarray(taps, np.float32)
