from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.metrics import peak_signal_noise_ratio

from metrics.psnr import clip_psnr, frame_psnr

Image = NDArray[np.uint8]


def _frame(seed: int, shape: tuple[int, int, int] = (9, 11, 3)) -> Image:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_by_hand() -> None:
    reference = np.zeros((2, 2, 3), np.uint8)
    generated = reference.copy()
    generated[0, 0, 0] = 6  # mean squared error 36 / 12 = 3
    assert frame_psnr(reference, generated) == pytest.approx(10 * np.log10(65025 / 3), abs=1e-12)
    assert frame_psnr(reference, np.full_like(reference, 255)) == 0.0
    assert frame_psnr(reference, reference) == float("inf")


def test_identical_frames_count_as_100_db() -> None:
    assert clip_psnr(np.array([float("inf"), 30.0])) == 65.0


@given(st.integers(0, 10_000))
def test_equals_skimage_both_ways_round(seed: int) -> None:
    a, b = _frame(seed), _frame(seed + 1)
    expected = peak_signal_noise_ratio(a, b)  # type: ignore[no-untyped-call]
    assert frame_psnr(a, b) == pytest.approx(expected, abs=1e-9)
    assert frame_psnr(a, b) == frame_psnr(b, a)


@given(st.integers(0, 1000))
def test_does_not_depend_on_where_pixels_are(seed: int) -> None:
    a, b = _frame(seed), _frame(seed + 1)
    order = np.random.default_rng(seed).permutation(a.size)
    assert frame_psnr(a, b) == frame_psnr(a.ravel()[order].reshape(a.shape), b.ravel()[order].reshape(b.shape))


def test_unequal_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        frame_psnr(_frame(0), _frame(0, (9, 10, 3)))


@pytest.mark.parametrize("clip", ["bbaf2n", "id2_vcd_swwp2s"])
def test_golden(shared_dir: Path, clip: str) -> None:
    golden = json.loads((shared_dir / "reference/image/golden.json").read_text())["clips"][clip]
    frames = np.load(shared_dir / f"reference/image/{clip}_first6.npz")
    for kind in ("crf35", "blur"):
        expected = golden[kind]["per_frame"]["skimage_psnr"][:6]
        found = [frame_psnr(a, b) for a, b in zip(frames["reference"], frames[kind], strict=True)]
        assert found == pytest.approx(expected, abs=1e-6)
