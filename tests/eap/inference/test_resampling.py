"""Block by block equals at once."""

from __future__ import annotations

import numpy as np
import pytest

from eap.inference.resampling import BlockResampler
from eap.media import resample


@pytest.mark.parametrize("rates", [(44100, 16000), (48000, 16000), (8000, 16000), (22050, 16000), (16000, 44100)])
@pytest.mark.parametrize("block", [1, 37, 4096])
def test_blocks_joined_are_the_whole(rates: tuple[int, int], block: int) -> None:
    length = 900 if block == 1 else rates[0] // 2 + 13
    signal = np.random.default_rng(0).normal(size=length).astype(np.float32)
    resampler = BlockResampler(*rates)
    parts = [resampler.push(signal[start : start + block]) for start in range(0, length, block)]
    got = np.concatenate([*parts, resampler.close()])
    want = resample(signal, *rates)
    assert got.shape == want.shape
    assert np.allclose(got, want, atol=1e-5)
    assert len(resampler.close()) == 0


def test_the_output_is_no_later_than_said() -> None:
    for rates in ((44100, 16000), (48000, 16000), (8000, 16000)):
        resampler = BlockResampler(*rates)
        given = 0
        for at in range(1, 60):
            given += len(resampler.push(np.zeros(rates[0] // 100, np.float32)))
            assert at / 100 - given / rates[1] <= resampler.delay + 1e-9


def test_the_same_rate_passes_through_and_none_is_refused() -> None:
    samples = np.arange(5, dtype=np.float32)
    resampler = BlockResampler(16000, 16000)
    assert np.array_equal(resampler.push(samples), samples)
    assert resampler.delay == 0
    assert len(resampler.close()) == len(BlockResampler(44100, 16000).close()) == 0
    with pytest.raises(ValueError, match="above 0"):
        BlockResampler(0, 16000)
